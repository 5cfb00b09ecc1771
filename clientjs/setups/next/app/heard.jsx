"use client";
import { useState } from "react";
import { MessageBusProvider, useBusStatus, useMessageBus } from "tidings/react";

function Messages() {
  const [heard, setHeard] = useState([]);
  const { state } = useBusStatus();
  useMessageBus("setups/next", (text) => setHeard((all) => [...all, text]));
  return <p id="heard">{`${state}: ${heard.join(", ")}`}</p>;
}

export const Heard = ({ url }) => (
  <MessageBusProvider url={url}>
    <Messages />
  </MessageBusProvider>
);
