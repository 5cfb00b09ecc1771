import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position } from "../src/core/frames.js";
import type { TransportName } from "../src/transports/transport.js";
import { seeded, settle } from "./helpers/clock.js";
import { world, type TestTab } from "./helpers/tabs.js";

interface Seen {
  readonly gap: boolean;
  readonly epoch: string;
  readonly offset: number;
  readonly id: string;
}

/** What one callback of one tab was told. */
interface Log {
  readonly tab: TestTab;
  readonly channel: string;
  start: Position | undefined;
  readonly seen: Seen[];
}

interface Published {
  readonly epoch: string;
  readonly offset: number;
}

/**
 * What is wrong with what a callback was told; nothing where it got every acknowledged message once, in order, or one
 * gap in place of some.
 */
function check({ seen, start }: Log, published: Published[], top: Published): string | undefined {
  if (!start) return "never subscribed";
  let at: Published = start;
  const ids = new Set<string>();
  let last: Seen | undefined;
  for (const s of seen) {
    if (s.gap) {
      if (last?.gap && last.epoch === s.epoch && last.offset === s.offset) return `the gap to ${s.epoch}:${s.offset} was told twice`;
    } else {
      if (ids.has(s.id)) return `message ${s.id} twice`;
      ids.add(s.id);
      if (s.epoch !== at.epoch) return `${s.epoch}:${s.offset} after ${at.epoch}:${at.offset} without a gap`;
      if (s.offset <= at.offset) return `offset ${s.offset} after ${at.offset}`;
      const missed = published.find((p) => p.epoch === at.epoch && p.offset > at.offset && p.offset < s.offset);
      if (missed) return `offset ${missed.offset} was lost in silence`;
    }
    at = last = s;
  }
  if (at.epoch !== top.epoch || at.offset !== top.offset) return `ended at ${at.epoch}:${at.offset}, the top is ${top.epoch}:${top.offset}`;
  return undefined;
}

/**
 * One seed is one story of a browser: tabs come and go, stop, freeze, crash, listen and publish, while the network and
 * the browser fail.
 */
