import { useState } from "react";
import { useMessageBus } from "tidings/react";

export function Arrivals({ user }: { user: string | null }) {
  const [names, setNames] = useState<string[]>([]);
  useMessageBus<{ name: string }>(
    user && `visitor-management/arrival/${user}`,
    (payload) => setNames((before) => [...before, payload.name]),
    { onGap: () => setNames(["(some arrivals are not shown)"]) },
  );
  return <ol>{names.map((name, i) => <li key={i}>{name}</li>)}</ol>;
}
