import { createMessageBus } from "./bus.js";
import type { MessageBus } from "../types.js";

const buses = new Map<string, MessageBus>();

/** The page's one bus for `url`; a new one if the last was closed. Default `/bus`. */
export function sharedMessageBus(url = "/bus"): MessageBus {
  let bus = buses.get(url);
  if (!bus || bus.status.state === "closed") buses.set(url, (bus = createMessageBus({ url })));
  return bus;
}
