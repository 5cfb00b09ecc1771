import assert from "node:assert/strict";
import { test } from "node:test";
import { servedBus } from "./helpers/bus.js";
import { seeded } from "./helpers/clock.js";
import type { Transport, TransportName } from "../src/transports/transport.js";

const NAMES: TransportName[] = ["websocket", "sse", "poll"];
/**
 * How long after the last change, and after its publish, a message may be heard, in ms. The longest that was seen in
 * 12,000 quiet times is 1,005.
 */
const LIMIT = 3_000;

/**
 * Makes each way of a served bus take its time: `slowly` says how long. Frames of a link stay in order. A transport of
 * `swallowed` proves nothing for now.
 */
function slow({ net, clock }: ReturnType<typeof servedBus>, slowly: () => number, swallowed: Set<TransportName>): void {
  const { onFrames } = net;
  net.onFrames = (link, frames) => clock.set(() => onFrames(link, frames), slowly());
  for (const name of NAMES) {
    net.dead.add(name); // its links are opened here
    const real = net.transports[name];
    net.transports[name] = ((context, events) => {
      const link = real(context, events);
      const own = net.last;
      const prove = (): unknown => (swallowed.has(name) ? clock.set(prove, 50) : own.open());
      clock.set(prove, 2 * slowly());
      const { receive } = own;
      let free = 0;
      own.receive = (...frames) => {
        free = Math.max(free, clock.now() + slowly());
        clock.set(() => receive.apply(own, frames), free - clock.now());
      };
      return link;
    }) as Transport;
  }
}

/**
 * One seed is one story: transports are forced in quick order, swallowed for a while, cut when they were good, the page
 * is looked at, answers come late; and all the while messages are published. After each such burst there is quiet.
 * Gives the longest that a message then took, and how often there was quiet.
 */
async function story(seed: number) {
  const random = seeded(seed);
  const below = (ms: number): number => random() * ms;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const hand = servedBus({ random });
  const { bus, server, net, clock } = hand;
  const swallowed = new Set<TransportName>();
  let latency = 1 + below(150);
  slow(hand, () => latency * (0.5 + random()), swallowed);
  const log: string[] = [];
  const note = (what: string): void => void log.push(`${clock.now().toFixed()} ${what}`);
  const heard = new Map<unknown, number>();
  bus.subscribe("a", (n) => heard.set(n, clock.now()), { onGap: () => assert.fail(`seed ${seed}: a gap`) });
  await clock.advance(2_000);
  let up = clock.now();
  bus.onStatus(({ state, transport, error }) => {
    up = state === "connected" ? Math.min(up, clock.now()) : Infinity;
    note(`  ${state} ${transport} ${error?.code ?? ""}`);
  });
  const published: number[] = [];
  const publish = (): void => void published.push((server.publish("a", published.length), clock.now()));
  let changed = 0;
  const change = (what: string, act: () => void): void => {
    note(what);
    changed = clock.now();
    act();
  };
  // Who loses short connections has to wait longer and longer.
  const cut = (act: () => void) => (): unknown => clock.now() - up >= 10_000 && change("cut", () => (swallowed.clear(), act()));
  const use = (names: TransportName[]): void => change(`use ${names}`, () => bus.use(names));
  const steps: (() => unknown)[] = [
    ...Array.from({ length: 6 }, () => () => use(pick([["websocket"], ["sse"], ["poll"], ["sse", "poll"], NAMES]))),
    cut(() => bus.debug.cut()),
    cut(() => net.links.findLast((l) => !l.closed)?.lost()),
    () => change("wake", () => bus.debug.release()),
    () => (note("swallow"), swallowed.add(pick(NAMES))),
    () => change("pass", () => swallowed.clear()),
    () => (latency = 1 + below(pick([5, 50, 150]))),
  ];
  let longest = 0;
  let quiet = 0;
  for (const end = clock.now() + 60_000 + below(120_000); clock.now() < end; quiet++) {
    for (let n = below(8); n > 0; n--) {
      pick(steps)();
      if (random() < 0.5) publish();
      await clock.advance(random() < 0.5 ? below(20) : below(800));
    }
    change("pass", () => swallowed.clear());
    for (let i = 0; i < 3; i++) {
      publish();
      await clock.advance(below(100));
    }
    while (heard.size < published.length && clock.now() < changed + 2 * LIMIT) await clock.advance(20);
    assert.equal(heard.size, published.length, `seed ${seed}:\n${log.slice(-25).join("\n")}\n${clock.now()} not all was heard`);
    for (const [n, at] of published.slice(-3).entries()) longest = Math.max(longest, (heard.get(published.length - 3 + n) as number) - Math.max(at, changed));
    await clock.advance(below(6_000));
  }
  assert.deepEqual([...heard.keys()], published.map((_, n) => n), `seed ${seed}: in order, each once`);
  bus.close();
  await clock.advance(10_000);
  assert.deepEqual([server.sessions.size, clock.pending], [0, 0], `seed ${seed}: nothing is left`);
  return { longest, quiet };
}

test("100 stories of forced changes in quick order, and of late answers: whatever is published is heard within 3 s", async (t) => {
  let longest = 0;
  let times = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const told = await story(seed);
    longest = Math.max(longest, told.longest);
    times += told.quiet;
  }
  t.diagnostic(`${times} times of quiet, the longest wait ${longest.toFixed()} ms`);
  assert.ok(longest <= LIMIT && times > 2_000, `${longest} ms, ${times} times`);
});
