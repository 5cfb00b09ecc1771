import assert from "node:assert/strict";
import { test } from "node:test";
import { liveQuery, type LiveQueryOptions } from "../src/live.js";
import { TidingsError } from "../src/index.js";
import { createFakeBus } from "../src/testing.js";
import { systemClock } from "../src/util/clock.js";
import { captured, servedBus } from "./helpers/bus.js";
import { FakeClock, seeded, settle } from "./helpers/clock.js";

/** A request to a backend that the test answers. */
interface Asked {
  readonly at: number;
  readonly signal: AbortSignal;
  answer(data: string): Promise<void>;
  fail(error?: unknown): Promise<void>;
}

/** A query on channel `a` of a fake bus, with a listener. Chance always says 0.5. */
async function open(options: Partial<LiveQueryOptions<string>> = {}, begin = true) {
  const bus = createFakeBus();
  const clock = new FakeClock();
  await clock.advance(1_000_000);
  const asked: Asked[] = [];
  const fetch = ({ signal }: { signal: AbortSignal }): Promise<string> =>
    new Promise((resolve, reject) => {
      const later = <A>(run: (value: A) => void) => async (value: A) => (run(value), settle());
      asked.push({ at: clock.now() - 1_000_000, signal, answer: later(resolve), fail: later(reject) });
    });
  const query = liveQuery<string>(bus, { fetch, channel: "a", clock, random: () => 0.5, ...options });
  let changes = 0;
  const leave = begin ? query.onChange(() => void changes++) : () => {};
  await settle();
  const times = (): number[] => asked.map((a) => a.at);
  const last = (): Asked => asked[asked.length - 1] as Asked;
  return { bus, clock, query, leave, asked, last, times, changes: () => changes };
}

/** The same, after the first answer. */
async function opened(options: Partial<LiveQueryOptions<string>> = {}) {
  const all = await open(options);
  await all.last().answer("first");
  return all;
}

test("nothing happens before somebody listens", async () => {
  const { bus, asked, query } = await open({}, false);
  assert.deepEqual([bus.subscriptions.length, asked.length, query.state.data], [0, 0, undefined]);
  await query.refetch();
  assert.equal(asked.length, 0);
});

test("fetches once, and tells what it has", async () => {
  const { query, last, times, changes } = await open();
  assert.deepEqual(query.state, { data: undefined, error: null, fetching: true, live: true, updatedAt: null });
  await last().answer("one");
  assert.deepEqual(query.state, { data: "one", error: null, fetching: false, live: true, updatedAt: 1_000_000 });
  assert.deepEqual([times(), changes()], [[0], 3]);
});

test("without a channel nothing is fetched", async () => {
  const { asked, bus, clock } = await open({ channel: null });
  await clock.advance(200_000);
  assert.deepEqual([asked.length, bus.subscriptions.length], [0, 0]);
});

test("a message after a rest is followed at once", async () => {
  const { bus, clock, times } = await opened();
  await clock.advance(7_000);
  bus.message("a", null);
  await settle();
  assert.deepEqual(times(), [0, 7_000]);
});

test("so is a gap, of any of its channels", async () => {
  const { bus, clock, times } = await opened({ channel: ["a", "b"] });
  await clock.advance(7_000);
  bus.gap("b");
  await settle();
  assert.deepEqual(times(), [0, 7_000]);
});

test("a burst of hints costs two fetches, the second of which began after the last hint", async () => {
  const { bus, clock, last, times } = await opened();
  await clock.advance(7_000);
  for (let i = 0; i < 100; i++) {
    bus.message("a", i);
    await clock.advance(4);
  }
  await last().answer("in the middle");
  await clock.advance(5_000);
  await last().answer("last");
  await clock.advance(30_000);
  assert.deepEqual(times(), [0, 7_000, 8_000]);
});

