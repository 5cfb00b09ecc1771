import { useEffect, useState } from "react";
import { useBus } from "tidings/react";

const HEARD = 60_000; // ms between two polls while messages come
const DEAF = 5_000; // and while they do not

/** What `url` answers: asked for again at each message of `channel`, and now and then in any case. */
export function useFresh<T>(channel: string, url: string): T | undefined {
  const bus = useBus();
  const [data, setData] = useState<T>();
  useEffect(() => {
    let asked = 0;
    let busy = false;
    let again = false;
    let over = false;
    // One request at a time: a burst of messages costs two requests, and no older answer replaces a newer one.
    async function load() {
      again = busy;
      if (busy) return;
      busy = true;
      asked = Date.now();
      try {
        const answer = await fetch(url);
        const fresh = (await answer.json()) as T;
        if (answer.ok && !over) setData(fresh);
      } catch {
        // The next poll tries again.
      }
      busy = false;
      if (again && !over) void load();
    }
    const timer = setInterval(() => {
      if (Date.now() - asked >= (bus.status.state === "connected" ? HEARD : DEAF)) void load();
    }, 1_000);
    // First listen, then ask: what changes in between is either in the answer or announced by a message.
    const unsubscribe = bus.subscribe(channel, load, { onSubscribed: load, onGap: load });
    void load();
    return () => {
      over = true;
      clearInterval(timer);
      unsubscribe();
    };
  }, [bus, channel, url]);
  return data;
}
