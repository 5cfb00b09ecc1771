// Checked by tsc, which fails where a line that must not compile does. Here it only has to run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call } from "../src/call.js";
import { collection } from "../src/collection.js";
import { useCollection, useDocument } from "../src/react-collection.js";
import { createMessageBus, type MessageBus, type Position, type Status } from "../src/index.js";
import { onEvent, onJoined } from "../src/joined.js";
import { MessageBusProvider, useBusQuery, useEffectWithPolling, useLiveQuery, useMessageBus, usePresence, useReplyChannel } from "../src/react.js";
import { useJoined, useServerEvent } from "../src/react-joined.js";
import { createFakeBus, type FakeBus } from "../src/testing.js";

interface Arrival {
  user: string;
}

export function compiles(bus: MessageBus, fake: FakeBus): void {
  bus.subscribe<Arrival>("a", ({ user }) => user.toUpperCase());
  bus.subscribe("a", (payload, channel, message) => [payload, channel.length, message.offset] as unknown);
  bus.subscribe<Arrival>("a", (_, __, message) => void bus.subscribe("a", () => {}, { since: message }));
  const position: Promise<Position> = bus.publish("a", { any: ["json"] });
  const state: Status["state"] = bus.status.state;
  const same: MessageBus = fake;
  void [position, state, same];

  createMessageBus({ getToken: async () => null, connectionId: undefined });
  createMessageBus({ getToken: () => "token" });
  // @ts-expect-error: a token is a text
  createMessageBus({ getToken: () => 7 });
  void bus.refresh().then(() => {});
  onJoined<Arrival>(bus, ({ user }, channel, message) => void [user, channel.length, message.event?.length], { onGap: (g) => g.reason });
  onEvent<Arrival>(bus, "alarm", ({ user }, name) => void [user, name.length]);
  onEvent(fake, null, () => {});
  // @ts-expect-error: what comes with an event of no type given is unknown
  onEvent(bus, null, ({ user }) => user);

  void bus.publish("a", 1, { spread: 5_000 });
  // @ts-expect-error: a spread is in ms
  void bus.publish("a", 1, { spread: "5s" });
  // @ts-expect-error: a payload of no type given is unknown
  bus.subscribe("a", ({ user }) => user);
  // @ts-expect-error: a channel is a string
  bus.subscribe(7, () => {});
  // @ts-expect-error: a callback is needed
  bus.subscribe("a");
  // @ts-expect-error: no such option
  bus.subscribe("a", () => {}, { ongap: () => {} });
  // @ts-expect-error: a position is whole
  bus.subscribe("a", () => {}, { since: { offset: 3 } });
  // @ts-expect-error: no such transport
  bus.use(["pigeon"]);
  // @ts-expect-error: the status is not yours to change
  bus.status.state = "connected";
  // @ts-expect-error: messages are not yours to change
  bus.subscribe<Arrival>("a", (_, __, message) => (message.data = { user: "x" }));
}

interface Taxi {
  driver: { name: string; age?: number } | null;
  free: boolean;
  tags: string[];
}

export async function documents(bus: MessageBus, fake: FakeBus): Promise<void> {
  const taxis = collection<Taxi>(bus, "city/taxis");
  const one = await taxis.get("t1");
  void [one?.driver?.name.length, one?._version?.toFixed(), one?._info?.author?.length];
  if (one) await taxis.put(one._id, { driver: { name: "Jo" }, free: true, tags: [] }, { version: one._version });
  // @ts-expect-error: a row of a watched table has no version
  one?._version.toFixed();
  // @ts-expect-error: and nobody who wrote it
  one?._info.author;
  // @ts-expect-error: there may be none
  one.free;
  // @ts-expect-error: documents are not yours to change
  if (one) one.free = true;
  await taxis.create({ driver: null, free: true, tags: [] }, { id: "t1", meta: { by: "me" }, idempotencyKey: undefined });
  // @ts-expect-error: a document is whole
  await taxis.create({ free: true });
  await taxis.patch("t1", { driver: { age: 40 } }, { version: 7 });
  // @ts-expect-error: no such field
  await taxis.patch("t1", { colour: "red" });
  // @ts-expect-error: an array is replaced as a whole
  await taxis.patch("t1", { tags: { 0: "night" } });
  // @ts-expect-error: a creation has no version yet
  await taxis.create({ driver: null, free: true, tags: [] }, { version: 7 });
  const { documents: page, next, seen } = await taxis.search({ filter: { equals: { free: true } }, sort: ["-free"], limit: 10 });
  void [page[0]?.tags.length, next?.length, seen.open.length];
  for (const { id, error, version } of await taxis.mPatch([{ id: "t1", content: { free: false } }])) void [id?.length, error?.hint, version?.toFixed()];
  await taxis.bulk([{ action: "remove", id: "t1" }]);
  // @ts-expect-error: no such action
  await taxis.bulk([{ action: "delete", id: "t1" }]);
  const stop: () => void = taxis.live({ filter: {} }, ({ documents: list, known, more, loading, error }) => void [list[0]?.free, known, more, loading, error?.hint]);
  stop();
  const any = await collection(fake, "city/taxis").get("t1");
  // @ts-expect-error: a field of no type given is unknown
  any?.driver.name;
}

