// Checked by tsc, which fails where a line that must not compile does. Here it only has to run.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageBus, Position, Status } from "../src/index.js";
import { MessageBusProvider, useMessageBus } from "../src/react.js";
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

export function Component({ bus }: { bus: MessageBus }) {
  useMessageBus<Arrival>("a", ({ user }) => user.toUpperCase());
  useMessageBus<Arrival>(null, ({ user }, channel) => void [user, channel.length], { onGap: (g) => g.reason, bus });
  useMessageBus<string>({ some: "context" }, "a", (payload, channel) => payload + channel);
  useMessageBus<Arrival>(["a", "b", null], ({ user }) => user.toUpperCase(), { onError: (error, channel) => void [error.hint, channel.length] });
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
