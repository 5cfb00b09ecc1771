// liveQuery against a model that keeps everything that happened and looks through all of it each time, on random days.
import assert from "node:assert/strict";
import { test } from "node:test";
import { liveQuery } from "../src/live.js";
import { createFakeBus } from "../src/testing.js";
import { FakeClock, seeded, settle } from "./helpers/clock.js";

const [INTERVAL, FALLBACK, THROTTLE, TIMEOUT, STEP] = [6_000, 2_000, 1_000, 3_000, 50];
const START = 1_000_000;

type Happened =
  | { kind: "hint"; at: number; due: number }
  | { kind: "ask" | "began" | "answered" | "failed" | "up" | "down"; at: number };

/** What must be true of a query, said naively: when the next fetch begins, from all that happened so far. */
class Model {
  readonly log: Happened[] = [];
  constructor(private readonly chance: number) {}

  private since(kind: Happened["kind"]): Happened[] {
    const i = this.log.findLastIndex((e) => e.kind === kind);
    return i < 0 ? this.log : this.log.slice(i + 1);
  }
  private last(...kinds: Happened["kind"][]): Happened | undefined {
    return this.log.findLast((e) => kinds.includes(e.kind));
  }

  get busy(): boolean {
    return this.last("began", "answered", "failed")?.kind === "began";
  }

  mustBegin(now: number): boolean {
    if (this.busy) return false;
    const began = this.last("began");
    if (!began) return true;
    const after = this.since("began");
    const failed = after.some((e) => e.kind === "failed");
    const reasons = [failed, after.some((e) => e.kind === "ask" || (e.kind === "hint" && e.due <= now)), now >= this.pollAt(began.at)];
    return reasons.some(Boolean) && now >= this.notBefore(began.at);
  }

  private pollAt(began: number): number {
    const down = this.last("up", "down");
    if (down?.kind !== "down") return began + INTERVAL;
    const lost = this.since("began").includes(down) ? down.at - this.chance * FALLBACK : began;
    return lost + FALLBACK;
  }

  private notBefore(began: number): number {
    let limit = began + THROTTLE;
    for (const e of this.since("began")) {
      if (e.kind === "failed") {
        const tries = this.since("answered").filter((x) => x.kind === "failed").length;
        limit = e.at + Math.min(1_000 * 2 ** (tries - 1), INTERVAL) * (0.5 + 0.5 * this.chance);
      }
      if (e.kind === "ask") limit = 0;
      if (e.kind === "up") limit = Math.min(limit, began + THROTTLE);
    }
    return limit;
  }
}

async function day(seed: number): Promise<{ fetches: number; hints: number }> {
  const random = seeded(seed);
  const chance = [0, 0.5][seed % 2] as number;
  const pick = (p: number): boolean => random() < p;
  const bus = createFakeBus();
  const clock = new FakeClock();
  await clock.advance(START);
  const model = new Model(chance);
  let version = 0;
  let flight: { version: number; signal: AbortSignal; resolve: (v: number) => void; reject: (e: unknown) => void } | undefined;
  const began: number[] = [];
  const shown: number[] = [];
  const query = liveQuery<number>(bus, {
    channel: "a", clock, random: () => chance, interval: INTERVAL, fallbackInterval: FALLBACK, throttle: THROTTLE, timeout: TIMEOUT,
    fetch({ signal }) {
      assert.ok(!flight || flight.signal.aborted, `seed ${seed}: two fetches at once`);
      began.push(clock.now());
      // The backend reads at once or only when it answers: both are after the fetch began.
      const at = version;
      return new Promise((resolve, reject) => (flight = { version: at, signal, resolve, reject }));
    },
  });
  query.onChange(() => {
    const { data } = query.state;
    if (data !== undefined && data !== shown.at(-1)) shown.push(data);
  });
  bus.setStatus({ state: "connected", transport: "websocket" });
  model.log.push({ kind: "up", at: START });
  await settle();

  let wanted = 0;
  const mark = (): void => {
    while (model.mustBegin(clock.now())) {
      model.log.push({ kind: "began", at: clock.now() });
      wanted++;
      assert.equal(began.length, wanted, `seed ${seed}: no fetch at ${clock.now() - START}`);
    }
    assert.equal(began.length, wanted, `seed ${seed}: a fetch too many at ${clock.now() - START}`);
  };
  const land = async (ok: boolean): Promise<void> => {
    const f = flight as NonNullable<typeof flight>;
    flight = undefined;
    if (ok) f.resolve(pick(0.5) ? f.version : version);
    else f.reject(new Error("no"));
    model.log.push({ kind: ok ? "answered" : "failed", at: clock.now() });
    await settle();
  };
  const troubled = pick(0.5);
  const busy = [0.02, 0.3][Number(pick(0.3))] as number;
  let hints = 0;
  mark();
  for (let step = 0; step < 600; step++) {
    const calm = step >= 400; // at the end all is well
    const timedOut = model.busy && clock.now() + STEP - (began.at(-1) as number) >= TIMEOUT;
    await clock.advance(STEP);
    if (timedOut) model.log.push({ kind: "failed", at: clock.now() });
    mark();
    const down = bus.status.state !== "connected";
    if (calm && down) {
      bus.setStatus({ state: "connected" });
      model.log.push({ kind: "up", at: clock.now() });
    } else if (!calm && pick(busy)) {
      version++;
      hints++;
      const spread = pick(0.3) ? 2_000 : 0;
      if (pick(0.1)) {
        bus.gap("a");
        model.log.push({ kind: "hint", at: clock.now(), due: clock.now() });
      } else {
        model.log.push({ kind: "hint", at: clock.now(), due: clock.now() + chance * spread });
        bus.message("a", version, spread ? { spread } : {});
      }
    } else if (!calm && pick(0.01)) {
      model.log.push({ kind: "ask", at: clock.now() });
      void query.refetch();
    } else if (!calm && pick(0.02)) {
      bus.setStatus({ state: down ? "connected" : "waiting" });
      model.log.push({ kind: down ? "up" : "down", at: clock.now() });
    }
    await settle();
    mark();
    if (flight?.signal.aborted) {
      flight.resolve(-1); // too late: if it were taken, what is shown would go backwards
      flight = undefined;
      await settle();
    }
    if (flight && pick(calm ? 0.9 : 0.15)) {
      await land(calm || !troubled || pick(0.6));
      mark();
    }
  }
  assert.equal(query.state.data, version, `seed ${seed}: what is shown in the end is old`);
  assert.deepEqual(shown, [...shown].sort((a, b) => a - b), `seed ${seed}: an older answer overwrote a newer one`);
  return { fetches: began.length, hints };
}

test("random days agree with the model, fetch by fetch", async (t) => {
  const from = Number(process.env.SEED ?? 1);
  const seeds = Number(process.env.SEEDS ?? 120);
  const sum = { fetches: 0, hints: 0 };
  for (let seed = from; seed < from + seeds; seed++) {
    const { fetches, hints } = await day(seed);
    sum.fetches += fetches;
    sum.hints += hints;
  }
  t.diagnostic(`${seeds} days: ${sum.hints} hints, ${sum.fetches} fetches`);
  assert.ok(sum.hints > seeds * 10 && sum.fetches > seeds * 8);
});
