import { type Cluster, get, type Refused, type Stats } from "./api";
import { Chart } from "./Chart";
import { connected, type Moment } from "./rates";
import { count, day, Fault, Missing, Table, times, transportName, useAsk } from "./ui";

const reasons: Record<string, string> = {
  refused: "the first transport could not be opened",
  unproven: "it opened, and nothing came back over it",
  unstable: "it was cut again and again",
  remembered: "it failed on this network before",
  chosen: "the application chose",
  other: "a reason of its own",
};

const pressures = ["", "Memory is short: new connections are refused.", "Memory is very short: new connections and publishes are refused."];

export function Overview({ stats, moments, error }: { stats?: Stats | undefined; moments: Moment[]; error?: Refused | undefined }) {
  const last = moments.at(-1);
  const tiles: [string, string, string][] = stats
    ? [
        ["Connections", count(connected(stats)), stats.parked ? `and ${count(stats.parked)} that wait to come back` : "with a transport now"],
        ["Channels", count(stats.channels), times(stats.subscriptions, "subscription")],
        ["Published", last ? `${last.published.toFixed(1)}/s` : "…", `${count(stats.published)} since the start`],
        ["Delivered", last ? `${last.delivered.toFixed(1)}/s` : "…", `${count(stats.delivered)} since the start`],
        ["Refused", count(stats.refused), "requests since the start"],
        ["Gaps", count(stats.gaps), "that clients were told of"],
      ]
    : [];
  return (
    <>
      <Fault error={error} />
      <Missing of={stats} />
      {stats && !stats.broker && <p className="fault">The broker does not answer. Publishes fail until it does.</p>}
      {stats && stats.pressure > 0 && <p className="fault">{pressures[stats.pressure]}</p>}
      <dl className="tiles" data-testid="tiles">
        {tiles.map(([name, value, note]) => (
          <div className="card" key={name}>
            <dt>{name}</dt>
            <dd className="value">{value}</dd>
            <dd className="soft">{note}</dd>
          </div>
        ))}
      </dl>
      <div className="two">
        <Chart title="Messages each second" moments={moments} lines={[{ name: "published", of: "published", color: "--poll" }, { name: "delivered", of: "delivered", color: "--accent" }]} />
        <Chart title="Connections" moments={moments} lines={[{ name: "with a transport", of: "connections", color: "--accent" }]} />
      </div>
      <div className="two">
        <div className="column">
          <Transports stats={stats} />
          <Hooks stats={stats} />
        </div>
        <div className="column">
          <Limits stats={stats} />
          <Nodes />
        </div>
      </div>
    </>
  );
}

function Transports({ stats }: { stats?: Stats | undefined }) {
  const rows = stats && [
    ...Object.entries(stats.connections).map(([transport, now]) => ({ transport, reason: "", now, ever: undefined as number | undefined })),
    ...stats.fallbacks.map((f) => ({ transport: f.transport, reason: f.reason, now: f.connections, ever: f.connects })),
  ];
  rows?.sort((a, b) => a.transport.localeCompare(b.transport) || a.reason.localeCompare(b.reason));
  return (
    <section className="card">
      <h3>By transport, and why it is not the first</h3>
      <Table
        label="Connections by transport and by reason of fallback"
        testid="transports"
        rows={rows}
        id={(r) => r.transport + r.reason}
        none="Nobody is connected."
        columns={[
          { head: "Transport", cell: (r) => (r.reason ? <span className="indent">{reasons[r.reason] ?? r.reason}</span> : <strong>{transportName(r.transport)}</strong>) },
          { head: "Now", cell: (r) => count(r.now), kind: "number" },
          { head: "Connects", cell: (r) => (r.ever === undefined ? "" : count(r.ever)), kind: "number" },
        ]}
      />
    </section>
  );
}

function Limits({ stats }: { stats?: Stats | undefined }) {
  const rows = stats?.limits.filter((l) => l.most > 0);
  return (
    <section className="card">
      <h3>Near a limit</h3>
      <Table
        label="How much of each limit is used"
        rows={rows}
        id={(l) => l.name + (l.node ?? "")}
        none="No limit is set."
        columns={[
          { head: "Limit", cell: (l) => (l.node ? `${l.name} (${l.node})` : l.name) },
          { head: "Used", cell: (l) => `${count(l.used)} of ${count(l.most)}`, kind: "number" },
          {
            head: "Share",
            kind: "number",
            cell: (l) => <meter min={0} max={l.most} high={l.most * 0.8} optimum={0} value={l.used} aria-label={`${l.name}: ${Math.round((l.used / l.most) * 100)} percent`} />,
          },
        ]}
      />
    </section>
  );
}

function Hooks({ stats }: { stats?: Stats | undefined }) {
  const asked = stats?.hooks.filter((h) => h.allowed + h.refused + h.failed > 0);
  return (
    <section className="card">
      <h3>What the application answers</h3>
      <Table
        label="Hooks"
        rows={asked}
        id={(h) => h.hook}
        none="No hook has been asked since the start."
        columns={[
          { head: "Hook", cell: (h) => h.hook, kind: "code" },
          { head: "Allowed", cell: (h) => count(h.allowed), kind: "number" },
          { head: "Refused", cell: (h) => count(h.refused), kind: "number" },
          { head: "Failed", cell: (h) => (h.failed ? <strong className="bad">{count(h.failed)}</strong> : "0"), kind: "number" },
        ]}
      />
      {stats && (stats.events.sent > 0 || stats.events.lost > 0 || stats.events.waiting > 0) && (
        <p className="soft">
          Events: {count(stats.events.sent)} sent, {count(stats.events.waiting)} waiting, {count(stats.events.lost)} lost.
        </p>
      )}
    </section>
  );
}

function Nodes() {
  const { data, error } = useAsk("cluster", () => get<Cluster>("cluster"), 5000);
  return (
    <section className="card">
      <h3>Nodes</h3>
      <Fault error={error} />
      {data && !data.nodes.length ? (
        <p className="soft">This server is the only node.</p>
      ) : (
        <Table
          label="Nodes"
          rows={data?.nodes}
          id={(n) => n.id}
          none=""
          columns={[
            { head: "Node", cell: (n) => (n.id === data?.node ? `${n.id} (this one)` : n.id), kind: "code" },
            { head: "Connections", cell: (n) => count(Object.values(n.connections).reduce((a, b) => a + b, 0)), kind: "number" },
            { head: "Since", cell: (n) => day(n.since) },
            { head: "State", cell: (n) => (n.draining ? "sends its clients away" : n.reachable ? "well" : <strong className="bad">not reached</strong>) },
          ]}
        />
      )}
      {data?.differing && <p className="fault">These settings are not the same on all nodes: {data.differing.join(", ")}</p>}
    </section>
  );
}
