import { useEffect, useMemo, useState, type FormEvent } from "react";
import { useBusStatus, useMessageBus, usePresence } from "tidings/react";
import { BUILDING, useBuilding } from "./building.js";
import type { Compare } from "./compare.js";
import { Connection } from "./Connection.js";
import { Door } from "./Door.js";
import { Feed } from "./feed.js";
import { Figures } from "./Figures.js";
import { Floors } from "./Floors.js";
import { Hours } from "./Hours.js";
import { Inside } from "./Inside.js";
import { Job } from "./Job.js";
import type { Journal } from "./journal.js";
import { JournalCard } from "./JournalCard.js";
import { Messages } from "./Messages.js";
import { Numbers } from "./Numbers.js";
import { Publish } from "./Publish.js";
import { Savings } from "./Savings.js";
import { Terminal } from "./Terminal.js";
import { gapReason, transportName } from "./words.js";

const CHANNEL = new URLSearchParams(location.search).get("channel") || "hello";

export function App({ journal, compare }: { journal: Journal; compare: Compare }) {
  return (
    <>
      <Header />
      <main>
        <Dashboard journal={journal} compare={compare} />
        <OwnChannel journal={journal} />
      </main>
    </>
  );
}

function Header() {
  const { state, transport } = useBusStatus();
  return (
    <header>
      <h1>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="7" cy="25" r="3.2" />
          <path d="M6 15a11 11 0 0 1 11 11M6 6a20 20 0 0 1 20 20" />
        </svg>
        Tidings
      </h1>
      <p className="place">
        The visitors of a pretend building <Watchers />
      </p>
      <p className={`pill ${state}`} role="status">
        <span className="light" aria-hidden="true" />
        <span data-testid="state">{state}</span>
        <span data-testid="transport" data-transport={transport ?? ""}>
          {transport ? transportName(transport) : "no transport"}
        </span>
      </p>
    </header>
  );
}

/** How many look at the building now: pages, and tabs of one browser as one. */
function Watchers() {
  const { count, known } = usePresence(BUILDING);
  return known ? <span data-testid="watchers">{count === 1 ? "· only you are watching" : `· ${count} are watching`}</span> : null;
}

/** The building: its figures from an HTTP backend, its freshness from the bus. */
function Dashboard({ journal, compare }: { journal: Journal; compare: Compare }) {
  const { data: building, error, live, refetch } = useBuilding(compare);
  return (
    <div className="dashboard" data-testid="dashboard" data-live={live}>
      {building ? (
        <>
          <nav className="pages" aria-label="Other pages">
            <a href="taxis/">Taxis on a map, and a list that follows a box</a>
            <a href="filters/">Try a filter</a>
          </nav>
          <Figures building={building} />
          <Hours building={building} />
        </>
      ) : (
        <section className="card loading">
          <p role="status" className={error ? "note bad" : "note"}>
            {error ? String((error as Error).message) : "Asking the front desk …"}
          </p>
          {error !== null && (
            <button type="button" onClick={refetch}>
              Ask again
            </button>
          )}
        </section>
      )}
      <Connection />
      <Savings compare={compare} />
      {building && <Door building={building} />}
      <Job />
      {building && <Floors building={building} />}
      {building && <Inside building={building} />}
      <JournalCard journal={journal} />
    </div>
  );
}

/** A channel to try things on. */
function OwnChannel({ journal }: { journal: Journal }) {
  const [channel, setChannel] = useState(CHANNEL);
  const [text, setText] = useState(channel);
  const feed = useMemo(() => new Feed(), [channel]);
  useMessageBus(
    channel,
    (_payload, _channel, message) => {
      feed.add(message);
      journal.heard();
    },
    {
      onGap: (gap) => {
        feed.gap(gap);
        journal.write(`Gap: ${gapReason(gap.reason)}`, "bad");
      },
      onError: (error) => journal.write(`“${channel}” was refused: ${error.message}`, "bad"),
    },
  );
  useEffect(() => {
    const timer = setInterval(() => feed.tick(), 1000);
    return () => clearInterval(timer);
  }, [feed]);
  const listen = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) setChannel(text.trim());
  };

  return (
    <section className="own" aria-labelledby="own">
      <div className="own-head">
        <h2 id="own">A channel of your own</h2>
        <form className="channel" onSubmit={listen}>
          <label htmlFor="channel">Listens to</label>
          <input id="channel" data-testid="channel" value={text} onChange={(e) => setText(e.target.value)} spellCheck={false} autoComplete="off" maxLength={200} />
          {text.trim() !== channel && <button type="submit">Listen</button>}
        </form>
      </div>
      <Numbers feed={feed} />
      <Publish channel={channel} />
      <Messages feed={feed} />
      <Terminal channel={channel} />
    </section>
  );
}
