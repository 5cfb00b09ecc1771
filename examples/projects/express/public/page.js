import { createMessageBus } from "/client/tidings.js";

const at = (id) => document.getElementById(id);
const { bus: url } = await (await fetch("/config.json")).json();
const bus = createMessageBus({ url });
const shown = new Set();

function show({ id, what }) {
  if (shown.has(id)) return; // in the list already
  shown.add(id);
  const item = document.createElement("li");
  item.textContent = `${id}: ${what}`;
  at("orders").prepend(item);
}
const load = async () => (await (await fetch("/orders")).json()).forEach(show);

bus.onStatus(({ state, error }) => (at("status").textContent = error ? `${error.message} ${error.hint}` : state));
// First listen, then load: nothing falls between. After a gap the list is loaded again.
bus.subscribe("orders", show, { onSubscribed: load, onGap: load });
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await fetch("/orders", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ what: at("text").value }) });
});
