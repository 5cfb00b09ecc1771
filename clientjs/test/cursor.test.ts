import assert from "node:assert/strict";
import { test } from "node:test";
import { createCursor, type Verdict } from "../src/core/cursor.js";
import type { MessageFrame, Position } from "../src/core/frames.js";

const at = (offset: number, epoch = "e"): Position => ({ epoch, offset, tag: offset ? `t${offset}` : "" });
const message = (offset: number, fields: Partial<MessageFrame> = {}): MessageFrame => ({
  type: "message", channel: "a", offset, id: `m${offset}`, tag: `t${offset}`, data: null, time: 0, ...fields,
});

const verdicts: { name: string; last?: Position; message: MessageFrame; want: Verdict }[] = [
  { name: "the next", last: at(4), message: message(5), want: "deliver" },
  { name: "the first of an empty channel", last: at(0), message: message(1), want: "deliver" },
  { name: "the same again", last: at(4), message: message(4), want: "repeated" },
  { name: "an older one", last: at(4), message: message(1), want: "repeated" },
  { name: "one is missing", last: at(4), message: message(6), want: "missing" },
  { name: "the first one is missing", last: at(0), message: message(2), want: "missing" },
  { name: "a filtered hole that was told", last: at(4), message: message(9, { prev: 4 }), want: "deliver" },
  { name: "a filtered hole that reaches back", last: at(4), message: message(9, { prev: 2 }), want: "deliver" },
  { name: "a filtered hole with something missing", last: at(4), message: message(9, { prev: 5 }), want: "missing" },
  { name: "prev 0", last: at(0), message: message(9, { prev: 0 }), want: "deliver" },
  { name: "prev far back, offset old", last: at(4), message: message(3, { prev: 0 }), want: "repeated" },
  { name: "its own epoch, the same", last: at(4), message: message(5, { epoch: "e" }), want: "deliver" },
  { name: "of another epoch", last: at(4), message: message(5, { epoch: "f" }), want: "missing" },
  { name: "before any position", message: message(1), want: "missing" },
  { name: "volatile", last: at(4), message: message(0, { volatile: true }), want: "deliver" },
  { name: "largest offset", last: at(2 ** 53 - 2), message: message(2 ** 53 - 1), want: "deliver" },
];
for (const { name, last, message: m, want } of verdicts) {
  test(`check: ${name}`, () => assert.equal(createCursor(last).check(m), want));
}

test("an id that was handed out is not handed out again under another offset or epoch", () => {
  const cursor = createCursor(at(0));
  assert.equal(cursor.check(message(1)), "deliver");
  cursor.moved(message(1));
  assert.equal(cursor.check(message(2, { id: "m1" })), "seen");
  cursor.gapped("epoch_changed", at(7, "f"));
  assert.equal(cursor.check(message(8, { id: "m1" })), "seen");
});

test("the window holds 1,024 ids and forgets the oldest first", () => {
  const cursor = createCursor(at(0));
  for (let i = 1; i <= 1024; i++) {
    assert.equal(cursor.check(message(i)), "deliver");
    cursor.moved(message(i));
  }
  assert.equal(cursor.check(message(1025, { id: "m1" })), "seen");
  assert.equal(cursor.check(message(1025)), "deliver");
  cursor.moved(message(1025));
  assert.equal(cursor.check(message(1026, { id: "m1" })), "deliver", "m1 fell out");
  assert.equal(cursor.check(message(1026, { id: "m3" })), "seen", "m3 did not");
});

test("the cursor moves with offset and tag, and keeps its epoch", () => {
  const cursor = createCursor(at(4));
  cursor.moved(message(5));
  assert.deepEqual(cursor.position, at(5));
  cursor.moved(message(9, { volatile: true }));
  assert.deepEqual(cursor.position, at(5), "a volatile message has no place");
});

const answers = [
  { name: "first subscribe", last: undefined, to: at(7), recovered: false, told: false, gap: false },
  { name: "first subscribe, called recovered", last: undefined, to: at(7), recovered: true, told: false, gap: false },
  { name: "recovered where asked", last: at(4), to: at(4), recovered: true, told: false, gap: false },
  { name: "recovered elsewhere", last: at(4), to: at(5), recovered: true, told: false, gap: true },
  { name: "recovered with another tag", last: at(4), to: { ...at(4), tag: "x" }, recovered: true, told: false, gap: true },
  { name: "recovered in another epoch", last: at(4), to: at(4, "f"), recovered: true, told: false, gap: true },
  { name: "not recovered, not told", last: at(4), to: at(9), recovered: false, told: false, gap: true },
  { name: "not recovered, but a gap came before", last: at(9), to: at(9), recovered: false, told: true, gap: false },
];
for (const { name, last, to, recovered, told, gap } of answers) {
  test(`subscribed: ${name}`, () => {
    const cursor = createCursor(last);
    const want = gap ? { reason: "unrecovered", last, from: to } : undefined;
    assert.deepEqual(cursor.subscribed(to, recovered, told), want);
    assert.deepEqual(cursor.position, to);
  });
}

test("position moves forward only, and not over epochs", () => {
  const cursor = createCursor(at(4));
  assert.equal(cursor.skipped(at(9)), true);
  assert.equal(cursor.skipped(at(6)), true);
  assert.deepEqual(cursor.position, at(9));
  assert.equal(cursor.skipped(at(10, "f")), false);
  assert.deepEqual(cursor.position, at(9));
});
