import useSWR from "swr";
import { useBusStatus, useMessageBus } from "tidings/react";

const load = (url: string) => fetch(url).then((answer) => answer.json());

/** As `useSWR`, asked anew when `channel` says so. */
export function useFreshSWR<T>(channel: string, url: string) {
  const { state } = useBusStatus();
  const answer = useSWR<T>(url, load, { refreshInterval: state === "connected" ? 60_000 : 5_000 });
  const again = () => void answer.mutate();
  useMessageBus(channel, again, { onGap: again, onSubscribed: again });
  return answer;
}

export function OpenOrders() {
  const { data } = useFreshSWR<number>("orders", "/api/orders/open");
  return <p>{data} open orders</p>;
}
