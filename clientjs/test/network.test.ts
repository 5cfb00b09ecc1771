// A random network in virtual time: it drops, cuts, mutes, refuses, delays and duplicates, by size, time and content,
// per transport.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport, TransportName } from "../src/transports/transport.js";
import { servedBus } from "./helpers/bus.js";
import { seeded } from "./helpers/clock.js";
import type { FakeLink } from "./helpers/net.js";

const NAMES: TransportName[] = ["websocket", "sse", "poll"];
/** How long a network stays as bad as it is, and how long the client has after it healed, in ms. */
const BAD = 120_000;
const HEALED = 60_000;

/** What a network does to what passes; undefined: nothing. Sizes are bytes of the JSON. */
interface Fault {
  readonly name: string;
  readonly on: readonly TransportName[];
  /** A frame from the server does not arrive. */
  drops?(frame: string): boolean;
  /** The link ends when it has brought so many bytes; what does not fit is lost. */
  cutAfter?: number;
  /** Nothing passes over a link that is older than this, in ms. */
  muteAfter?: number;
  /** Links are refused. */
  refuses?: boolean;
  /** What the client sends is heard so much later, in ms. */
  delay?: number;
  /** What the client sends is heard twice, the second time so much later, in ms. */
  again?: number;
}

type Random = () => number;

/** Returns a fault that a network may have, of the kind with this number. */
function faultOf(kind: number, random: Random): Fault {
  const below = (n: number): number => Math.floor(random() * n);
  const on = ([NAMES, ["websocket"], ["websocket", "sse"], ["sse", "poll"], ["poll"]] as TransportName[][])[below(5)] as TransportName[];
  const size = [300, 1_000, 2_000, 20_000][below(4)] as number;
  switch (kind) {
    case 0:
      return { name: `drops frames above ${size}`, on, drops: (frame) => frame.length > size };
    case 1:
      return { name: "drops frames with a word", on, drops: (frame) => frame.includes('"word"') };
    case 2:
      return { name: "drops one of ten", on, drops: () => random() < 0.1 };
    case 3:
      return { name: `cuts after ${size}`, on, cutAfter: size };
    case 4:
      return { name: "goes mute", on, muteAfter: [0, 2_000, 15_000][below(3)] };
    case 5:
      return { name: "refuses", on, refuses: true };
    case 6:
      return { name: "delays", on, delay: [200, 1_000, 2_500][below(3)] };
    default:
      return { name: "doubles", on, again: [0, 1_000, 20_000][below(3)] };
  }
}

/** Puts a network between the bus and its server. What `faults` holds now counts. */
function between({ net, clock }: ReturnType<typeof servedBus>, faults: Fault[]): void {
  const of = (link: FakeLink): Fault[] => faults.filter(({ on }) => on.includes(link.name));
  const since = new Map<FakeLink, number>();
  const mute = (link: FakeLink): boolean => of(link).some(({ muteAfter }) => muteAfter !== undefined && clock.now() - (since.get(link) ?? 0) >= muteAfter);
  const { onFrames } = net;
  net.onFrames = (link, frames) => {
    if (mute(link)) return;
    const pass = (): void => onFrames(link, frames);
    const delay = Math.max(0, ...of(link).map((f) => f.delay ?? 0));
    if (delay) clock.set(pass, delay);
    else pass();
    const again = of(link).find((f) => f.again !== undefined)?.again;
    // The copy of a request, whose answer goes to nobody. A WebSocket has none, and bodies of sends are numbered.
    const ghost = Object.assign(Object.create(link) as FakeLink, { receive: () => {}, closed: false });
    if (again !== undefined && link.name !== "websocket" && frames[0]?.type === "connect") clock.set(() => onFrames(ghost, frames), again);
  };
  for (const name of NAMES) {
    net.dead.add(name); // its links are opened here
    const real = net.transports[name];
    net.transports[name] = ((context, events) => {
      const made = real(context, events);
      const link = net.last;
      since.set(link, clock.now());
      let brought = 0;
      const { receive } = link;
      link.receive = (...frames) => {
        if (mute(link)) return;
        const limit = Math.min(...of(link).map((f) => f.cutAfter ?? Infinity));
        for (const frame of frames) {
          const text = JSON.stringify(frame);
          if ((brought += text.length) > limit) return link.lost();
          if (!of(link).some((f) => f.drops?.(text))) receive.call(link, frame);
        }
      };
      clock.set(() => (of(link).some((f) => f.refuses) ? link.lost() : mute(link) || link.open()), 5);
      return made;
    }) as Transport;
  }
}

