import type { ClientFrame, GapReason, Position, PresenceMember, ServerFrame } from "./core/frames.js";
import { createFakeDocuments, type FakeDocument } from "./testing/documents.js";
import type { Gap, Message, MessageBus, OnMessage, PublishOptions, Status, SubscribeOptions } from "./types.js";

/** A subscription that a {@link FakeBus} holds. */
export interface FakeSubscription {
  readonly channel: string;
  readonly onMessage: OnMessage;
  readonly options: SubscribeOptions;
}

/** What was published on a {@link FakeBus}. */
export interface FakePublish {
  readonly channel: string;
  readonly data: unknown;
  readonly options: PublishOptions;
}

/** A bus without a server, moved by hand. Callbacks run within the call, and what they throw comes out of it. */
export interface FakeBus extends MessageBus {
  /** Every callback that is subscribed now, in the order they came. */
  readonly subscriptions: readonly FakeSubscription[];
  /** Everything that was published, by `publish` and by `message`. */
  readonly published: readonly FakePublish[];
  /** Delivers a message as if a backend had published it. Returns it with its position. */
  message(channel: string, data: unknown, fields?: Partial<Message>): Message;
  /** Reports a gap to the channel's subscribers. Default reason `history_expired`. */
  gap(channel: string, reason?: GapReason): void;
  /** Changes the status; the parts that are not given stay. */
  setStatus(status: Partial<Status>): void;
  /** Every frame of `request`, in order. */
  readonly requests: readonly ClientFrame[];
  /** Sets what the replies to `request` hold, until called again. Default: reply channels, documents, else nothing. */
  answerWith(answer: (frame: ClientFrame) => object): void;
  /** Hands a frame to the listeners of `onFrame`. */
  frame(frame: ServerFrame): void;
  /**
   * Writes documents of a collection by their ids; null removes one. The page finds them by `tidings/collection`, which
   * can write too, and its live lists hear of each change.
   */
  documents(collection: string, documents: Record<string, object | null>): void;
  /** Sets who is in a channel from now on, for those that ask and for those that watch. */
  presence(channel: string, members: PresenceMember[]): void;
  /** Makes each `publish`, `history` and `request` fail with `error`, until called with null. */
  failWith(error: Error | null): void;
}

/** Options of {@link createFakeBus}. */
export interface FakeBusOptions {
  /**
   * Reports whether a subscription or a search with this filter wants this payload. The fake evaluates none itself, but
   * for `ids`. Default: it wants all.
   */
  readonly matches?: ((filter: object, data: unknown) => boolean) | undefined;
}

/**
 * Makes a fake bus for the tests of components: give it to `MessageBusProvider`, or in place of your own bus. It is
 * `idle` until its first subscription, then `connected` over `websocket`; `debug` and `close` change the status as the
 * real ones do. Its reply channels are called `$reply/fake-1`, `-2`, …: play the job with `message("$reply/fake-1",
 * data, { event: "done" })`.
 */
