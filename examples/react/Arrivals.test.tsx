import assert from "node:assert/strict";
import { test } from "node:test";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { MessageBusProvider } from "tidings/react";
import { createFakeBus } from "tidings/testing";
import { Arrivals } from "./Arrivals";

test("shows who arrives, and says so where somebody may be missing", async () => {
  const bus = createFakeBus();
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  await act(async () => root.render(<MessageBusProvider bus={bus}><Arrivals user="u42" /></MessageBusProvider>));

  await act(async () => void bus.message("visitor-management/arrival/u42", { name: "Ada" }));
  assert.equal(place.textContent, "Ada");

  await act(async () => bus.gap("visitor-management/arrival/u42"));
  assert.equal(place.textContent, "(some arrivals are not shown)");

  await act(async () => root.unmount());
  assert.equal(bus.subscriptions.length, 0);
});
