import { useState, type SubmitEvent } from "react";
import { useBus, useBusStatus, useMessageBus } from "tidings/react";

/** Shows what is published to the channel `hello`, and publishes to it. */
export function News() {
  const bus = useBus();
  const { state, error } = useBusStatus();
  const [news, setNews] = useState<unknown[]>([]);
  useMessageBus("hello", (data) => setNews((before) => [data, ...before].slice(0, 20)));

  function publish(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    void bus.publish("hello", new FormData(event.currentTarget).get("text"));
  }

  return (
    <main>
      <h1>News</h1>
      <p role="status">{error ? `${error.message} ${error.hint}` : state}</p>
      <form onSubmit={publish}>
        <input name="text" aria-label="Message" defaultValue="Hello" />
        <button>Publish</button>
      </form>
      <ul>
        {news.map((data, i) => (
          <li key={news.length - i}>{typeof data === "string" ? data : JSON.stringify(data)}</li>
        ))}
      </ul>
    </main>
  );
}
