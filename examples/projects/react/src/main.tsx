import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { MessageBusProvider } from "tidings/react";
import { News } from "./News";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MessageBusProvider>
      <News />
    </MessageBusProvider>
  </StrictMode>,
);
