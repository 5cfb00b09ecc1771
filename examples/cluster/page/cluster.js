// The page: what each node carries, and what each client heard. The figures come from the command that runs the nodes, so
// that they are there while no node is; the page's own three clients are clients of the bus like all others.
import { createMessageBus } from "/client/tidings.js";

const at = (id) => document.getElementById(id);
const shown = (id, text) => (document.querySelector(`[data-testid="${id}"]`).textContent = text);
const words = { starting: "starting", up: "up", leaving: "sends its clients away", down: "down" };
const ways = { websocket: "WebSocket", sse: "SSE", poll: "Long-poll" };
const page = crypto.randomUUID();

/** What this page's clients heard of the numbers 1, 2, 3 … */
const mine = Object.keys(ways).map((transport) => {
  const one = { transport, node: "", heard: 0, messages: 0, lost: 0, twice: 0, gaps: 0 };
  const bus = createMessageBus({ transports: [transport], tabs: false }); // else the three would share one
  bus.subscribe(
    "cluster/numbers",
    (n) => {
      if (one.messages && n <= one.heard) one.twice++;
      else if (one.messages) one.lost += n - one.heard - 1;
      one.messages++;
      one.heard = Math.max(one.heard, n);
    },
    { onGap: () => one.gaps++ },
  );
  bus.subscribe(`cluster/page/${page}`, () => {}, { onGap() {} }); // by which the command finds this page's connections
  return one;
});

const list = (at, items) => at.replaceChildren(...items);
function element(tag, text, className = "") {
  const e = document.createElement(tag);
  e.textContent = text;
  e.className = className;
  return e;
}
function chip(one, text) {
  const e = element("li", text, `chip ${one.transport}${one.lost || one.twice ? " broken" : ""}${text === "you" ? " page" : ""}`);
  e.title = `${ways[one.transport]}: heard ${one.messages}, lost ${one.lost}, twice ${one.twice}`;
  return e;
}

function card(node) {
  const found = document.querySelector(`[data-testid="${node.name}"]`);
  if (found) return found;
  const card = at("node").content.firstElementChild.cloneNode(true);
  card.dataset.testid = node.name;
  for (const button of card.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent} ${node.name}`);
    button.addEventListener("click", () => fetch(`${node.name}/${button.dataset.act}`, { method: "POST" }).then(refresh, () => {}));
  }
  at("nodes").append(card);
  return card;
}

function showNode(node, listeners) {
  const e = card(node);
  const here = listeners.filter((one) => one.node === node.name);
  const yours = mine.filter((one) => one.node === node.name);
  const put = (className, text) => (e.querySelector(`.${className}`).textContent = text);
  e.dataset.state = node.state;
  e.dataset.carries = here.length;
  put("name", node.name.replace("node", "Node "));
  put("state", words[node.state]);
  put("id", node.id ? `${node.id} at ${node.addr}` : node.addr);
  put("carries", here.length + yours.length);
  put("carried", node.carried.toLocaleString("en"));
  put("taken", node.taken.toLocaleString("en"));
  list(e.querySelector(".chips"), [...here.map((one) => chip(one, one.name)), ...yours.map((one) => chip(one, "you"))]);
  for (const button of e.querySelectorAll("button")) {
    button.hidden = (button.dataset.act === "start") !== (node.state === "down");
    button.disabled = button.dataset.act === "deploy" && node.state !== "up";
  }
}

function show(state) {
  for (const one of mine) one.node = state.yours?.find((c) => c.transport === one.transport)?.node ?? "";
  const all = [...state.listeners, ...mine];
  const sum = (field) => all.reduce((n, one) => n + one[field], 0);
  const [lost, twice, gaps] = ["lost", "twice", "gaps"].map(sum);
  shown("published", state.published.toLocaleString("en"));
  shown("heard", sum("messages").toLocaleString("en"));
  for (const [name, n] of Object.entries({ lost, twice, gaps })) shown(name, n);
  for (const law of document.querySelectorAll(".law")) law.classList.toggle("broken", law.querySelector("dd").textContent !== "0");
  shown("repeats", state.repeats);
  const broken = lost + twice + gaps > 0;
  at("verdict").classList.toggle("broken", broken);
  if (state.published) shown("verdict", broken ? "Something is missing, or came twice." : `Nothing is lost. ${all.length} clients heard every message once, in order.`);
  for (const node of state.nodes) showNode(node, state.listeners);
  list(at("underway"), [...state.listeners.filter((one) => !one.node).map((one) => chip(one, one.name)), ...mine.filter((one) => !one.node).map((one) => chip(one, "you"))]);
  list(
    at("mine"),
    mine.map((one) => {
      const row = document.createElement("tr");
      row.dataset.testid = `mine-${one.transport}`;
      row.append(element("td", ways[one.transport]), element("td", one.node.replace("node", "Node ") || "on its way"), ...["messages", "lost", "twice"].map((f) => element("td", one[f].toLocaleString("en"), "number")));
      return row;
    }),
  );
  const events = state.events ?? [];
  at("nothing").hidden = events.length > 0;
  list(
    at("events"),
    events.toReversed().map(({ at, text }) => {
      const li = document.createElement("li");
      li.append(element("time", new Date(at).toLocaleTimeString([], { hour12: false })), element("span", text));
      return li;
    }),
  );
}

async function refresh() {
  const answer = await fetch(`state?page=${page}`);
  show(await answer.json());
}

for (;;) {
  await refresh().catch(() => shown("verdict", "The command that runs the nodes has ended."));
  await new Promise((resolve) => setTimeout(resolve, 500));
}