test("hints without end: no more than one fetch per throttle", async () => {
  const { bus, clock, asked, last } = await opened({ throttle: 500 });
  const before = asked.length;
  for (let i = 0; i < 1_000; i++) {
    bus.message("a", i);
    await clock.advance(10);
    if (last().at + 1_000_000 === clock.now() || i % 3 === 0) await last().answer("x");
  }
  const fetches = asked.length - before;
  assert.ok(fetches >= 19 && fetches <= 21, `${fetches} fetches in 10 s`);
});

test("a hint during a fetch is followed by another, which alone counts for it", async () => {
  const { bus, clock, last, times, query } = await opened();
  await clock.advance(10_000);
  bus.message("a", 1);
  await clock.advance(3_000);
  bus.message("a", 2);
  await last().answer("old");
  assert.equal(query.state.data, "old");
  assert.deepEqual(times(), [0, 10_000, 13_000]);
  await last().answer("new");
  assert.equal(query.state.data, "new");
});

test("the safety net: a minute while live, five seconds while not, the first of them at a random moment", async () => {
  const { bus, clock, last, times } = await opened();
  await clock.advance(60_000);
  await last().answer("x");
  await clock.advance(20_000);
  bus.setStatus({ state: "waiting", transport: null });
  await clock.advance(2_500); // chance is 0.5
  await last().answer("x");
  await clock.advance(5_000);
  await last().answer("x");
  bus.setStatus({ state: "connected", transport: "poll" });
  await clock.advance(59_999);
  assert.deepEqual(times(), [0, 60_000, 82_500, 87_500]);
  await clock.advance(1);
  assert.equal(last().at, 147_500);
});

test("a subscription that is refused is said, and polled", async () => {
  const { bus, clock, last, times, query } = await opened();
  const { error } = await captured(() => bus.subscriptions[0]?.options.onError?.(new TidingsError({ code: "forbidden", message: "Not for you." })));
  assert.match(String(error[0]?.[0]), /no hints from a.*Not for you/);
  assert.equal(query.state.live, false);
  await clock.advance(2_500);
  await last().answer("x");
  await clock.advance(5_000);
  assert.deepEqual(times(), [0, 2_500, 7_500]);
});

test("a failure keeps the data, and says what failed until the next good answer", async () => {
  const { clock, last, query } = await opened();
  await clock.advance(60_000);
  for (let i = 0; i < 3; i++) {
    await last().fail(new Error(`failure ${i}`));
    assert.deepEqual([query.state.data, String(query.state.error), query.state.fetching], ["first", `Error: failure ${i}`, false]);
    await clock.advance(20_000);
  }
  await last().answer("well again");
  assert.deepEqual([query.state.data, query.state.error], ["well again", null]);
});

test("backoff: 1, 2, 4, 8 and then 10 s, of which chance takes a quarter here", async () => {
  const { clock, last, times } = await opened({ interval: 10_000 });
  await clock.advance(10_000);
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    const n = times().length;
    const failedAt = clock.now();
    await last().fail();
    while (times().length === n) await clock.advance(50);
    waits.push(clock.now() - failedAt);
  }
  assert.deepEqual(waits, [750, 1_500, 3_000, 6_000, 7_500, 7_500]);
});

test("hints do not hurry a backend that fails; a return to the tab and refetch do", async () => {
  const { bus, clock, last, times, query } = await opened();
  await clock.advance(10_000);
  bus.message("a", 1);
  await last().fail();
  bus.message("a", 2);
  await clock.advance(700);
  assert.deepEqual(times(), [0, 10_000]);
  const refetched = query.refetch();
  assert.deepEqual(times(), [0, 10_000, 10_700]);
  await last().answer("x");
  await refetched;
});

