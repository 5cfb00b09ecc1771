import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NOT_HERE, RECONNECT, SESSION_LOST, TAKEN_OVER, TOKEN_BAD, TOKEN_OVER, comesBack } from "../src/core/codes.js";
import { MAX_FRAMES, MAX_MESSAGE_BYTES, RECENT_IDS, counted, validChannel } from "../src/core/frames.js";
import { toFrames } from "../src/transports/transport.js";

declare const PROJECT: string;
const read = (path: string): string => readFileSync(`${PROJECT}protocol/${path}`, "utf8");
const vectors = <T>(name: string): T[] => {
  const all = JSON.parse(read(`testdata/${name}.json`)) as T[];
  assert.ok(all.length > 10, `${name}.json has ${all.length} vectors`);
  return all;
};

interface FrameVector {
  name: string;
  direction: "client" | "server";
  wire: string;
  ok: boolean;
  frame?: { type?: string };
}

/** What the client cannot see: JSON.parse takes the last of duplicate keys. */
const UNSEEN = ["duplicate keys"];

for (const { name, wire, ok, frame } of vectors<FrameVector>("frames").filter((v) => v.direction === "server")) {
  if (UNSEEN.includes(name)) continue;
  test(`frame from the server: ${name}`, () => {
    if (!ok) return assert.throws(() => toFrames(JSON.parse(wire)));
    const want = Array.isArray(frame) ? frame : [frame];
    const got = toFrames(JSON.parse(wire));
    assert.equal(got.length, want.length);
    got.forEach((f, i) => assert.deepEqual({ ...f, ...want[i] }, f, "every field that Go reads, we read as the same"));
  });
}

for (const { name, in: channel, code } of vectors<{ name: string; in: string; code?: string }>("channels")) {
  test(`channel: ${name}`, () => assert.equal(validChannel(channel), code === undefined));
}
for (const value of [undefined, null, 7, {}, ["a"]]) {
  test(`channel: ${JSON.stringify(value)} is none`, () => assert.equal(validChannel(value), false));
}

interface Code {
  code: string;
  close: number;
  http: number;
  retry: boolean;
}
const codes = new Map(vectors<Code>("codes").map((c) => [c.code, c]));

for (const { code, close, retry } of codes.values()) {
  test(`close ${close}, ${code}: ${retry ? "comes" : "does not come"} back`, () => assert.equal(comesBack(close), retry));
}

test("what the client does about a code fits the table of codes", () => {
  const rows = (names: string[]): Code[] => names.map((n) => codes.get(n) ?? assert.fail(`no code ${n}`));
  assert.ok(rows([...TAKEN_OVER, ...NOT_HERE, TOKEN_BAD]).every((c) => !c.retry), "final, unless the client knows better");
  assert.ok(rows([...SESSION_LOST, ...RECONNECT, TOKEN_OVER]).every((c) => c.retry));
  assert.ok(rows(NOT_HERE).every((c) => [404, 405, 501].includes(c.http)));
});

test("the client's constants are those of SPEC.md", () => {
  const spec = read("SPEC.md");
  const limit = (constant: string): number => Number(new RegExp(`\\| \`${constant}\` \\| (\\d+) \\|`).exec(spec)?.[1]);
  assert.equal(limit("MaxFrames"), MAX_FRAMES);
  assert.equal(limit("MaxMessageBytes"), MAX_MESSAGE_BYTES);
  assert.equal(limit("RecentIDs"), RECENT_IDS);
  assert.equal(validChannel("a".repeat(limit("MaxChannelBytes"))), true);
  assert.equal(validChannel("a".repeat(limit("MaxChannelBytes") + 1)), false);
});

test("the client counts the frames that SPEC.md counts", () => {
  const table = read("SPEC.md").split("### Server to client")[1]?.split("\n\n")[1] ?? "";
  const rows = [...table.matchAll(/^\| `(\w+)` \|.*\| (yes|no) \|$/gm)];
  assert.ok(rows.length >= 13, `${rows.length} rows`);
  for (const [, type, yes] of rows) assert.equal(counted(type as string), yes === "yes", type);
});
