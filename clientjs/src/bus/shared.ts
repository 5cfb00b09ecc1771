import { createMessageBus } from "./bus.js";
import type { MessageBus } from "../types.js";

/**
 * The page's buses by URL. They hang on the page, so that it has one connection even where it has loaded two forms of
 * this package: by `import` and by `require`, or a bundle and the script tag.
 */
const page = globalThis as { [key: symbol]: Map<string, MessageBus> | undefined };
const key = Symbol.for("tidings.bus");

/** The page's one bus for `url`; a new one if the last was closed. Default `/bus`. */
export function sharedMessageBus(url = "/bus"): MessageBus {
  const buses = (page[key] ??= new Map<string, MessageBus>());
  let bus = buses.get(url);
  if (!bus || bus.status.state === "closed") buses.set(url, (bus = createMessageBus({ url })));
  return bus;
}
