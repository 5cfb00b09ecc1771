"use client";
import { useState } from "react";
import { MessageBusProvider, useBus, useBusStatus, useMessageBus } from "tidings/react";

/** In the browser: goes on where the server's list ends. */
export function News({ url, first, since }) {
  return (
    <MessageBusProvider url={url}>
      <List first={first} since={since} />
    </MessageBusProvider>
  );
}

function List({ first, since }) {
  const bus = useBus();
  const { state, error } = useBusStatus();
  const [news, setNews] = useState(first);
  useMessageBus("hello", (data) => setNews((before) => [data, ...before].slice(0, 20)), { since });

  function publish(event) {
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
