import { MessageBusProvider, useBusStatus } from "tidings/react";
import { Arrivals } from "./Arrivals";

export function App() {
  return (
    <MessageBusProvider url="https://bus.example.com/bus">
      <Lamp />
      <Arrivals user="u42" />
    </MessageBusProvider>
  );
}

export function Lamp() {
  const { state, transport, error } = useBusStatus();
  if (state === "closed") return <p role="alert">No live updates: {error?.hint}</p>;
  return <p title={transport ?? ""}>{state === "connected" ? "live" : "connecting…"}</p>;
}
