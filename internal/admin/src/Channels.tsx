import { useState } from "react";
import { type Channel, type Connection, type Everybody, get, type Message } from "./api";
import { PublishForm } from "./forms";
import { count, day, Fault, json, Missing, Table, times, transportName, useAsk } from "./ui";
import { type Question, WhyDialog } from "./WhyDialog";

type Page = Everybody & { channels: Channel[]; after?: string };

export function Channels({ open }: { open: string }) {
  return open ? <One key={open} channel={open} /> : <List />;
}

function List() {
  const [prefix, setPrefix] = useState("");
  const [pages, setPages] = useState<string[]>([]);
  const after = pages.at(-1);
  const { data, error } = useAsk(`channels ${prefix} ${after}`, () => get<Page>("channels", { prefix, after, limit: 100 }), 5000);
  return (
    <section className="card">
      <label className="field search">
        <span>Names that begin with</span>
        <input
          type="search"
          value={prefix}
          data-testid="prefix"
          onChange={(e) => {
            setPrefix(e.target.value.trim());
            setPages([]);
          }}
          spellCheck={false}
          autoCapitalize="off"
        />
      </label>
      <Fault error={error} />
      <Missing of={data} />
      <Table
        label="Channels"
        testid="channels"
        rows={data?.channels}
        id={(c) => c.channel}
        none={prefix ? "No channel has such a name." : "Nobody hears a channel, nor did a minute ago."}
        columns={[
          {
            head: "Channel",
            kind: "code",
            cell: (c) => (
              <a href={`#channels/${encodeURIComponent(c.channel)}`}>{c.channel}</a>
            ),
          },
          { head: "Subscribers", cell: (c) => count(c.subscribers), kind: "number" },
          { head: "Newest message", cell: (c) => (c.offset ? count(c.offset) : "none yet"), kind: "number" },
          { head: "Epoch", cell: (c) => c.epoch, kind: "code" },
        ]}
      />
      <Pages pages={pages} after={data?.after} set={setPages} />
    </section>
  );
}

export function Pages({ pages, after, set }: { pages: string[]; after?: string | undefined; set: (pages: string[]) => void }) {
  if (!pages.length && !after) return null;
  return (
    <p className="pages">
      <button disabled={!pages.length} onClick={() => set(pages.slice(0, -1))}>
        Back
      </button>
      <button disabled={!after} onClick={() => set([...pages, after!])}>
        More
      </button>
    </p>
  );
}

interface History {
  messages: Message[];
  epoch: string;
  offset: number;
  tag: string;
}

interface Members {
  members: { user?: string; connection?: string }[];
  count: number;
}

/** One channel. A message and a connection, chosen in either order, are the question why. */
function One({ channel }: { channel: string }) {
  const history = useAsk(`history ${channel}`, () => get<History>("history", { channel, limit: 50 }), 3000);
  const subscribers = useAsk(`subscribers ${channel}`, () => get<Everybody & { connections: Connection[]; after?: string }>("connections", { channel, limit: 50 }), 5000);
  const [message, setMessage] = useState<number>();
  const [connection, setConnection] = useState<string>();
  const [question, ask] = useState<Question>();
  const choose = (next: { message?: number; connection?: string }) => {
    const [offset, id] = [next.message ?? message, next.connection ?? connection];
    setMessage(offset);
    setConnection(id);
    if (offset !== undefined && id !== undefined) {
      ask({ channel, offset, connection: id });
      setMessage(undefined);
      setConnection(undefined);
    }
  };
  return (
    <>
      <p>
        <a href="#channels">← All channels</a>
      </p>
      <h3 className="name">{channel}</h3>
      {history.data && (
        <p className="soft">
          Position {history.data.epoch}:{history.data.offset}:{history.data.tag}
        </p>
      )}
      {(message !== undefined || connection !== undefined) && (
        <p className="ask" role="status">
          {message !== undefined ? `Message ${message}: choose the connection below that should have it.` : `Connection ${connection}: choose the message that it should have.`}{" "}
          <button onClick={() => (setMessage(undefined), setConnection(undefined))}>Never mind</button>
        </p>
      )}
      <div className="two">
        <section className="card">
          <h3>Messages, the newest first</h3>
          <Fault error={history.error} />
          <Table
            label="Messages"
            testid="messages"
            rows={history.data && [...history.data.messages].reverse()}
            id={(m) => m.id}
            none="The channel's history is empty."
            columns={[
              { head: "Message", cell: (m) => m.offset, kind: "number" },
              { head: "Time", cell: (m) => (m.time ? <time>{day(m.time)}</time> : "") },
              {
                head: "Data",
                kind: "wide",
                cell: (m) => (
                  <>
                    {m.event && <span className="event">{m.event}</span>}
                    <code>{json(m.data)}</code>
                  </>
                ),
              },
              {
                head: "Ask",
                kind: "act",
                cell: (m) => (
                  <button aria-pressed={message === m.offset} aria-label={`Why? Message ${m.offset}`} onClick={() => choose({ message: m.offset })}>
                    Why?
                  </button>
                ),
              },
            ]}
          />
        </section>
        <section className="card">
          <h3>Who hears it</h3>
          <Fault error={subscribers.error} />
          <Missing of={subscribers.data} />
          <Table
            label="Connections that are subscribed"
            testid="subscribers"
            rows={subscribers.data?.connections}
            id={(c) => c.connection}
            none="Nobody is subscribed."
            columns={[
              { head: "Connection", cell: (c) => c.connection, kind: "code" },
              { head: "User", cell: (c) => c.user ?? "anonymous" },
              { head: "Transport", cell: (c) => `${transportName(c.transport)}${c.state === "parked" ? ", lost" : ""}` },
              {
                head: "Ask",
                kind: "act",
                cell: (c) => (
                  <button aria-pressed={connection === c.connection} aria-label={`Why? Connection ${c.connection}`} onClick={() => choose({ connection: c.connection })}>
                    Why?
                  </button>
                ),
              },
            ]}
          />
          {subscribers.data?.after && <p className="soft">These are the first 50. The view Connections lists all, by channel.</p>}
          <Presence channel={channel} />
        </section>
      </div>
      <section className="card">
        <PublishForm key={channel} channel={channel} done={history.again} />
      </section>
      {question && <WhyDialog of={question} close={() => ask(undefined)} />}
    </>
  );
}

function Presence({ channel }: { channel: string }) {
  const { data, error } = useAsk(`presence ${channel}`, () => get<Members>("presence", { channel, limit: 50 }), 5000);
  if (error?.code === "forbidden") return <p className="soft">Who is there is not kept for this channel, or not for this key to see.</p>;
  return (
    <>
      <h3>Members</h3>
      <Fault error={error} />
      {data && (
        <p>
          {times(data.count, "member")}
          {data.count > 0 && ": "}
          {data.members.map((m) => m.user ?? m.connection).join(", ")}
          {data.count > data.members.length && " …"}
        </p>
      )}
    </>
  );
}
