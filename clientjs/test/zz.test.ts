import { test } from "node:test";
import { servedBus } from "./helpers/bus.js";
test("zz", async () => {
  const { bus, net, clock } = servedBus({ random: () => 0.999 });
  bus.onStatus((s) => console.log(clock.now(), s.state, s.transport, s.fallback, s.error?.code));
  bus.subscribe("a", () => {});
  for (let i = 0; i < 12; i++) {
    await clock.advance(5_000);
    bus.use([(["sse", "poll", "websocket"] as const)[i % 3] as "sse"]);
  }
  await clock.advance(5_000);
  net.links.at(-1)?.lost();
  await clock.advance(300);
});
