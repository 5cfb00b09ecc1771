import { useEffect, useMemo, useState } from "react";
import { useBusStatus, useMessageBus } from "tidings/react";
import { Connection } from "./Connection.js";
import { Feed } from "./feed.js";
import type { Journal } from "./journal.js";
import { JournalCard } from "./JournalCard.js";
import { Messages } from "./Messages.js";
import { Numbers } from "./Numbers.js";
import { Publish } from "./Publish.js";
import { Terminal } from "./Terminal.js";
import { gapReason, transportName } from "./words.js";

const CHANNEL = new URLSearchParams(location.search).get("channel") || "hello";

export function App({ journal }: { journal: Journal }) {
  const [channel, setChannel] = useState(CHANNEL);
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

  return (
    <>
      <Header channel={channel} onChannel={setChannel} />
      <main>
        <div className="column">
          <Numbers feed={feed} />
          <Messages feed={feed} />
        </div>
        <div className="column side">
          <Connection />
          <Publish channel={channel} />
          <Terminal channel={channel} />
          <JournalCard journal={journal} />
        </div>
      </main>
    </>
  );
}

function Header({ channel, onChannel }: { channel: string; onChannel: (channel: string) => void }) {
  const { state, transport } = useBusStatus();
  const [text, setText] = useState(channel);
  return (
    <header>
      <h1>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="7" cy="25" r="3.2" />
          <path d="M6 15a11 11 0 0 1 11 11M6 6a20 20 0 0 1 20 20" />
        </svg>
        Tidings
      </h1>
      <form
        className="channel"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) onChannel(text.trim());
        }}
      >
        <label htmlFor="channel">Channel</label>
        <input id="channel" data-testid="channel" value={text} onChange={(e) => setText(e.target.value)} spellCheck={false} autoComplete="off" maxLength={200} />
        {text.trim() !== channel && <button type="submit">Listen</button>}
      </form>
      <p className={`pill ${state}`} role="status">
        <span className="dot" aria-hidden="true" />
        <span data-testid="state">{state}</span>
        <span data-testid="transport" data-transport={transport ?? ""}>
          {transport ? transportName(transport) : "no transport"}
        </span>
      </p>
    </header>
  );
}
