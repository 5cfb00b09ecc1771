/** What the page asks of the API of its own server. Errors are what the API answered: what went wrong, and what to do. */

const base = new URL("../api/", document.baseURI);

/** An answer of the API that is an error. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | undefined>;

async function send(method: string, path: string, init: RequestInit): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string>), "Tidings-Admin": "1" };
  const url = new URL(path, base);
  const answer = await fetch(url, { ...init, method, headers, cache: "no-store" }).catch(() => {
    throw new Refused(0, "unreachable", "The server does not answer.", "It may be starting anew, or the network is gone. This page asks again.");
  });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => undefined);
  const error = body?.error ?? { code: "foreign_answer", message: `The answer is ${answer.status}, and not one of Tidings.`, hint: "Look at the proxy in front of the server." };
  if (answer.status === 401 && !init.signal) dispatchEvent(new Event("signed-out"));
  throw new Refused(answer.status, error.code, error.message, error.hint);
}

function withQuery(path: string, query: Query): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") parts.set(name, String(value));
  return parts.size ? `${path}?${parts}` : path;
}

/** Asks for a path of the API. */
export const get = async <T>(path: string, query: Query = {}): Promise<T> => (await send("GET", withQuery(path, query), {})).json();

/** Sends a body to a path of the API. */
export const post = async <T>(path: string, body: unknown): Promise<T> =>
  (await send("POST", path, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();

/** Signs in with an API key, which is not kept. */
export const signIn = async (key: string): Promise<Session> => (await send("POST", "session", { headers: { Authorization: `Bearer ${key}` } })).json();

/** Has the browser forget the sign-in. */
export const signOut = async (): Promise<Session> => (await send("DELETE", "session", {})).json();

/** Follows messages as they are published, until the signal. It calls `each` with the type of the event and its data. */
export async function tail(pattern: string, signal: AbortSignal, each: (type: string, data: unknown) => void): Promise<void> {
  const answer = await send("GET", withQuery("tail", { pattern }), { signal });
  const lines = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await lines.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      let [type, data] = ["message", ""];
      for (const line of event.split("\n")) {
        if (line.startsWith("event: ")) type = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) each(type, JSON.parse(data));
    }
  }
}

export interface Session {
  on: boolean;
  key?: string;
  scopes?: string[];
  ends?: number;
}

export interface Everybody {
  nodes?: number;
  unanswered?: string[];
}

export interface Stats extends Everybody {
  time: number;
  connections: Record<string, number>;
  parked: number;
  channels: number;
  subscriptions: number;
  published: number;
  delivered: number;
  replayed: number;
  gaps: number;
  refused: number;
  bytes: number;
  fallbacks: { transport: string; reason: string; connections: number; connects: number }[];
  hooks: { hook: string; allowed: number; refused: number; failed: number }[];
  events: { sent: number; lost: number; waiting: number };
  limits: { name: string; node?: string; used: number; most: number }[];
  pressure: number;
  broker: boolean;
}

export interface Channel {
  channel: string;
  subscribers: number;
  epoch: string;
  offset: number;
  tag: string;
}

export interface Connection {
  connection: string;
  user?: string;
  transport: string;
  fallback?: string;
  gateway?: string;
  state: string;
  since: number;
  subscriptions: number;
}

export interface Message {
  offset: number;
  id: string;
  event?: string;
  data: unknown;
  time?: number;
}

export interface Seen {
  channel: string;
  offset?: number;
  id: string;
  event?: string;
  volatile?: boolean;
  data: unknown;
}

export interface Why {
  connection: string;
  channel: string;
  offset: number;
  state: string;
  answer: string;
  receives: boolean;
  message: string;
  records: { time: number; what: string; channel?: string; code?: string; last?: number; from?: number; to?: number }[];
}

export interface Refusal {
  node?: string;
  where: string;
  code: string;
  reason: string;
  hint: string;
  channel?: string;
  user?: string;
  connection?: string;
  origin?: string;
  address?: string;
  key?: string;
  last: number;
  count: number;
}

export interface Ruling {
  allowed: boolean;
  asks: string;
  why: string;
}

export interface Decision {
  channel: string;
  rule: string;
  user?: string;
  join?: string;
  subscribe: Ruling;
  publish: Ruling;
  presence: Ruling;
  write: Ruling;
  filter?: unknown;
}

export interface Cluster {
  node?: string;
  broker: { ok: boolean; roundTrip: number };
  nodes: {
    id: string;
    url?: string;
    version?: string;
    since: number;
    draining: boolean;
    connections: Record<string, number>;
    parked: number;
    channels: number;
    lag: number;
    reachable: boolean;
  }[];
  differing?: string[];
}
