import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ClientFrame, Position, ServerFrame } from "../src/core/frames.js";
import { createSession, type Request, type Subscription } from "../src/core/session.js";

declare const PROJECT: string;

/** One input of a machine, and the calls of its port that it led to. Subscriptions and requests are numbered from 1. */
interface Step {
  op: string;
  link?: number;
  sub?: number;
  channel?: string;
  filter?: unknown;
  since?: Position;
  frame?: unknown;
  calls?: object[];
}

/** Plays the steps of a trace to a machine, and gives the calls that each led to. */
function play(steps: Step[]): object[][] {
  const subs: Subscription[] = [];
  const requests: Request[] = [];
  let calls: object[] = [];
  const known = <T>(list: T[], item: T): number => list.indexOf(item) + 1;
  /** Zero values are left out, as in the traces. */
  const call = (name: string, fields: object): void =>
    void calls.push(JSON.parse(JSON.stringify({ call: name, ...Object.fromEntries(Object.entries(fields).filter(([, v]) => v)) })));
  const session = createSession({
    send: (link, frames) => call("send", { link, frames }),
    // A payload that is zero, false or null is a payload.
    message: (s, m) => void calls.push({ call: "message", sub: known(subs, s), ...(m.offset && { offset: m.offset }), id: m.id, data: m.data }),
    gap: (s, g) => call("gap", { sub: known(subs, s), reason: g.reason, last: g.last, from: g.from }),
    subscribed: (s, recovered) => call("subscribed", { sub: known(subs, s), recovered, at: s.cursor.position }),
    ended: (s, e) => call("ended", { sub: known(subs, s), code: e.code }),
    answered: (r, _, e) => call("answered", { request: known(requests, r), type: r.frame.type, code: e?.code }),
    connected: (link, _, resumed) => call("connected", { link, resumed }),
    disconnected: (link, e) => call("disconnected", { link, code: e.code, retry: e.retry }),
    other: (f) => call("other", { type: f.type }),
    retryLater: () => call("retryLater", {}),
    askLater: (tries) => call("askLater", { tries }),
  });
  return steps.map((s) => {
    calls = [];
    const link = s.link ?? 0;
    if (s.op === "subscribe") subs.push(session.subscribe(s.channel as string, s.since, s.filter));
    else if (s.op === "unsubscribe") session.unsubscribe(subs[(s.sub ?? 0) - 1] as Subscription);
    else if (s.op === "request") {
      const { id: _, ...frame } = s.frame as ClientFrame;
      requests.push(session.request(frame));
    } else if (s.op === "open") session.open(link);
    else if (s.op === "lost") session.lost(link);
    else if (s.op === "frame") session.frame(link, s.frame as ServerFrame);
    else if (s.op === "ping") session.ping();
    else if (s.op === "retry") session.retry();
    else if (s.op === "ask") session.ask();
    else if (s.op === "goodbye") session.goodbye();
    else assert.fail(`an unknown op: ${s.op}`);
    return calls;
  });
}

interface Trace {
  name: string;
  steps: (Step & { calls?: { call: string }[] })[];
}

const folder = process.env.TRACES ?? join(PROJECT, "sim/testdata/traces");
const traces = readdirSync(folder)
  .filter((f) => f.endsWith(".json"))
  .map((file) => ({ file, ...(JSON.parse(readFileSync(join(folder, file), "utf8")) as Trace) }));

for (const { file, name, steps } of traces) {
  test(`trace ${file}: ${name}`, () => {
    assert.ok(steps.length, "no steps");
    play(steps).forEach((calls, i) => assert.deepEqual(calls, steps[i]?.calls ?? [], `step ${i + 1}: ${JSON.stringify(steps[i])}`));
  });
}

test("the traces speak of every input, and of every call of the port", () => {
  const of = (words: string[]): string[] => [...new Set(words)].sort();
  const steps = traces.flatMap((t) => t.steps);
  const calls = steps.flatMap((s) => s.calls ?? []).map((c) => c.call);
  assert.ok(traces.length >= 20 && steps.length >= 1_000, `${traces.length} traces of ${steps.length} steps`);
  assert.deepEqual(of(steps.map((s) => s.op)), ["ask", "frame", "goodbye", "lost", "open", "ping", "request", "retry", "subscribe", "unsubscribe"]);
  assert.deepEqual(of(calls), ["answered", "askLater", "connected", "disconnected", "ended", "gap", "message", "other", "retryLater", "send", "subscribed"]);
});
