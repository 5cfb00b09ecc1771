import { createBus } from "../../src/bus/bus.js";
import type { MessageBusOptions } from "../../src/types.js";
import { FakeClock } from "./clock.js";
import { FakeNet } from "./net.js";
import { FakeServer } from "./server.js";

/** A bus over links that the test holds in its hand. Chance always says `random`, default 0.5. */
export function handBus(options: MessageBusOptions & { random?: () => number } = {}) {
  const clock = new FakeClock();
  const net = new FakeNet();
  const fetch = (): Promise<Response> => Promise.reject(new TypeError("no network"));
  const bus = createBus({ clock, fetch, random: () => 0.5, WebSocket: class {} as never, ...options }, net.transports);
  return { bus, clock, net };
}

/** A bus with a server at the other end. */
export function servedBus(options: MessageBusOptions = {}) {
  const hand = handBus(options);
  return { ...hand, server: new FakeServer(hand.net) };
}

/** Takes what is written to the console or thrown into the void while `run` runs. */
export async function captured(run: () => unknown): Promise<{ warn: unknown[][]; error: unknown[][] }> {
  const out = { warn: [] as unknown[][], error: [] as unknown[][] };
  const { warn, error } = console;
  console.warn = (...args) => void out.warn.push(args);
  console.error = (...args) => void out.error.push(args);
  try {
    await run();
  } finally {
    Object.assign(console, { warn, error });
  }
  return out;
}
