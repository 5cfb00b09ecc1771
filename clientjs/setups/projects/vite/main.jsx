import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { MessageBusProvider, useBusStatus, useMessageBus } from "tidings/react";

function Heard() {
  const [heard, setHeard] = useState([]);
  const { state } = useBusStatus();
  useMessageBus("setups/vite", (text) => setHeard((all) => [...all, text]));
  return <p id="heard">{`${state}: ${heard.join(", ")}`}</p>;
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <MessageBusProvider url={new URLSearchParams(location.search).get("bus")}>
      <Heard />
    </MessageBusProvider>
  </StrictMode>,
);
