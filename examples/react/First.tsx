import { useState } from "react";
import { MessageBusProvider, useBusStatus, useMessageBus } from "tidings/react";

export default function App() {
  return (
    <MessageBusProvider url="http://127.0.0.1:8080/bus">
      <News />
    </MessageBusProvider>
  );
}

function News() {
  const [lines, setLines] = useState<string[]>([]);
  const { state, error } = useBusStatus();
  useMessageBus<string>("news", (text) => setLines((before) => [...before, text]));
  return (
    <main>
      <p>{state}{error && `: ${error.hint}`}</p>
      <ul>{lines.map((line, i) => <li key={i}>{line}</li>)}</ul>
    </main>
  );
}
