// The start page: listens on one channel, publishes to it, and shows how others do so.
import { createMessageBus } from "../client/tidings.js";

const at = (id) => document.getElementById(id);
const base = new URL(".", document.baseURI).href.replace(/\/$/, "");
const bus = createMessageBus({ url: `${base}/bus` });
const ways = { websocket: "WebSocket", sse: "a stream (SSE)", poll: "long-polling" };
/** How many messages the list shows. */
const shown = 50;

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function showLines(channel) {
  const body = JSON.stringify({ channel, data: at("text").value });
  at("line-publish").textContent = `curl --json ${quoted(body)} ${base}/api/publish`;
  at("line-listen").textContent = `curl -N ${quoted(`${base}/bus/sse?channel=${encodeURIComponent(channel).replaceAll("%2F", "/")}`)}`;
  at("line-page").textContent = `import { createMessageBus } from "${base}/client/tidings.js";\n\ncreateMessageBus({ url: "${base}/bus" }).subscribe(${JSON.stringify(channel)}, (data) => console.log(data));`;
}

function showFault(error) {
  at("fault").hidden = !error;
  at("fault").textContent = error ? `${error.message} ${error.hint}` : "";
  at("channel").toggleAttribute("aria-invalid", error?.code === "bad_channel");
}

function showMessage(data) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const text = document.createElement("span");
  time.textContent = new Date().toLocaleTimeString([], { hour12: false });
  text.textContent = typeof data === "string" ? data : JSON.stringify(data);
  item.append(time, text);
  at("messages").prepend(item);
  while (at("messages").children.length > shown) at("messages").lastChild.remove();
  at("none").hidden = true;
}

function showStatus() {
  const { state, transport, error } = bus.status;
  at("status").dataset.state = state;
  at("status").textContent = state === "connected" ? `Connected by ${ways[transport]}` : state === "closed" ? `Closed: ${error?.message} ${error?.hint}` : state === "waiting" ? "The server is away. It is tried again." : "Connecting …";
}

let leave = () => {};
/** Listens on what the field names, and leaves what it named before. */
function listen() {
  leave();
  delete at("messages").dataset.live;
  const channel = at("channel").value;
  showFault(null);
  showLines(channel);
  leave = bus.subscribe(channel, showMessage, {
    onError: showFault,
    onGap() {}, // a page that shows what comes has nothing to fetch anew
    onSubscribed: () => (at("messages").dataset.live = channel),
  });
}

at("channel").addEventListener("change", listen);
at("text").addEventListener("input", () => showLines(at("channel").value));
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  showFault(await bus.publish(at("channel").value, at("text").value).then(() => null, (error) => error));
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(at(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}
bus.onStatus(showStatus);
showStatus();
listen();
