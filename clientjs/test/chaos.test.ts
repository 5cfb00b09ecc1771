import assert from "node:assert/strict";
import { test } from "node:test";
import { servedBus } from "./helpers/bus.js";
import { seeded, settle } from "./helpers/clock.js";
import type { TransportName } from "../src/transports/transport.js";

interface Seen {
  gap?: true;
  epoch: string;
  offset: number;
  id: string;
}

/**
 * One seed is one story: publishes, cuts, changes of transport, messages lost by a faulty server, sessions forgotten,
 * histories wiped, while three subscriptions listen. A calm one has no wipes, and history enough. Gives what each
 * channel's callback saw, and what was published there.
 */
async function story(seed: number, calm = false) {
  const random = seeded(seed);
  const { bus, server, net, clock } = servedBus({ random });
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const channels = ["a", "b", "__proto__"];
  const seen = new Map<string, Seen[]>(channels.map((c) => [c, []]));
  const published = new Map<string, { epoch: string; offset: number; id: string }[]>(channels.map((c) => [c, []]));
  server.keep = calm ? 1000 : pick([5, 50, 1000]);
  for (const c of channels) {
    bus.subscribe(c, (_, __, m) => void seen.get(c)?.push({ epoch: m.epoch, offset: m.offset, id: m.id }), {
      onGap: (g) => void seen.get(c)?.push({ gap: true, ...g.from, id: "" }),
    });
  }
  await settle();
  const starts = new Map(channels.map((c) => [c, server.channel(c).epoch]));
  const publish = (): void => {
    const c = pick(channels);
    published.get(c)?.push(server.publish(c, seed));
  };
  const steps: (() => unknown)[] = [
    publish, publish, publish, publish, publish,
    () => bus.debug.cut(),
    () => clock.advance(random() * 2_000),
    () => clock.advance(random() * 40_000),
    () => bus.use([pick<TransportName>(["websocket", "sse", "poll"])]),
    () => void bus.publish("a", "from the client").then(({ epoch, offset }) => published.get("a")?.push({ epoch, offset, id: "" }), () => {}),
    () => (server.swallow = (f) => (f as { type: string }).type === "message" && random() < 0.2),
    () => (server.swallow = () => false),
    () => random() < 0.3 && server.forget(),
    () => random() < 0.1 && !calm && server.wipe(pick(channels)),
    () => net.last.closed || net.last.lost(),
  ];
  for (let i = 0; i < 60; i++) {
    await pick(steps)();
    if (random() < 0.3) await settle();
  }
  server.swallow = () => false;
  await clock.advance(120_000);
  for (const c of channels) published.get(c)?.push(server.publish(c, "last"));
  await clock.advance(120_000);
  bus.close();
  return { channels, seen, published, starts, server, pending: clock.pending };
}

/** What is wrong with what a callback saw. */
function check(seen: Seen[], published: { epoch: string; offset: number }[], start: string, top: { epoch: string; top: number }): string | undefined {
  let at = { epoch: start, offset: 0 };
  const ids = new Set<string>();
  for (const s of seen) {
    if (s.gap) {
      at = s;
      continue;
    }
    if (ids.has(s.id)) return `message ${s.id} twice`;
    ids.add(s.id);
    if (s.epoch !== at.epoch) return `${s.epoch}:${s.offset} after ${at.epoch}:${at.offset} without a gap`;
    if (s.offset <= at.offset) return `offset ${s.offset} after ${at.offset}`;
    const missed = published.find((p) => p.epoch === at.epoch && p.offset > at.offset && p.offset < s.offset);
    if (missed) return `offset ${missed.offset} was lost in silence`;
    at = s;
  }
  if (at.epoch !== top.epoch || at.offset !== top.top) return `ended at ${at.epoch}:${at.offset}, the top is ${top.epoch}:${top.top}`;
  return undefined;
}

test("200 stories of cuts, losses and wipes: in order, none twice, none lost in silence, all at the top in the end", async () => {
  let messages = 0;
  let gaps = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const { channels, seen, published, starts, server, pending } = await story(seed);
    for (const c of channels) {
      const saw = seen.get(c) ?? [];
      assert.equal(check(saw, published.get(c) ?? [], starts.get(c) as string, server.channel(c)), undefined, `seed ${seed}, channel ${c}`);
      messages += saw.filter((s) => !s.gap).length;
      gaps += saw.filter((s) => s.gap).length;
    }
    assert.equal(pending, 0, `seed ${seed} left timers`);
  }
  assert.ok(messages > 4_000 && gaps > 50, `the stories are dull: ${messages} messages, ${gaps} gaps`);
});

test("60 calm stories: history was long enough and lost nothing, so there is no gap", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { channels, seen } = await story(seed, true);
    for (const c of channels) assert.equal(seen.get(c)?.find((s) => s.gap), undefined, `seed ${seed}, channel ${c}`);
  }
});
