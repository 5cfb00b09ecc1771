// What a leader keeps of a channel for tabs that come, or come back, a little later.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageFrame } from "../src/core/frames.js";
import type { Subscription } from "../src/core/session.js";
import { Feed } from "../src/tabs/feed.js";

const at = (offset: number) => ({ epoch: "e", offset, tag: offset ? `t${offset}` : "" });
const message = (offset: number): MessageFrame => ({ type: "message", channel: "a", offset, id: `m${offset}`, tag: `t${offset}`, data: offset, time: 0 });

/** A feed that stood at 0 and kept this many messages. */
function kept(n: number): Feed {
  const feed = new Feed({} as Subscription);
  feed.stands(at(0));
  for (let i = 1; i <= n; i++) feed.keep(message(i));
  return feed;
}

for (const [n, since, want] of [
  [3, 0, [1, 2, 3]],
  [3, 3, []],
  [256, 0, 256],
  [257, 0, undefined], // the first message has left the ring: a list without it would have a hole
  [257, 1, 256],
  [1_000, 743, undefined],
  [1_000, 744, 256],
] as const) {
  test(`after ${since}, where ${n} messages came: ${want === undefined ? "not at hand" : JSON.stringify(want)}`, () => {
    const got = kept(n).after(at(since))?.map((m) => m.offset);
    if (typeof want === "number") assert.deepEqual(got, Array.from({ length: want }, (_, i) => since + 1 + i));
    else assert.deepEqual(got, want);
  });
}
