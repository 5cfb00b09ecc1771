import type { GapReason, TransportName } from "tidings";

export const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "poll"];

const NAMES: Record<TransportName, string> = { websocket: "WebSocket", sse: "SSE", poll: "Long-poll" };

export const transportName = (name: TransportName): string => NAMES[name];

const REASONS: Record<GapReason, string> = {
  history_expired: "the channel's history does not reach back so far",
  epoch_changed: "the server's history was lost or replaced",
  position_unknown: "the server does not know our place",
  feed_lost: "a node missed messages and could not read them again",
  unrecovered: "what was missed could not be recovered",
};

export const gapReason = (reason: GapReason): string => REASONS[reason] ?? reason;

const two = (n: number, width = 2) => String(n).padStart(width, "0");

/** 17:04:09.120 */
export const clock = (d: Date): string => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${two(d.getMilliseconds(), 3)}`;

/** The server's root, from a page at <root>/demo/. */
export const root = new URL("..", location.href).href.replace(/\/$/, "");

/** Text within single quotes of a shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