export function createFakeBus({ matches = () => true }: FakeBusOptions = {}): FakeBus {
  const subscriptions = new Set<FakeSubscription>();
  const published: FakePublish[] = [];
  const kept = new Map<string, Message[]>();
  const listeners = new Set<(status: Status) => void>();
  let status: Status = { state: "idle", transport: null, error: null };
  const requests: ClientFrame[] = [];
  const frameListeners = new Set<(frame: ServerFrame) => void>();
  const present = new Map<string, PresenceMember[]>();
  let replies = 0;
  const wants = (filter: object | undefined, data: unknown): boolean => {
    const ids = (filter as { ids?: { values: unknown[] } } | undefined)?.ids?.values;
    return !filter || (ids ? ids.includes((data as FakeDocument | null)?._id) : matches(filter, data));
  };
  const documents = createFakeDocuments(wants, (collection, event, change, before, after) => {
    const removed = after ? {} : { scope: "out" as const };
    deliver(`documents/${collection}`, after ?? before ?? {}, { event, change, ...removed }, {}, before);
  });
  let answer: (frame: ClientFrame) => object = ({ method, data: asked }) => {
    if (method === "document") return { data: documents.answer(asked as Parameters<typeof documents.answer>[0]) };
    if (method !== "reply") return {};
    const data = { channel: `$reply/fake-${++replies}`, publish: `api/reply?to=fake-${replies}`, expires: 0 };
    return { ...top(data.channel), data };
  };
  let failure: Error | null = null;
  const whoIsIn = (channel: string): { members: PresenceMember[]; count: number } => {
    const members = present.get(channel) ?? [];
    return { members, count: members.length };
  };
  const joined = new Map<string, ServerFrame>();
  function tell(frame: ServerFrame): void {
    if (frame.type === "subscribed") joined.set(frame.channel, frame);
    if (frame.type === "unsubscribed") joined.delete(frame.channel);
    for (const listener of [...frameListeners]) listener(frame);
  }

  const of = (channel: string): FakeSubscription[] => [...subscriptions].filter((s) => s.channel === channel);
  const messages = (channel: string): Message[] => kept.get(channel) ?? [];
  const top = (channel: string): Position => {
    const { epoch, offset, tag } = messages(channel).at(-1) ?? { epoch: "fake", offset: 0, tag: "" };
    return { epoch, offset, tag };
  };
  function setStatus(part: Partial<Status>): void {
    status = { ...status, ...part };
    for (const listener of [...listeners]) listener(status);
  }
  const start = (): void => {
    if (status.state === "idle") setStatus({ state: "connected", transport: "websocket" });
  };
  const offline = (): void => setStatus({ state: "waiting", transport: null });

  /** What matched before and does not now is heard as `out`. */
  function deliver(channel: string, data: unknown, fields: Partial<Message>, options: PublishOptions, before?: unknown): Message {
    const { epoch, offset } = top(channel);
    const next = { channel, data, epoch, offset: offset + 1, tag: `t${offset + 1}`, id: `${channel}#${offset + 1}`, time: 0, ...fields };
    kept.set(channel, [...messages(channel), next]);
    if (before === undefined) published.push({ channel, data, options });
    for (const s of of(channel).filter((own) => subscriptions.has(own))) {
      if (wants(s.options.filter, data)) s.onMessage(next.data, channel, next);
      else if (before && wants(s.options.filter, before)) s.onMessage(next.data, channel, { ...next, scope: "out" });
    }
    return next;
  }

  return {
    get subscriptions() {
      return [...subscriptions];
    },
    published,
    message: (channel, data, fields = {}) => deliver(channel, data, fields, {}),
    setStatus,
    gap(channel, reason = "history_expired") {
      const gap: Gap = { channel, reason, last: top(channel), from: top(channel) };
      for (const s of of(channel)) s.options.onGap?.(gap);
    },
    requests,
    documents: documents.set,
    answerWith(next) {
      answer = next;
    },
    frame: tell,
    presence(channel, members) {
      present.set(channel, members);
      tell({ type: "presence", channel, ...whoIsIn(channel) });
    },
    failWith(error) {
      failure = error;
    },
    subscribe(channel, onMessage, options = {}) {
      const subscription = { channel, onMessage: onMessage as OnMessage, options };
      if (status.state === "closed") return () => {};
      subscriptions.add(subscription);
      start();
      options.onSubscribed?.(top(channel));
      return () => void subscriptions.delete(subscription);
    },
    async publish(channel, data, options = {}) {
      if (failure) throw failure;
      const { idempotencyKey: _, ...fields } = options;
      const { epoch, offset, tag } = deliver(channel, data, fields, options);
      return { epoch, offset, tag };
    },
    async history<T>(channel: string) {
      if (failure) throw failure;
      return { messages: messages(channel) as Message<T>[], position: top(channel), complete: true };
    },
    async request(frame) {
      if (failure) throw failure;
      requests.push(frame);
      const { type, channel = "", users } = frame;
      if (type === "presence") {
        if (users && users !== "none") tell({ type, channel, ...whoIsIn(channel) });
        return { type: "reply", id: requests.length, ...whoIsIn(channel) };
      }
      return { type: "reply", id: requests.length, ...answer(frame) };
    },
    onFrame(listener) {
      for (const frame of joined.values()) listener(frame);
      frameListeners.add(listener);
      return () => void frameListeners.delete(listener);
    },
    async refresh() {
      if (failure) throw failure;
    },
    url: "https://fake.example/bus",
    get status() {
      return status;
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    use: ([transport]) => setStatus({ transport: transport ?? null }),
    close() {
      subscriptions.clear();
      setStatus({ state: "closed", transport: null });
    },
    debug: { cut: offline, hold: offline, release: () => setStatus({ state: "connected", transport: "websocket" }) },
  };
}
