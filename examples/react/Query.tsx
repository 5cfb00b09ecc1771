import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBusStatus, useMessageBus } from "tidings/react";

/** Makes TanStack Query fetch `queryKey` anew when `channel` says so. */
export function useInvalidation(channel: string, queryKey: readonly unknown[]) {
  const client = useQueryClient();
  const invalidate = () => void client.invalidateQueries({ queryKey });
  // onSubscribed too: what was fetched before messages are heard may be old already.
  useMessageBus(channel, invalidate, { onGap: invalidate, onSubscribed: invalidate });
}

export function OpenOrders() {
  useInvalidation("orders", ["orders"]);
  const { state } = useBusStatus();
  const { data } = useQuery<number>({
    queryKey: ["orders", "open"],
    queryFn: ({ signal }) => fetch("/api/orders/open", { signal }).then((answer) => answer.json()),
    refetchInterval: state === "connected" ? 60_000 : 5_000,
  });
  return <p>{data} open orders</p>;
}
