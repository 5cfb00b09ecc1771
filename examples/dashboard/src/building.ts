import { useBusQuery } from "tidings/react";

/** Where the backend hints that somebody came or went. */
export const BUILDING = "demo/building";

export interface Visitor {
  readonly id: number;
  readonly name: string;
  readonly floor: number;
  readonly since: number;
}

export interface Change {
  readonly n: number;
  readonly at: number;
  readonly kind: "arrived" | "left";
  readonly name: string;
  readonly floor: number;
}

/** What the backend answers. Times are its own, in Unix ms. */
export interface Building {
  readonly now: number;
  readonly inside: readonly Visitor[];
  readonly floors: readonly { readonly name: string; readonly people: number; readonly seats: number }[];
  readonly hours: readonly { readonly start: number; readonly arrivals: number }[];
  readonly today: number;
  readonly stay: number;
  readonly changes: readonly Change[] | null;
}

/** `?still` in the page's address: nobody comes or goes unless the visitor of the page says so. */
const still = new URLSearchParams(location.search).has("still") ? "?still" : "";

export async function visitors(signal?: AbortSignal): Promise<Building> {
  const answer = await fetch(`api/visitors${still}`, { signal: signal ?? null });
  if (answer.status === 404) throw new Error("This server has no pretend building: start it with --dev.");
  if (!answer.ok) throw new Error(`The backend answers ${answer.status}.`);
  return answer.json() as Promise<Building>;
}

/** Asks the backend to do something. Rejects with what it says. */
export async function tell<T>(what: "arrivals" | "departures" | "jobs", body: unknown = {}): Promise<T> {
  const answer = await fetch(`api/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error.message);
  return said as T;
}

/** Takes the time of a request. */
interface Measure {
  measure(way: "live", ask: () => Promise<Building>): Promise<Building>;
}

/** The building, kept fresh by hints and a slow poll. */
export const useBuilding = (compare: Measure) =>
  useBusQuery<Building>({
    channel: BUILDING,
    fetch: ({ signal }) => compare.measure("live", () => visitors(signal)),
  });
