const { createElement } = require("react");
const { renderToString } = require("react-dom/server");
const { MessageBusProvider, useBusStatus, useMessageBus } = require("tidings/react");
const { createFakeBus } = require("tidings/testing");
const { createMessageBus } = require("tidings");

function Heard() {
  useMessageBus("setups/jest", () => {});
  return useBusStatus().state;
}

test("a component renders with the fake bus", () => {
  expect(renderToString(createElement(MessageBusProvider, { bus: createFakeBus() }, createElement(Heard)))).toBe("idle");
});

test("a bus loads what it loads on demand", async () => {
  const bus = createMessageBus({ url: "http://127.0.0.1:1/bus" });
  bus.subscribe("setups/jest", () => {});
  await new Promise((resolve) => bus.onStatus(() => bus.status.state === "waiting" && resolve()));
  bus.close();
});
