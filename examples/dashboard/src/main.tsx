import { createRoot } from "react-dom/client";
import { createMessageBus } from "tidings";
import { MessageBusProvider } from "tidings/react";
import { App } from "./App.js";
import { Compare } from "./compare.js";
import { Journal } from "./journal.js";

// The page is at <base>/demo/, the bus at <base>/bus.
const bus = createMessageBus({ url: new URL("../bus", location.href).href });
const journal = new Journal(bus);
const compare = new Compare();

createRoot(document.getElementById("root")!).render(
  <MessageBusProvider bus={bus}>
    <App journal={journal} compare={compare} />
  </MessageBusProvider>,
);
