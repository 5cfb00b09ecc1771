import { createMessageBus } from "http://127.0.0.1:8080/client/tidings.js";

const at = (id) => document.getElementById(id);
const bus = createMessageBus({ url: "http://127.0.0.1:8080/bus" });

bus.onStatus(({ state, error }) => (at("status").textContent = error ? `${error.message} ${error.hint}` : state));
bus.subscribe("hello", (data) => {
  const item = document.createElement("li");
  item.textContent = typeof data === "string" ? data : JSON.stringify(data);
  at("news").prepend(item);
});
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void bus.publish("hello", at("text").value);
});
