/** Views that only show: refusals, rules, settings. */
import { useState } from "react";
import { type Decision, type Everybody, get, post, type Refusal } from "./api";
import { Act, count, day, Fault, Field, json, Missing, Table, useAsk } from "./ui";

export function Refusals() {
  const { data, error } = useAsk("refusals", () => get<Everybody & { refusals: Refusal[] }>("refusals"), 3000);
  const who = (r: Refusal) => [r.user && `user ${r.user}`, r.key && `key ${r.key.replace(/^name:/, "")}`, r.connection, r.origin, r.address].filter(Boolean).join(", ");
  return (
    <section className="card">
      <p className="soft">The last 256 kinds of each node. The same reason counts together; who asked is the last one.</p>
      <Fault error={error} />
      <Missing of={data} />
      <Table
        label="Refusals"
        testid="refusals"
        rows={data?.refusals}
        id={(r) => [r.node, r.where, r.code, r.reason, r.channel].join(" ")}
        none="Nothing was refused since the start."
        columns={[
          { head: "Last", cell: (r) => <time>{day(r.last)}</time> },
          { head: "Times", cell: (r) => count(r.count), kind: "number" },
          { head: "Where", cell: (r) => r.where + (r.node ? ` (${r.node})` : ""), kind: "code" },
          {
            head: "Reason",
            kind: "wide",
            cell: (r) => (
              <>
                <span className="event">{r.code}</span>
                {r.reason}
                {r.channel && ` (${r.channel})`}
                <small className="soft block">{r.hint}</small>
              </>
            ),
          },
          { head: "Who", cell: who, kind: "wide" },
        ]}
      />
    </section>
  );
}

const abilities = { subscribe: "Subscribe", publish: "Publish", presence: "See who is there", write: "Write documents" } as const;

export function Rules() {
  return (
    <section className="card">
      <Act
        title="What may a client do in a channel?"
        note="The rules that are in effect decide. Give a token, or the claims that one would have, or neither for an anonymous client."
        button="Try"
        testid="rules"
        send={async (form) => {
          const claims = String(form.get("claims")).trim();
          const token = String(form.get("token")).trim();
          let object: unknown;
          try {
            object = claims ? JSON.parse(claims) : undefined;
          } catch {
            throw new Error("The claims are not JSON.");
          }
          const d = await post<Decision>("explain", { channel: String(form.get("channel")).trim(), ...(token ? { token } : {}), ...(object !== undefined ? { claims: object } : {}) });
          return <Decided d={d} />;
        }}
      >
        <Field name="channel" label="Channel" required />
        <div className="fields">
          <Field name="claims" label="Claims" area placeholder={'{"sub": "u42", "roles": ["desk"]}'} />
          <Field name="token" label="Token" area />
        </div>
      </Act>
    </section>
  );
}

function Decided({ d }: { d: Decision }) {
  return (
    <div data-testid="decision">
      <p>
        {d.user ? `User ${d.user}` : "An anonymous client"} in <code>{d.channel}</code>: {d.rule ? <>the rule <code>{d.rule}</code> decides.</> : "no pattern matches, so that rules.subscribe, rules.publish, rules.presence and rules.write decide."}
        {d.join && <> The join <code>{d.join}</code> puts the client in it.</>}
      </p>
      <Table
        label="What the rules allow"
        rows={(Object.keys(abilities) as (keyof typeof abilities)[]).filter((name) => name !== "write" || d.channel.startsWith("documents/"))}
        id={(name) => name}
        none=""
        columns={[
          { head: "May", cell: (name) => abilities[name] },
          { head: "Answer", cell: (name) => (d[name].allowed ? <strong className="good">yes</strong> : <strong className="bad">no</strong>) },
          { head: "Why", cell: (name) => d[name].why, kind: "wide" },
        ]}
      />
      {d.filter !== undefined && (
        <p>
          It hears only messages that match <code>{json(d.filter)}</code>
        </p>
      )}
      <p className="soft">What backends granted, and what hooks would answer, is not looked at.</p>
    </div>
  );
}

interface Setting {
  name: string;
  value: string;
  source: string;
}

export function Settings() {
  const { data, error } = useAsk("settings", () => get<{ node?: string; settings: Setting[] }>("settings"));
  const [part, setPart] = useState("");
  const [all, setAll] = useState(false);
  const rows = data?.settings.filter((s) => (all || s.source !== "default") && (s.name + s.value + s.source).includes(part));
  return (
    <section className="card">
      <div className="fields">
        <label className="field">
          <span>That contain</span>
          <input type="search" value={part} onChange={(e) => setPart(e.target.value.trim())} spellCheck={false} autoCapitalize="off" />
        </label>
        <label className="check">
          <input type="checkbox" checked={all} onChange={(e) => setAll(e.target.checked)} data-testid="all" /> Defaults, too
        </label>
      </div>
      {data?.node && <p className="soft">Of the node {data.node}.</p>}
      <Fault error={error} />
      <Table
        label="Settings in effect"
        testid="settings"
        rows={rows}
        id={(s) => s.name}
        none="No setting is like that."
        columns={[
          { head: "Setting", cell: (s) => s.name, kind: "code" },
          { head: "Value", cell: (s) => s.value || <span className="soft">(empty)</span>, kind: "wide" },
          { head: "From", cell: (s) => s.source, kind: "wide" },
        ]}
      />
    </section>
  );
}
