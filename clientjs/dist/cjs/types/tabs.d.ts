import type { Carrier } from "./link/carrier.js";
import { type CarrierHost } from "./link/connection.js";
import { type Platform } from "./tabs/platform.js";
/**
 * Makes this tab one of those of the browser that share one connection to the server: those of the same origin, URL and
 * identity. Throws if it is no browser, or the core is of another version. Loaded by the core when a bus is first used.
 */
export declare function share(host: CarrierHost, platform?: Platform): Carrier;
