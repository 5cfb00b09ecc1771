import assert from "node:assert/strict";
import { test } from "node:test";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { MessageBusProvider } from "tidings/react";
import { createFakeBus } from "tidings/testing";
import { Export } from "./Export";

test("an export shows how it goes, and ends in a download; one that fails can be started again", async () => {
  const bus = createFakeBus();
  const started: string[] = [];
  globalThis.fetch = (async (_: string, { body }: { body: string }) => {
    started.push(JSON.parse(body).reply);
    return { ok: true };
  }) as unknown as typeof fetch;
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  await act(async () => root.render(<MessageBusProvider bus={bus}><Export /></MessageBusProvider>));
  const click = () => act(async () => place.querySelector("button")!.click());
  const say = (channel: string, event: string, data: unknown) => act(async () => void bus.message(channel, data, { event }));

  await click();
  assert.deepEqual(started, ["https://fake.example/api/reply?to=fake-1"]);
  await say("$reply/fake-1", "progress", { percent: 40 });
  assert.equal(place.querySelector("progress")!.getAttribute("value"), "40");
  await say("$reply/fake-1", "error", "no space");
  assert.equal(place.textContent, "Failed. Again");

  await click();
  await say("$reply/fake-2", "done", { file: "/files/17.csv" });
  assert.equal(place.querySelector("a")!.getAttribute("href"), "/files/17.csv");
  await act(async () => root.unmount());
});
