// Two live lists of one collection: all taxis, for the map; and those in the box, as the server decides.
import { collection } from "../../client/collection.js";
import { createMessageBus } from "../../client/tidings.js";
import { boundingBox, createBox, createFleet, drawCity } from "./map.js";

const $ = (id) => document.getElementById(id);
const city = await (await fetch("city.json")).json();
const bus = createMessageBus({ url: "../../bus" });
/** What each list has heard and asked. */
const heard = { city: 0, list: 0, searches: 0 };

/** The collection, over a bus that counts. */
function counted(name) {
  return collection(
    {
      subscribe: (channel, onMessage, options) => bus.subscribe(channel, (...message) => (heard[name]++, onMessage(...message)), options),
      request(frame) {
        if (name === "list" && frame.data.action === "search") $("searches").textContent = ++heard.searches;
        return bus.request(frame);
      },
    },
    "city/taxis",
  );
}

drawCity($("map"), city);
const { box, toFront } = createBox($("map"), city, () => follow());
const fleet = createFleet($("map"), city);
toFront();

counted("city").live({}, ({ documents }) => {
  fleet.show(documents);
  fleet.mark(listed);
});

let listed = new Set();
let shown; // the list that is seen
let coming; // the one that takes its place when it is loaded
let again = false;
const inBox = counted("list");

const queryOf = () => {
  const place = { geoBoundingBox: { at: boundingBox(city, box) } };
  return { filter: $("free").checked ? { and: [{ equals: { free: true } }, place] } : place, sort: $("sort").value.split(",") };
};

/** Follows another box. The old list stays until the new one is there. */
function follow() {
  const query = queryOf();
  $("query").textContent = written(query);
  if (coming) return void (again = true);
  const next = (coming = { stop: undefined });
  next.stop = inBox.live(query, (state) => {
    if (next === coming && (state.known || state.error)) {
      shown?.stop();
      [shown, coming] = [next, undefined];
      if (again) queueMicrotask(follow);
      again = false;
    }
    if (next === shown) show(state);
  });
}

const rows = new Map();

function show({ documents, error }) {
  $("fault").hidden = !error;
  $("fault").textContent = error ? `${error.message} ${error.hint}` : "";
  $("count").textContent = documents.length;
  $("noun").textContent = documents.length === 1 ? "taxi" : "taxis";
  listed = new Set(documents.map((taxi) => taxi._id));
  fleet.mark(listed);
  for (const [id, row] of rows) {
    if (listed.has(id)) continue;
    row.element.remove();
    rows.delete(id);
  }
  documents.forEach((taxi, i) => {
    const row = rows.get(taxi._id) ?? makeRow(taxi);
    row.update(taxi);
    if ($("list").children[i] !== row.element) $("list").insertBefore(row.element, $("list").children[i] ?? null);
  });
}

function makeRow({ _id, driver, seats }) {
  const element = $("list").appendChild(document.createElement("li"));
  const add = (name, text, tag = "span") => {
    const part = element.appendChild(document.createElement(tag));
    part.className = name;
    part.textContent = text;
    return part;
  };
  add("cab", "").ariaHidden = "true";
  add("driver", driver);
  add("seats", `${seats} seats`);
  const button = add("hail", "Hail", "button");
  button.type = "button";
  element.dataset.id = _id;
  button.addEventListener("click", () => inBox.patch(_id, { free: false }).catch((error) => {
    $("fault").hidden = false;
    $("fault").textContent = `${error.message} ${error.hint}`;
  }));
  for (const [event, id] of [["pointerenter", _id], ["focusin", _id], ["pointerleave", null], ["focusout", null]]) element.addEventListener(event, () => fleet.point(id));
  const row = {
    element,
    update({ free }) {
      if (row.free === free) return;
      row.free = free;
      element.classList.toggle("free", free);
      button.disabled = !free;
      button.textContent = free ? "Hail" : "taken";
      button.ariaLabel = free ? `Hail ${driver}` : `${driver} is taken`;
    },
  };
  rows.set(_id, row);
  return row;
}

/** JSON, but a box on one line. */
const written = (query) => JSON.stringify(query, null, 2).replace(/\{\s+("top"[^}]*?)\s+\}/g, (_, inner) => `{ ${inner.replace(/\s+/g, " ")} }`).replace(/\[\s+("[^\]{]*?)\s+\]/g, (_, inner) => `[${inner.replace(/\s+/g, " ")}]`);

bus.onStatus(pill);
function pill({ state, transport, error } = bus.status) {
  $("pill").className = `pill ${state}`;
  $("state").textContent = error?.hint ?? (transport ? `${state}, ${transport}` : state);
}

const rates = [];
setInterval(() => {
  rates.push({ city: heard.city, list: heard.list });
  if (rates.length > 4) rates.shift();
  for (const name of ["city", "list"]) $(`${name}-rate`).textContent = Math.round((rates.at(-1)[name] - rates[0][name]) / Math.max(1, rates.length - 1));
}, 1_000);

/** The taxis drive while somebody looks. */
function drive() {
  if (document.visibilityState === "visible") fetch("../api/taxis", { method: "POST", headers: { "Content-Type": "application/json" } }).catch(() => {});
}
setInterval(drive, 20_000);
document.addEventListener("visibilitychange", drive);
for (const id of ["free", "sort"]) $(id).addEventListener("change", follow);

drive();
pill();
follow();
