// Tabs of which the leader has a path that goes mute, or that drops one frame again and again: those that follow hear on.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../src/types.js";
import { settle } from "./helpers/clock.js";
import type { FakeLink } from "./helpers/net.js";
import { world, type TestTab } from "./helpers/tabs.js";

/** Three tabs, each of which hears the channel "a", the last one by a filter. */
async function three() {
  const w = world();
  const tabs = [w.open(), w.open(), w.open()] as [TestTab, TestTab, TestTab];
  const logs = tabs.map(({ bus }, i) => {
    const heard: (number | string)[] = [];
    bus.subscribe("a", (_, __, m: Message) => void heard.push(m.offset), { ...(i === 2 && { filter: { equals: { odd: true } } }), onGap: ({ reason }) => void heard.push(reason) });
    return heard;
  });
  await settle();
  await w.clock.advance(100);
  assert.deepEqual(tabs.map(({ bus }) => bus.status.tab), ["leader", "follower", "follower"]);
  const publish = () => w.server.publish("a", { odd: w.server.channel("a").top % 2 === 0 });
  return { ...w, tabs, logs, publish };
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

for (const [what, ask] of [
  ["a message every 50 ms that stops", () => undefined],
  ["a publish of a follower without an answer", ([, follower]: TestTab[]) => follower!.bus.publish("a", { odd: true })],
] as const) {
  test(`F89: the leader's path goes mute, which shows by ${what}: every tab hears on within 5 s, over the same leader`, async () => {
    const { tabs, logs, publish, clock, server, live } = await three();
    for (let i = 0; i < 100; i++) {
      publish();
      await clock.advance(50);
    }
    const { net } = tabs[0];
    const [first] = net.links as [FakeLink];
    const { onFrames } = net;
    net.onFrames = (link, frames) => link !== first && onFrames(link, frames);
    first.receive = () => {};
    const asked = ask(tabs);
    if (!asked) publish();
    await clock.advance(5_000);
    if (asked) assert.equal((await asked).offset, 101);
    assert.deepEqual(logs, [upTo(101), upTo(101), upTo(101).filter((n) => n % 2)]);
    assert.deepEqual([first.closed, live(), server.sessions.size, tabs.map(({ bus }) => [bus.status.state, bus.status.tab])], [true, 1, 1, [["connected", "leader"], ["connected", "follower"], ["connected", "follower"]]]);
  });
}

test("F87: over the leader's transport one message never arrives: that one is left, and every tab hears all, once and without a gap", async () => {
  const { tabs, logs, publish, clock, live } = await three();
  const { net } = tabs[0];
  const { onFrames } = net;
  const drop = (link: FakeLink): void => {
    const { receive } = link;
    link.receive = (...frames) => receive.apply(link, frames.filter((f) => (f as { offset?: number; type: string }).type !== "message" || (f as { offset?: number }).offset !== 5));
  };
  drop(net.last);
  net.onFrames = (link, frames) => {
    if (link.name === "websocket" && !link.sent.slice(0, -frames.length).length) drop(link);
    onFrames(link, frames);
  };
  for (let i = 0; i < 40; i++) {
    publish();
    await clock.advance(500);
  }
  await clock.advance(5_000);
  assert.deepEqual(logs, [upTo(40), upTo(40), upTo(40).filter((n) => n % 2)]);
  const { state, transport, fallback } = tabs[2].bus.status;
  assert.deepEqual([live(), tabs.map(({ bus }) => bus.status.tab), state, transport, fallback], [1, ["leader", "follower", "follower"], "connected", "sse", "unstable"]);
});
