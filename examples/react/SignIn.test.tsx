import assert from "node:assert/strict";
import { test } from "node:test";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { MessageBusProvider } from "tidings/react";
import { createFakeBus } from "tidings/testing";
import { Notices } from "./Notices";
import { App, SignIn } from "./SignIn";

const show = async (node: React.ReactNode) => {
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  await act(async () => root.render(node));
  return { place, end: () => act(async () => root.unmount()) };
};

test("signs in and out on the bus that is there", async () => {
  const bus = createFakeBus();
  const asked: string[] = [];
  bus.refresh = async () => void asked.push("refresh");
  globalThis.fetch = (async (path: string) => (asked.push(path), new Response("ann"))) as typeof fetch;
  const { place, end } = await show(<MessageBusProvider bus={bus}><SignIn /></MessageBusProvider>);
  const click = () => act(async () => place.querySelector("button")?.click());
  await click();
  assert.deepEqual(asked, ["/login", "refresh"]);
  await act(async () => void bus.message("inbox/ann", "hello"));
  assert.equal(place.textContent, "ann: helloSign out");
  await click();
  assert.deepEqual([asked.slice(2), place.textContent, bus.subscriptions.length], [["/logout", "refresh"], "Sign in", 0]);
  await end();
});

test("the whole App asks for its token before it connects", async () => {
  const asked: string[] = [];
  globalThis.fetch = (async (path: string) => (asked.push(path), new Response("", { status: 401 }))) as typeof fetch;
  const { place, end } = await show(<App />);
  assert.equal(place.textContent, "Sign in");
  await act(() => new Promise((done) => setTimeout(done, 0)));
  assert.equal(asked[0], "/token");
  await end();
});

test("shows what comes in channels that the server chose, and events", async () => {
  const bus = createFakeBus();
  const { place, end } = await show(<MessageBusProvider bus={bus}><Notices /></MessageBusProvider>);
  await act(async () => bus.frame({ type: "subscribed", by: "server", channel: "user/ann", epoch: "fake", offset: 0, tag: "", recovered: false }));
  await act(async () => void bus.message("user/ann", { text: "Ada is here" }));
  await act(async () => bus.frame({ type: "event", event: "alarm", data: "fire" }));
  assert.equal(place.textContent, "user/ann: Ada is herealarm: fire");
  await end();
});