export function Documents({ bus, id }: { bus: MessageBus; id: string | null }) {
  const { documents: list } = useCollection<Taxi>("city/taxis", { filter: { equals: { free: true } }, sort: ["driver.name"], limit: 20, bus });
  const { document } = useDocument<Taxi>("city/taxis", id);
  const none = useCollection(null);
  return <p>{list.map((d) => d.driver?.name)}{document?.free}{none.documents.length}</p>;
}

export function Component({ bus }: { bus: MessageBus }) {
  useMessageBus<Arrival>("a", ({ user }) => user.toUpperCase());
  useMessageBus<Arrival>(null, ({ user }, channel) => void [user, channel.length], { onGap: (g) => g.reason, bus });
  useMessageBus<string>({ some: "context" }, "a", (payload, channel) => payload + channel);
  useMessageBus<Arrival>(["a", "b", null], ({ user }) => user.toUpperCase(), { onError: (error, channel) => void [error.hint, channel.length] });
  useJoined<Arrival>(({ user }, channel) => void [user, channel.length], { bus });
  useServerEvent<Arrival>("alarm", ({ user }, name) => void [user, name.length], bus);
  // @ts-expect-error: that is not what an arrival is
  useJoined<Arrival>(({ name }) => name);
  useMessageBus<Arrival>(["a"] as const, ({ user }) => user.toUpperCase());
  // @ts-expect-error: a payload of no type given is unknown
  useMessageBus("a", (payload) => payload.length);
  // @ts-expect-error: that is not what an arrival is
  useMessageBus<Arrival>("a", ({ name }) => name);
  // @ts-expect-error: a channel is a string
  useMessageBus(["a", 7], () => {});
  // @ts-expect-error: nor is false, which `condition && name` may give
  useMessageBus(false, () => {});
  // @ts-expect-error: a callback is needed
  useMessageBus("a");
  // @ts-expect-error: no such option
  useMessageBus("a", () => {}, { since: 3 });
  const { data, error, refetch } = useBusQuery<Arrival[]>({ channel: ["a", null], fetch: async ({ signal }) => (await fetch("/x", { signal })).json() });
  const older: typeof data = useLiveQuery<Arrival[]>({ channel: "a", fetch: async () => [] }).data;
  void older;
  const inferred = useBusQuery({ channel: "a", key: 7, fetch: () => ({ n: 1 }) });
  const known: number | undefined = inferred.data?.n;
  useEffectWithPolling("a", 5_000, async () => {}, [data]);
  useEffectWithPolling({ some: "context" }, "a", 5_000, ({ signal }: { signal: AbortSignal }) => void signal.aborted, [data]);
  void [data?.[0]?.user, String(error), refetch, known];
  // @ts-expect-error: there may be no data yet
  void inferred.data.n;
  // @ts-expect-error: that is not what fetch answers
  useBusQuery<string>({ channel: "a", fetch: async () => 7 });
  // @ts-expect-error: what to fetch is needed
  useBusQuery({ channel: "a" });
  // @ts-expect-error: an interval is in ms
  useBusQuery({ channel: "a", fetch: () => 1, interval: "60s" });
  // @ts-expect-error: no such option
  useBusQuery({ channel: "a", fetch: () => 1, pollInterval: 5 });
  // @ts-expect-error: an interval is needed
  useEffectWithPolling("a", async () => {}, []);
  const job = useReplyChannel<{ rows: number }, number>({ onProgress: (percent) => percent.toFixed(), onDone: ({ rows }) => rows.toFixed() });
  const rows: number | undefined = job.result?.rows;
  // @ts-expect-error: there may be no result yet
  void job.result.rows;
  // @ts-expect-error: that is not what progress is
  useReplyChannel<unknown, number>({ onProgress: (percent) => percent.length });
  const sum: Promise<number> = call<number>(bus, "sum", [1, 2]);
  // @ts-expect-error: what to call is a name
  void call(bus, 7);
  // @ts-expect-error: an answer of no type given is unknown
  void call(bus, "sum").then((n) => n.toFixed());
  void [rows, sum];
  const { members, count, error: unseen } = usePresence("a", { bus });
  void [members[0]?.user?.length, members[0]?.connection, count.toFixed(), unseen?.hint, usePresence(null).known];
  // @ts-expect-error: one channel
  usePresence(["a"]);
  // @ts-expect-error: who is there is not yours to change
  members.push({ user: "x" });
  return (
    <>
      <MessageBusProvider bus={bus} />
      <MessageBusProvider url="/bus" token="x" />
      {/* @ts-expect-error: either a bus or options for one */}
      <MessageBusProvider bus={bus} url="/bus" />
    </>
  );
}

test("the fake bus has everything that a bus has", () => {
  const want: (keyof MessageBus)[] = ["subscribe", "publish", "history", "status", "onStatus", "use", "close", "debug"];
  const fake = createFakeBus();
  for (const key of want) assert.ok(key in fake, key);
});
