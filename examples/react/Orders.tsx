import { useState } from "react";
import { useMessageBus } from "tidings/react";

export function Orders({ city }: { city: string }) {
  const [count, setCount] = useState(0);
  useMessageBus("orders", () => setCount((n) => n + 1), { filter: { equals: { city } } });
  return <p>{count} orders in {city}</p>;
}
