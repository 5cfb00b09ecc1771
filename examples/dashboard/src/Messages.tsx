import { memo } from "react";
import type { Feed, Row } from "./feed.js";
import { useStore } from "./store.js";
import { clock, gapReason } from "./words.js";

/** The latest messages, the newest first. */
export function Messages({ feed }: { feed: Feed }) {
  const { rows, total } = useStore(feed);
  return (
    <section className="card messages" aria-labelledby="messages">
      <h2 id="messages">Latest messages</h2>
      {rows.length === 0 ? (
        <p className="empty">
          Nothing yet. Publish something from this page, or with the line for your terminal. Then cut the connection, publish some more, and see what comes when it
          is back.
        </p>
      ) : (
        <ol data-testid="messages" reversed start={total} tabIndex={0} aria-label="Latest messages">
          {rows.map((row) => (
            <Item key={row.key} row={row} />
          ))}
        </ol>
      )}
    </section>
  );
}

const Item = memo(function Item({ row }: { row: Row }) {
  if ("gap" in row) {
    const { reason, last, from } = row.gap;
    return (
      <li className="gap" data-testid="gap" data-reason={reason}>
        <strong>Gap.</strong> Messages may be missing {last ? `after ${last.offset}` : "here"}, up to {from.offset}: {gapReason(reason)}.
      </li>
    );
  }
  const { offset, data, event, id } = row.message;
  return (
    <li data-testid="message" data-offset={offset} data-id={id}>
      <span className="offset">{offset ?? "∿"}</span>
      <span className="data">
        {event && <span className="event">{event}</span>}
        {typeof data === "string" ? data : <code>{JSON.stringify(data)}</code>}
      </span>
      <time dateTime={row.at.toISOString()}>{clock(row.at)}</time>
    </li>
  );
});