/** Plays the network of one seed. Returns what to say of it, and what was wrong. */
async function story(seed: number): Promise<{ name: string; wrong: string | undefined; heard: number }> {
  const random = seeded(seed);
  const hand = servedBus({ random });
  const { bus, server, net, clock } = hand;
  server.keep = 100_000;
  const faults: Fault[] = [];
  between(hand, faults);
  const heard: unknown[] = [];
  const gaps: number[] = [];
  /** Links that were tried, and subscribes. */
  const attempts: number[] = [];
  /** When something new was handed out. */
  const progress: number[] = [0];
  const states = new Set<string>();
  bus.onStatus(({ state }) => states.add(state));
  bus.subscribe("a", (data) => (heard.push((data as { n: number }).n), progress.push(clock.now())), { onGap: () => gaps.push(clock.now()) });
  const { onFrames } = net;
  net.onFrames = (link, frames) => {
    for (const { type } of frames) if (type === "connect" || type === "subscribe") attempts.push(clock.now());
    onFrames(link, frames);
  };
  await clock.advance(5_000);
  for (let n = 1 + Math.floor(random() * 2); n > 0; n--) faults.push(faultOf((seed + 3 * n) % 8, random));
  const name = `seed ${seed}: ${faults.map((f) => `${f.name} (${f.on})`).join(", ")}`;
  let published = 0;
  const publish = (): unknown => server.publish("a", { n: ++published, text: published % 7 ? "" : "x".repeat(3_000), ...(published % 11 ? {} : { word: 1 }) });
  const every = [50, 500, 5_000][seed % 3] as number;
  for (const end = clock.now() + BAD; clock.now() < end; ) {
    publish();
    if (random() < 0.02) bus.publish("b", { n: 0 }).catch(() => {});
    await clock.advance(every);
  }
  // Progress, or waits that grow: of a minute without anything new its second half has few attempts.
  let worst = 0;
  for (let at = 5_000; at + 60_000 <= BAD; at += 5_000) {
    if (progress.some((t) => t >= at && t < at + 60_000)) continue;
    worst = Math.max(worst, attempts.filter((t) => t >= at + 30_000 && t < at + 60_000).length);
  }
  // And of any ten seconds none has a storm of them.
  const storm = Math.max(...attempts.map((t) => attempts.filter((u) => u >= t && u < t + 10_000).length), 0);
  faults.length = 0;
  await clock.advance(HEALED);
  const last = published + 1;
  publish();
  await clock.advance(5_000);
  const state = bus.status.state;
  bus.close();
  await clock.advance(60_000);
  const wrong =
    state !== "connected" ? `it is ${state} a minute after the network healed`
    : states.has("closed") && state === ("closed" as string) ? "closed without fault"
    : heard.at(-1) !== last ? `the last that was heard is ${heard.at(-1)} of ${last}`
    : gaps.length ? `${gaps.length} gaps, though history had everything`
    : heard.some((n, i) => n !== i + 1) ? `not in order, each once: ${heard.filter((n, i) => n !== i + 1).slice(0, 3)}`
    : worst > 30 ? `${worst} attempts in 30 s, after 30 s that brought nothing`
    : storm > 120 ? `${storm} attempts in 10 s`
    : clock.pending ? `${clock.pending} timers are left`
    : undefined;
  return { name, wrong, heard: heard.length };
}

test("F65 F87 F88 F89: 160 random networks: progress or growing waits, and nobody closed without fault", async (t) => {
  let heard = 0;
  const wrong: string[] = [];
  for (let seed = 1; seed <= 160; seed++) {
    const told = await story(seed);
    heard += told.heard;
    if (told.wrong) wrong.push(`${told.name}: ${told.wrong}`);
  }
  t.diagnostic(`${heard} messages`);
  assert.deepEqual(wrong, []);
});
