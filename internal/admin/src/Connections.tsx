import { useState } from "react";
import { type Connection, type Everybody, get, post } from "./api";
import { Pages } from "./Channels";
import { Act, count, day, Dialog, Fault, Field, Missing, Table, times, transportName, useAsk } from "./ui";
import { type Question, WhyDialog } from "./WhyDialog";

type Page = Everybody & { connections: Connection[]; after?: string };

export function Connections() {
  const [filter, setFilter] = useState({ user: "", channel: "" });
  const [pages, setPages] = useState<string[]>([]);
  const after = pages.at(-1);
  const { data, error, again } = useAsk(`connections ${JSON.stringify(filter)} ${after}`, () => get<Page>("connections", { ...filter, after, limit: 100 }), 5000);
  const [open, setOpen] = useState<Connection>();
  const [question, ask] = useState<Question>();
  const search = (name: "user" | "channel", label: string) => (
    <label className="field">
      <span>{label}</span>
      <input
        type="search"
        value={filter[name]}
        data-testid={`filter-${name}`}
        onChange={(e) => {
          setFilter({ ...filter, [name]: e.target.value.trim() });
          setPages([]);
        }}
        spellCheck={false}
        autoCapitalize="off"
      />
    </label>
  );
  return (
    <section className="card">
      <div className="fields">
        {search("user", "Of this user")}
        {search("channel", "Subscribed to this channel")}
      </div>
      <Fault error={error} />
      <Missing of={data} />
      <Table
        label="Connections"
        testid="connections"
        rows={data?.connections}
        id={(c) => c.connection}
        none="There is no such connection."
        columns={[
          { head: "Connection", cell: (c) => c.connection, kind: "code" },
          { head: "User", cell: (c) => c.user ?? <span className="soft">anonymous</span> },
          { head: "Transport", cell: (c) => transportName(c.transport) + (c.gateway ? ` (${c.gateway})` : "") },
          { head: "Fallback", cell: (c) => c.fallback ?? <span className="soft">none</span> },
          { head: "State", cell: (c) => (c.state === "parked" ? "lost, may come back" : "connected") },
          { head: "Since", cell: (c) => <time>{day(c.since)}</time> },
          { head: "Subscriptions", cell: (c) => count(c.subscriptions), kind: "number" },
          {
            head: "Do",
            kind: "act",
            cell: (c) => (
              <button aria-label={`Open ${c.connection}`} onClick={() => setOpen(c)}>
                Open
              </button>
            ),
          },
        ]}
      />
      <Pages pages={pages} after={data?.after} set={setPages} />
      {open && <One connection={open} close={() => (setOpen(undefined), again())} ask={ask} />}
      {question && <WhyDialog of={question} close={() => ask(undefined)} />}
    </section>
  );
}

function One({ connection: c, close, ask }: { connection: Connection; close: () => void; ask: (question: Question) => void }) {
  return (
    <Dialog title={`Connection ${c.connection}`} close={close}>
      <p>
        {c.user ? `User ${c.user}` : "Anonymous"}, over {transportName(c.transport)}, {times(c.subscriptions, "subscription")}, since {day(c.since)}.
      </p>
      <Act
        title="Why did a message arrive, or not?"
        button="Ask why"
        send={async (form) => {
          const channel = String(form.get("channel"));
          const text = String(form.get("offset"));
          const offset = text ? Number(text) : (await get<{ offset: number }>("history", { channel, limit: 1 })).offset;
          ask({ channel, offset, connection: c.connection });
          return "";
        }}
      >
        <div className="fields">
          <Field name="channel" label="Channel" required />
          <Field name="offset" label="Message" hint="Its number. Empty: the newest one." />
        </div>
      </Act>
      <Act
        title="Disconnect"
        button="Disconnect"
        danger
        testid="disconnect"
        send={async (form) => {
          await post("disconnect", { connection: c.connection, retry: form.get("retry") === "on" });
          return "It is disconnected.";
        }}
      >
        <label className="check">
          <input type="checkbox" name="retry" /> Its client comes back by itself
        </label>
      </Act>
    </Dialog>
  );
}