test("refetch resolves with a fetch that began after the call, also while another is under way", async () => {
  const { last, query, times, leave } = await open();
  let resolved = 0;
  void query.refetch().then(() => resolved++);
  await last().answer("before");
  assert.deepEqual([resolved, times()], [0, [0, 0]]);
  await last().answer("after");
  assert.deepEqual([resolved, query.state.data], [1, "after"]);
  void query.refetch().then(() => resolved++);
  await last().fail();
  assert.equal(resolved, 2, "a failure ends it too");
  void query.refetch().then(() => resolved++);
  leave();
  await settle();
  assert.equal(resolved, 3, "and so does the end");
});

test("a fetch without an answer is aborted, and its late answer is not taken", async () => {
  const { clock, last, asked, query } = await open();
  await clock.advance(30_000);
  assert.match(String(query.state.error), /no answer within 30000 ms/);
  assert.equal(asked[0]?.signal.aborted, true);
  await clock.advance(1_000);
  await last().answer("second");
  await asked[0]?.answer("late");
  assert.deepEqual([asked.length, query.state.data], [2, "second"]);
});

test("a fetch that throws before it promises is a failure like any other", async () => {
  const { query } = await open({
    fetch() {
      throw new Error("at once");
    },
  });
  assert.match(String(query.state.error), /at once/);
});

test("the end aborts, unsubscribes, stops the clock, and takes no answer; another listener begins anew", async () => {
  const { bus, clock, last, query, leave, asked, changes } = await opened();
  await clock.advance(60_000);
  const before = changes();
  leave();
  leave();
  await settle();
  const late = last();
  assert.deepEqual([late.signal.aborted, bus.subscriptions.length, clock.pending, query.state.fetching], [true, 0, 0, false]);
  await late.answer("late");
  assert.deepEqual([query.state.data, changes()], ["first", before]);
  const leaveAgain = query.onChange(() => {});
  await settle();
  assert.equal(asked.length, 3);
  await last().answer("again");
  assert.equal(query.state.data, "again");
  leaveAgain();
  await settle();
  assert.equal(clock.pending, 0);
});

test("to leave and join in one turn is no end", async () => {
  const { bus, leave, query, asked, last } = await open();
  leave();
  bus.message("a", "between");
  query.onChange(() => {});
  await settle();
  assert.deepEqual([asked.length, last().signal.aborted], [1, false]);
  await last().answer("x");
  assert.equal(asked.length, 1, "throttled");
});

test("a listener that throws breaks neither the others nor the query", async () => {
  const { query, last } = await open();
  query.onChange(() => {
    throw new Error("boom");
  });
  let told = 0;
  query.onChange(() => void told++);
  const { error } = await captured(() => last().answer("x"));
  assert.deepEqual([query.state.data, told, error.length], ["x", 1, 1]);
});

test("spread delays the refetch by its random part, and an urgent hint does not wait for it", async () => {
  const { bus, clock, last, times } = await opened();
  await clock.advance(10_000);
  bus.message("a", 1, { spread: 5_000 });
  await clock.advance(2_499);
  assert.deepEqual(times(), [0]);
  await clock.advance(1);
  await last().answer("x");
  await clock.advance(10_000);
  bus.message("a", 2, { spread: 5_000 });
  await clock.advance(1_000);
  bus.message("a", 3);
  await last().answer("x");
  await clock.advance(10_000);
  assert.deepEqual(times(), [0, 12_500, 23_500]);
});

test("a later spread does not put off an earlier one, and none is longer than five minutes", async () => {
  const { bus, clock, last, times } = await opened({ interval: 1e9 });
  await clock.advance(10_000);
  bus.message("a", 1, { spread: 4_000 });
  for (let i = 0; i < 9; i++) {
    await clock.advance(200);
    bus.message("a", 2, { spread: 4_000 });
  }
  await clock.advance(5_000);
  assert.deepEqual(times(), [0, 12_000]);
  await last().answer("x");
  bus.message("a", 3, { spread: 1e12 });
  await clock.advance(151_000);
  assert.equal(times().length, 3);
});

