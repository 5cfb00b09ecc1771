const bus = tidings.createMessageBus({ url: "http://127.0.0.1:8080/bus" });

const list = document.getElementById("messages");
function show(text) {
  const line = document.createElement("li");
  line.textContent = text; // never innerHTML: what comes over a channel is somebody else's text
  list.append(line);
}

bus.subscribe("quickstart/hello", (payload) => show(payload.text), {
  onGap: () => show("(messages may be missing here)"),
});

bus.onStatus(({ state, transport, error }) => {
  document.getElementById("status").value = error?.hint ?? `${state} ${transport ?? ""}`;
});

document.getElementById("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const { text } = event.target.elements;
  bus.publish("quickstart/hello", { text: text.value }).catch((error) => show(`not published: ${error.message}`));
  text.value = "";
});
