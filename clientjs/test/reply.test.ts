import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { validChannel } from "../src/core/frames.js";
import { TidingsError } from "../src/core/errors.js";
import { JobError, replyChannel, type ReplyOptions } from "../src/reply.js";
import { createFakeBus } from "../src/testing.js";

const CHANNEL = "$reply/fake-1";
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 }));
afterEach(() => mock.timers.reset());

/** A reply channel on a fake bus, and all that it said. */
async function opened(options: ReplyOptions = {}) {
  const bus = createFakeBus();
  const said: unknown[] = [];
  const reply = await replyChannel(bus, {
    onProgress: (data) => said.push(["progress", data]),
    onDone: (data) => said.push(["done", data]),
    onError: (error) => said.push([error.name, (error as TidingsError).code ?? (error as JobError).data]),
    ...options,
  });
  const job = (event: string, data: unknown = event): void => void bus.message(CHANNEL, data, { event });
  return { bus, said, reply, job };
}

test("a job's progress and its end are told, and nothing after it", async () => {
  const { bus, said, reply, job } = await opened();
  assert.equal(reply.publishURL, "https://fake.example/api/reply?to=fake-1");
  assert.deepEqual(bus.requests, [{ type: "call", method: "reply", data: { ttl: 3_600_000 } }]);
  assert.deepEqual(bus.subscriptions[0]?.options.since, { epoch: "fake", offset: 0, tag: "" });
  job("progress", 10);
  job("progress", 90);
  job("done", { rows: 7 });
  assert.deepEqual(await reply.result, { rows: 7 });
  assert.deepEqual(bus.subscriptions, []);
  assert.deepEqual(said, [["progress", 10], ["progress", 90], ["done", { rows: 7 }]]);
});

test("a job's error rejects with what it published", async () => {
  for (const [data, message] of [["no space", "no space"], [{ message: "no space", code: 28 }, "no space"], [{ code: 28 }, "The job failed."], [null, "The job failed."]] as const) {
    const { said, reply, job } = await opened();
    job("error", data);
    await assert.rejects(reply.result, (error: JobError) => error instanceof JobError && error.data === data && error.message === message);
    assert.deepEqual(said, [["JobError", data]]);
  }
});

test("closed, it says nothing more", async () => {
  const { bus, said, reply, job } = await opened({ timeout: 1000 });
  reply.close();
  job("done");
  mock.timers.tick(10_000_000);
  await turn();
  assert.deepEqual([said, bus.subscriptions.length], [[], 0]);
});

test("a job that is silent for longer than its timeout fails; progress counts as a sign of life", async () => {
  const { said, reply, job } = await opened({ timeout: 5000 });
  for (let i = 0; i < 3; i++) {
    mock.timers.tick(4000);
    job("progress", i);
  }
  mock.timers.tick(4999);
  await turn();
  assert.equal(said.length, 3);
  mock.timers.tick(1);
  await assert.rejects(reply.result, { code: "timeout" });
  assert.deepEqual(said.at(-1), ["TidingsError", "timeout"]);
  job("done");
  assert.equal(said.length, 4);
});

test("the wait ends with the channel", async () => {
  const { said, job } = await opened({ ttl: 60_000, timeout: 40_000 });
  mock.timers.tick(30_000);
  job("progress", 1);
  mock.timers.tick(30_000);
  await turn();
  assert.deepEqual(said, [["progress", 1], ["TidingsError", "timeout"]]);
});

test("a machine that wakes after the timeout finds the answer in the mailbox", async () => {
  const { bus, said, reply, job } = await opened({ timeout: 5000 });
  const sub = bus.subscriptions[0]! as { onMessage: (...message: unknown[]) => void };
  const heard = sub.onMessage;
  sub.onMessage = () => {}; // nothing comes by itself
  job("done", "while it slept");
  mock.timers.tick(3_000_000);
  assert.equal(await reply.result, "while it slept");
  assert.deepEqual(said, [["done", "while it slept"]]);
  heard("again", CHANNEL, { event: "done", id: `${CHANNEL}#1` }); // when the connection is back
  assert.equal(said.length, 1);
});

test("what a gap swallowed is looked up", async () => {
  const { bus, reply } = await opened();
  const sub = bus.subscriptions[0]! as { onMessage: unknown };
  const heard = sub.onMessage;
  sub.onMessage = () => {};
  bus.message(CHANNEL, 1, { event: "progress" });
  bus.message(CHANNEL, "swallowed", { event: "done" });
  sub.onMessage = heard;
  bus.gap(CHANNEL);
  assert.equal(await reply.result, "swallowed");
});

test("a server that refuses the channel later ends it", async () => {
  const { bus, said, reply } = await opened();
  bus.subscriptions[0]!.options.onError!(new TidingsError({ code: "channel_expired", message: "over" }));
  await assert.rejects(reply.result, { code: "channel_expired" });
  assert.deepEqual(said, [["TidingsError", "channel_expired"]]);
});

test("a mailbox that cannot be asked ends it with the reason", async () => {
  const { bus, said } = await opened({ timeout: 1000 });
  bus.failWith(new TidingsError({ code: "closed" }));
  mock.timers.tick(1000);
  await turn();
  assert.deepEqual(said, [["TidingsError", "closed"]]);
});

test("a server without reply channels says so", async () => {
  const bus = createFakeBus();
  bus.failWith(new TidingsError({ code: "unsupported" }));
  await assert.rejects(replyChannel(bus), { code: "unsupported" });
});

test("an error that nobody looks at is no unhandled one", async () => {
  const bus = createFakeBus();
  await replyChannel(bus);
  bus.message(CHANNEL, "x", { event: "error" });
  await turn();
});

test("names of reply channels may be subscribed to, others of the server's may not", () => {
  for (const [name, valid] of [
    ["$reply/tmk4q0.cmFuZG9t.b3duZXI.cHJvb2Y", true], ["$reply/fake-1", true], ["$reply/", false], ["$reply//a", false], ["$reply/../a", false],
    ["$SYS", false], ["$replya/b", false], ["a/$reply/b", false], [`$reply/${"a".repeat(201)}`, false],
  ] as const) assert.equal(validChannel(name), valid, name);
});
