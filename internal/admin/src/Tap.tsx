import { type FormEvent, useEffect, useRef, useState } from "react";
import { type Refused, type Seen, tail } from "./api";
import { asRefused, clock, Fault, json } from "./ui";

const kept = 200;

/** What is published, as it happens. */
export function Tap() {
  const [seen, setSeen] = useState<(Seen & { at: number; key: number })[]>([]);
  const [dropped, setDropped] = useState(0);
  const [error, setError] = useState<Refused>();
  const [running, setRunning] = useState<AbortController>();
  const number = useRef(0);
  useEffect(() => () => running?.abort(), [running]);
  const start = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (running) {
      running.abort();
      setRunning(undefined);
      return;
    }
    const pattern = String(new FormData(event.currentTarget).get("pattern")).trim() || "**";
    const stop = new AbortController();
    setError(undefined);
    setRunning(stop);
    tail(pattern, stop.signal, (type, data) => {
      if (type === "dropped") setDropped((n) => n + (data as { dropped: number }).dropped);
      if (type === "message") setSeen((list) => [{ ...(data as Seen), at: Date.now(), key: number.current++ }, ...list].slice(0, kept));
    })
      .catch((e) => stop.signal.aborted || setError(asRefused(e)))
      .finally(() => setRunning((now) => (now === stop ? undefined : now)));
  };
  return (
    <section className="card">
      <form onSubmit={start} className="fields bar">
        <label className="field">
          <span>Channels</span>
          <input name="pattern" defaultValue="**" spellCheck={false} autoCapitalize="off" disabled={!!running} data-testid="pattern" />
          <small>** is every channel, orders/** every one below orders/, chat:* each that begins with chat:</small>
        </label>
        <button className="primary" data-testid="tap">
          {running ? "Stop" : "Listen"}
        </button>
      </form>
      <Fault error={error} />
      {dropped > 0 && <p className="fault">{dropped} messages came too fast to be shown.</p>}
      <ol className="taps" aria-live="off" aria-label="Messages, the newest first" data-testid="taps">
        {seen.map((m) => (
          <li key={m.key}>
            <time>{clock(m.at)}</time>
            <span className="code">
              {m.channel} {m.offset ? `#${m.offset}` : "volatile"}
            </span>
            <span>
              {m.event && <span className="event">{m.event}</span>}
              <code>{json(m.data)}</code>
            </span>
          </li>
        ))}
      </ol>
      {!seen.length && <p className="soft">{running ? "Listening. Nothing was published yet." : "Press Listen to see messages as they are published. Nobody else notices."}</p>}
    </section>
  );
}
