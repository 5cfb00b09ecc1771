import { createBus } from "../../src/bus/bus.js";
import { share } from "../../src/tabs.js";
import type { Clock } from "../../src/util/clock.js";
import type { Transport, TransportName } from "../../src/transports/transport.js";
import type { MessageBus, MessageBusOptions } from "../../src/types.js";
import { FakeBrowser, type FakePage } from "./browser.js";
import { FakeClock } from "./clock.js";
import { FakeNet } from "./net.js";
import { FakeServer } from "./server.js";

/** A tab with a bus in it. */
export interface TestTab {
  readonly page: FakePage;
  readonly net: FakeNet;
  readonly bus: MessageBus;
  /** Closes it as a user does. */
  close(): void;
  /** Its process ends. */
  crash(): void;
}

/** One browser, and one server that all of its tabs can reach. */
export function world(random: () => number = () => 0.5) {
  const clock = new FakeClock();
  const browser = new FakeBrowser();
  const first = new FakeNet();
  const server = new FakeServer(first);
  const { onFrames } = first;

  function open(options: MessageBusOptions = {}): TestTab {
    const page = browser.page();
    const net = new FakeNet();
    net.onFrames = onFrames;
    const timers = new Set<number>();
    const own: Clock = {
      now: clock.now,
      set(callback, ms) {
        const timer = clock.set(() => page.run(() => timers.delete(timer) && callback()), ms);
        timers.add(timer);
        return timer;
      },
      clear(timer) {
        timers.delete(timer as number); // also one that was due while the page was frozen
        clock.clear(timer);
      },
    };
    const transports = Object.fromEntries(
      Object.entries(net.transports).map(([name, transport]): [string, Transport] => [
        name,
        (context, events) =>
          transport(context, {
            open: () => page.run(() => events.open()),
            frames: (frames) => page.run(() => events.frames(frames)),
            lost: (error) => page.run(() => events.lost(error)),
          }),
      ]),
    ) as Record<TransportName, Transport>;
    const load = async () => ({ share: (host: Parameters<typeof share>[0]) => share(host, page.platform) });
    const bus = createBus({ clock: own, random, WebSocket: class {} as never, ...options }, transports, load);
    return {
      page,
      net,
      bus,
      close() {
        bus.close();
        page.crash();
      },
      crash() {
        page.crash();
        for (const link of net.links) link.closed = true;
      },
    };
  }

  /** The sessions at the server whose link is open. */
  const live = (): number => [...server.sessions.values()].filter((s) => s.link && !s.link.closed).length;
  return { clock, browser, server, open, live };
}
