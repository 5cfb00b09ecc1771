import type { GapReason, Status, TransportName } from "tidings";

export const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "poll"];

const NAMES: Record<TransportName, string> = { websocket: "WebSocket", sse: "SSE", poll: "Long-poll" };

export const transportName = (name: TransportName): string => NAMES[name];

const REASONS: Record<GapReason, string> = {
  history_expired: "the channel's history does not reach back so far",
  epoch_changed: "the server's history was lost or replaced",
  position_unknown: "the server does not know our place",
  feed_lost: "a node missed messages and could not read them again",
  rules_changed: "you may see other things than before",
  unrecovered: "what was missed could not be recovered",
};

export const gapReason = (reason: GapReason): string => REASONS[reason] ?? reason;

const FALLBACKS: Record<NonNullable<Status["fallback"]>, string> = {
  refused: "was refused by this network",
  unproven: "brought nothing back on this network",
  unstable: "breaks again and again on this network",
  remembered: "did not get through this network lately",
  chosen: "was not chosen",
};

/** What was wrong with the better transports. */
export const fallbackReason = (reason: Status["fallback"]): string => (reason && FALLBACKS[reason]) ?? "did not get through this network";

const two = (n: number, width = 2) => String(n).padStart(width, "0");

/** 17:04:09.120 */
export const clock = (d: Date): string => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${two(d.getMilliseconds(), 3)}`;

/** The server's root, from a page at <root>/demo/. */
export const root = new URL("..", location.href).href.replace(/\/$/, "");

/** Text within single quotes of a shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** 45 ms, 2.6 s, 12 min, 3 h */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