test("1,000 receivers of one hint with a spread of 5 s ask evenly over it", async () => {
  const clock = new FakeClock();
  const random = seeded(1);
  const bus = createFakeBus();
  const seconds = [0, 0, 0, 0, 0, 0];
  await clock.advance(100_000);
  const from = clock.now();
  for (let i = 0; i < 1_000; i++) {
    liveQuery(bus, { channel: "a", clock, random, fetch: () => {
      const second = Math.floor((clock.now() - from - 10_000) / 1_000);
      if (second >= 0) seconds[second]!++;
    } }).onChange(() => {});
  }
  await clock.advance(10_000);
  const timers = clock.pending;
  bus.message("a", null, { spread: 5_000 });
  assert.equal(clock.pending, timers);
  await clock.advance(5_000);
  assert.equal(seconds.reduce((a, b) => a + b), 1_000);
  for (const n of seconds.slice(0, 5)) assert.ok(n > 150 && n < 250, seconds.join());
});

test("a clock that is set back stops nothing for longer than the interval", async () => {
  const timers = new FakeClock();
  let shift = 1_000_000;
  const clock = { set: timers.set, clear: timers.clear, now: () => timers.now() + shift };
  const { bus, last, asked } = await opened({ clock });
  shift -= 900_000;
  bus.message("a", null); // sets the timer anew
  await timers.advance(60_000);
  assert.equal(asked.length, 2);
  await last().answer("x");
  await timers.advance(60_000);
  assert.equal(asked.length, 3);
});

test("an interval that no timer can hold does not fire at once", async () => {
  const { asked, leave } = await opened({ interval: Infinity, clock: systemClock });
  await new Promise((resume) => setTimeout(resume, 20)); // Node's timer of too many ms would fire after one
  assert.equal(asked.length, 1);
  leave();
  await settle();
});

test("over a real bus: what changes before the subscription stands is fetched after it", async () => {
  const { bus, clock, server, net } = servedBus();
  let version = 0;
  let fetched = 0;
  const query = liveQuery(bus, { channel: "a", clock, fetch: async () => (fetched++, version) });
  net.onFrames = ((real) => (link, frames) => {
    version = 1; // before the server hears of the subscription
    real(link, frames);
  })(net.onFrames);
  query.onChange(() => {});
  assert.equal(query.state.live, false);
  await clock.advance(2_000);
  assert.deepEqual([query.state.live, query.state.data], [true, 1]);
  assert.ok(fetched <= 2);
  version = 2;
  server.publish("a", null);
  await clock.advance(1_000);
  assert.equal(query.state.data, 2);
});

test("a second query on a channel that is subscribed fetches once", async () => {
  const { bus, clock } = servedBus();
  bus.subscribe("a", () => {});
  await settle();
  let fetched = 0;
  liveQuery(bus, { channel: "a", clock, fetch: () => ++fetched }).onChange(() => {});
  await clock.advance(10_000);
  assert.equal(fetched, 1);
});

for (const name of ["online", "visibilitychange", "pageshow"]) {
  test(`${name} fetches at once`, async () => {
    const page = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
    const globals = { addEventListener: page.addEventListener.bind(page), document };
    Object.assign(globalThis, globals);
    const fire = (event: string, fields = {}) => {
      (event === "visibilitychange" ? document : page).dispatchEvent(Object.assign(new Event(event), fields));
      return settle();
    };
    try {
      const { last, asked, leave } = await opened();
      await fire("visibilitychange");
      await fire("pageshow", { persisted: false });
      assert.equal(asked.length, 1, "hidden, or the page's first load");
      document.visibilityState = "visible";
      await fire(name, { persisted: true });
      assert.equal(asked.length, 2);
      await last().fail();
      await fire(name, { persisted: true });
      assert.equal(asked.length, 3, "failures do not count for who looks");
      leave();
      await settle();
      await fire(name, { persisted: true });
      assert.equal(asked.length, 3);
    } finally {
      for (const n of Object.keys(globals)) delete (globalThis as Record<string, unknown>)[n];
    }
  });
}
