import type { MessageBus, PresenceMember, ServerFrame, TidingsError, Unsubscribe } from "tidings";
import { systemClock, type Clock } from "./util/clock.js";
import { createListeners } from "./util/listeners.js";

/** Who is in a channel. A new object for each change. */
export interface Presence {
  /** All of them, in order; none if there are more than 1,000: then `count` alone says how many. */
  readonly members: readonly PresenceMember[];
  readonly count: number;
  /** The server has reported it. The last report stays while the bus is not connected. */
  readonly known: boolean;
  /** Why the server does not show it; null if it does. */
  readonly error: TidingsError | null;
}

/** Who is in a channel, kept up to date while somebody listens. */
export interface LivePresence {
  readonly state: Presence;
  /** Calls `listener` at each change of state. The first listener begins, the last one to leave ends it. */
  onChange(this: void, listener: () => void): Unsubscribe;
}

const NOBODY: Presence = { members: [], count: 0, known: false, error: null };

const nameOf = ({ user, connection }: PresenceMember): string => (user === undefined ? `c${connection}` : `u${user}`);

const sorted = (list: Iterable<PresenceMember>): PresenceMember[] => {
  const names = [...list].map((member) => ({ name: nameOf(member), member }));
  return names.sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ member }) => member);
};

/**
 * Asks once who is in `channel`. Rejects as `MessageBus.request` does: `forbidden` if the server's rules do not show
 * it.
 */
export async function getPresence(bus: Pick<MessageBus, "request">, channel: string): Promise<Presence> {
  const { members = [], count } = (await bus.request({ type: "presence", channel })) as { members?: PresenceMember[]; count?: unknown };
  return { members: sorted(members), count: count as number, known: true, error: null };
}

type Bus = Pick<MessageBus, "subscribe" | "request" | "onFrame" | "status">;

const shared = new WeakMap<Bus, Map<string, LivePresence>>();

/**
 * Who is in `channel`, as long as somebody listens: this client too, since a client that watches a channel is
 * subscribed to it. All watchers of one channel of a bus share it. Nothing happens before somebody listens, so this may
 * run while rendering and on a server.
 */
export function watchPresence(bus: Bus, channel: string, clock: Clock = systemClock): LivePresence {
  const all = shared.get(bus) ?? new Map<string, LivePresence>();
  shared.set(bus, all);
  let live = all.get(channel);
  if (!live) all.set(channel, (live = create(bus, channel, clock, () => all.delete(channel))));
  return live;
}

function create(bus: Bus, channel: string, clock: Clock, forget: () => void): LivePresence {
  const listeners = createListeners<[]>();
  let state = NOBODY;
  let there: Map<string, PresenceMember> | undefined; // undefined if they are only counted
  let n = 0;
  let stop: Unsubscribe | undefined;

  function set(part: Partial<Presence>): void {
    state = { ...state, ...part };
    listeners.tell();
  }

  function take(frame: ServerFrame): void {
    if (!(frame.type === "presence" || frame.type === "joined" || frame.type === "left") || frame.channel !== channel) return;
    if (frame.room) return; // it is of those who asked for the same filter
    const { type, members, count } = frame;
    if (type === "presence") there = members && new Map();
    else if (!state.known) return; // of a time before
    for (const member of members ?? []) {
      if (type === "left") there?.delete(nameOf(member));
      else there?.set(nameOf(member), member);
    }
    set({ members: sorted(there?.values() ?? []), count, known: true, error: null });
  }

  function start(): Unsubscribe {
    let over = false;
    let timer: unknown;
    /** The subscription begins, maybe anew: it hears of nobody before it asks to. */
    function ask(): void {
      clock.clear(timer);
      bus.request({ type: "presence", channel, users: "all" }).catch((error: TidingsError) => {
        if (over) return;
        if (error.retry) timer = clock.set(ask, 2_000);
        else if (error.code !== "not_subscribed") set({ ...NOBODY, error });
      });
    }
    const deaf = bus.onFrame(take);
    const leave = bus.subscribe(channel, () => {}, { onGap: () => {}, onSubscribed: ask, onError: (error) => set({ ...NOBODY, error }) });
    return () => {
      over = true;
      clock.clear(timer);
      deaf();
      leave();
      // For others of this page that hear messages alone. Tabs that share the connection may still want it.
      if (bus.status.state === "connected" && !bus.status.tab) bus.request({ type: "presence", channel, users: "none" }).catch(() => {});
      state = NOBODY;
      there = undefined;
      forget();
    };
  }

  return {
    get state() {
      return state;
    },
    onChange(listener) {
      const leave = listeners.add(listener);
      n++;
      stop ??= start();
      let left = false;
      return () => {
        if (left) return;
        left = true;
        leave();
        n--;
        // React's StrictMode leaves and comes back in one turn: wait for its end.
        queueMicrotask(() => {
          if (n || !stop) return;
          stop();
          stop = undefined;
        });
      };
    },
  };
}
