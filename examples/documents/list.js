import { createMessageBus } from "http://127.0.0.1:8080/client/tidings.js";
import { collection } from "http://127.0.0.1:8080/client/collection.js";

const bus = createMessageBus({ url: "http://127.0.0.1:8080/bus" });
const taxis = collection(bus, "city/taxis");

taxis.live({ filter: { equals: { free: true } }, sort: ["driver"] }, ({ documents, error }) => {
  document.getElementById("note").textContent = error?.hint ?? `${documents.length} are free`;
  document.getElementById("list").replaceChildren(
    ...documents.map(({ _id, driver }) => {
      const line = document.createElement("li");
      const hail = document.createElement("button");
      hail.textContent = `Hail ${driver}`; // never innerHTML: a document is somebody else's text
      hail.addEventListener("click", () => taxis.patch(_id, { free: false }));
      line.append(hail);
      return line;
    }),
  );
});