async function story(seed: number, calm = false) {
  const random = seeded(seed);
  const { clock, browser, server, open, live } = world(random);
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const channels = ["a", "b", "__proto__"];
  const published = new Map<string, Published[]>(channels.map((c) => [c, []]));
  const tabs: TestTab[] = [];
  let logs: Log[] = [];
  let takeovers = 0;
  server.keep = calm ? 100_000 : (pick([5, 50, 1000]) as number);
  const alive = (): TestTab[] => tabs.filter(({ page }) => !page.gone);
  const awake = (): TestTab[] => alive().filter(({ page }) => !page.frozen);
  const gone = (tab: TestTab | undefined): void => {
    if (tab?.bus.status.tab === "leader") takeovers++;
    logs = logs.filter((l) => l.tab !== tab);
  };

  function listen(tab: TestTab | undefined): void {
    const channel = pick(channels) as string;
    if (!tab || logs.some((l) => l.tab === tab && l.channel === channel)) return;
    const log: Log = { tab, channel, start: undefined, seen: [] };
    logs.push(log);
    tab.bus.subscribe(channel, (_, __, { epoch, offset, id }) => void log.seen.push({ gap: false, epoch, offset, id }), {
      onGap: ({ from: { epoch, offset } }) => void log.seen.push({ gap: true, epoch, offset, id: "" }),
      onSubscribed: (at) => (log.start ??= at),
    });
  }
  const enter = (): void => {
    if (alive().length > 7) return;
    const tab = open();
    tabs.push(tab);
    tab.page.hidden = random() < 0.5;
    listen(tab);
    listen(tab);
  };
  const publish = (): void => {
    const c = pick(channels) as string;
    published.get(c)?.push(server.publish(c, seed));
  };
  const ofTab = (): void => {
    const c = pick(channels) as string;
    void pick(awake())?.bus.publish(c, "of a tab").then((p) => published.get(c)?.push(p), () => {});
  };
  const steps: (() => unknown)[] = [
    publish, publish, publish, publish, publish, publish, ofTab, ofTab,
    enter, enter,
    () => listen(pick(awake())),
    () => {
      const tab = pick(awake());
      gone(tab);
      tab?.close();
    },
    () => {
      const tab = pick(alive());
      gone(tab);
      tab?.crash();
    },
    () => pick(awake())?.page.freeze(),
    () => awake().find(({ bus }) => bus.status.tab === "leader")?.page.freeze(),
    () => {
      const tab = pick(awake());
      tab?.page.tell("freeze");
      tab?.page.freeze();
    },
    () => {
      const tab = pick(alive().filter(({ page }) => page.frozen));
      tab?.page.thaw();
      tab?.page.tell("resume");
    },
    () => clock.advance(random() * 2_000),
    () => clock.advance(random() * 10_000),
    () => random() < 0.3 && clock.advance(random() * 200_000),
    () => random() < 0.3 && clock.sleep(random() * 100_000),
    () => pick(awake())?.bus.debug.cut(),
    () => pick(awake())?.bus.use([pick<TransportName>(["websocket", "sse", "poll"]) as TransportName]),
    () => pick(alive().flatMap(({ net }) => net.links.filter((l) => !l.closed)))?.lost(),
    () => (server.swallow = (f) => (f as { type: string }).type === "message" && random() < 0.2),
    () => (server.swallow = () => false),
    () => (browser.loses = () => random() < 0.1),
    () => (browser.loses = () => false),
    () => random() < 0.3 && server.forget(),
    () => random() < 0.1 && !calm && server.wipe(pick(channels) as string),
  ];
  enter();
  enter();
  for (let i = 0; i < 80; i++) {
    await pick(steps)?.();
    if (random() < 0.5) await settle();
  }

  // Everything goes well again.
  server.swallow = () => false;
  browser.loses = () => false;
  for (const { page } of alive()) {
    page.thaw();
    page.tell("resume");
  }
  await clock.advance(120_000);
  for (const c of channels) published.get(c)?.push(server.publish(c, "last"));
  await clock.advance(120_000);
  const rest = { leaders: alive().filter(({ bus }) => bus.status.tab === "leader").length, live: live(), tabs: alive().length };
  const states = alive().map(({ bus }) => bus.status.state);
  for (const { bus } of alive()) bus.close();
  await settle();
  return { logs, published, server, rest, states, takeovers, pending: clock.pending, posts: browser.posts };
}

/** How many stories a test tells; more of them with TABS_SEEDS. */
const SEEDS = Number(process.env.TABS_SEEDS ?? 150);

test(`${SEEDS} stories of a browser: each tab in order, none twice, none lost in silence, gaps told once; one leader and one session at rest`, async (t) => {
  const sum = { messages: 0, gaps: 0, takeovers: 0, posts: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { logs, published, server, rest, states, takeovers, pending, posts } = await story(seed);
    for (const log of logs) {
      const { epoch, top } = server.channel(log.channel);
      const wrong = check(log, published.get(log.channel) ?? [], { epoch, offset: top });
      assert.equal(wrong, undefined, `seed ${seed}, ${log.tab.page.name}, channel ${log.channel}: ${wrong}`);
    }
    const one = rest.tabs ? 1 : 0;
    assert.deepEqual([rest.leaders, rest.live], [one, one], `seed ${seed}: leaders and sessions of ${rest.tabs} tabs at rest`);
    assert.ok(states.every((s) => s === "connected"), `seed ${seed}: ${states}`);
    assert.equal(pending, 0, `seed ${seed} left timers`);
    sum.takeovers += takeovers;
    sum.posts += posts;
    sum.messages += logs.flatMap((l) => l.seen).filter((s) => !s.gap).length;
    sum.gaps += logs.flatMap((l) => l.seen).filter((s) => s.gap).length;
  }
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.messages > 20 * SEEDS && sum.takeovers > SEEDS, `the stories are dull: ${JSON.stringify(sum)}`);
});

test("calm stories: history was long enough and lost nothing, so there is no gap", async () => {
  for (let seed = 1; seed <= SEEDS / 3; seed++) {
    const { logs } = await story(seed, true);
    for (const { seen, channel } of logs) assert.equal(seen.find((s) => s.gap), undefined, `seed ${seed}, channel ${channel}`);
  }
});
