import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { StrictMode, act, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { TidingsError } from "../src/index.js";
import { MessageBusProvider, useReplyChannel, type UseReplyChannel, type UseReplyChannelOptions } from "../src/react.js";
import { createFakeBus, type FakeBus } from "../src/testing.js";
import { mount, openPage } from "./helpers/dom.js";

let closePage: () => Promise<void>;
let mounted: { unmount(): Promise<void> }[] = [];
before(async () => void (closePage = await openPage()));
after(() => closePage());
afterEach(async () => {
  for (const m of mounted.splice(0)) await m.unmount();
});

type Job = UseReplyChannel<{ rows: number }, number>;

/** A component with a job, in StrictMode, and every state that it rendered. */
async function shown(options: UseReplyChannelOptions<{ rows: number }, number> = {}) {
  const bus = createFakeBus();
  const states: string[] = [];
  let job!: Job;
  function Export(): ReactNode {
    job = useReplyChannel<{ rows: number }, number>(options);
    const { state, progress, result, error } = job;
    const text = [state, progress, result?.rows, error?.message].filter((part) => part !== undefined).join(" ");
    if (states.at(-1) !== text) states.push(text);
    return text;
  }
  const m = await mount(<StrictMode><MessageBusProvider bus={bus}><Export /></MessageBusProvider></StrictMode>);
  mounted.push(m);
  const say = (channel: string, event: string, data: unknown) => act(async () => void bus.message(channel, data, { event }));
  return { bus, states, say, m, job: () => job };
}

const open = async (job: () => Job): Promise<string> => {
  let url = "";
  await act(async () => void (url = await job().open()));
  return url;
};

test("a job is started, heard, and done", async () => {
  const heard: unknown[] = [];
  const { bus, states, say, job } = await shown({ onProgress: (p) => heard.push(p), onDone: (r) => heard.push(r) });
  assert.deepEqual(bus.requests, [], "nothing is opened before it is asked for");
  assert.equal(await open(job), "https://fake.example/api/reply?to=fake-1");
  await say("$reply/fake-1", "progress", 10);
  await say("$reply/fake-1", "progress", 90);
  await say("$reply/fake-1", "done", { rows: 7 });
  assert.deepEqual(states, ["idle", "waiting", "waiting 10", "waiting 90", "done 90 7"]);
  assert.deepEqual(heard, [10, 90, { rows: 7 }]);
  assert.deepEqual(bus.subscriptions, []);
});

test("a job that failed says why; another attempt starts anew", async () => {
  const { states, say, job } = await shown();
  await open(job);
  await say("$reply/fake-1", "error", "no space");
  await open(job);
  await say("$reply/fake-1", "progress", 1); // of the one before
  await say("$reply/fake-2", "done", { rows: 1 });
  assert.deepEqual(states, ["idle", "waiting", "failed no space", "waiting", "done 1"]);
});

test("opened twice at once, the later one counts, and the earlier one is left", async () => {
  const { bus, states, say, job } = await shown();
  await act(async () => void (await Promise.all([job().open(), job().open()])));
  assert.deepEqual(bus.subscriptions.map((s) => s.channel), ["$reply/fake-2"]);
  await say("$reply/fake-2", "done", { rows: 2 });
  assert.equal(states.at(-1), "done 2");
});

test("closed, and unmounted, nobody listens", async () => {
  const { bus, states, m, job } = await shown();
  await open(job);
  await act(async () => job().close());
  assert.equal(states.at(-1), "idle");
  assert.deepEqual(bus.subscriptions, []);
  await open(job);
  assert.equal(bus.subscriptions.length, 1);
  await m.unmount();
  assert.deepEqual(bus.subscriptions, []);
});

test("a channel that cannot be opened rejects, and is shown", async () => {
  const { bus, states, job } = await shown();
  (bus as FakeBus).failWith(new TidingsError({ code: "unsupported", message: "not offered" }));
  await act(() => assert.rejects(job().open(), { code: "unsupported" }));
  assert.equal(states.at(-1), "failed not offered");
});

test("a server renders it idle, and opens nothing", () => {
  const Export = (): ReactNode => useReplyChannel({ bus: createFakeBus() }).state;
  assert.equal(renderToString(<Export />), "idle");
});
