import type { ClientFrame, ServerFrame, WireError } from "../../src/core/frames.js";
import type { Link, LinkContext, LinkEvents, Transport, TransportName } from "../../src/transports/transport.js";

/** One link as the other end sees it. */
export class FakeLink {
  readonly sent: ClientFrame[] = [];
  closed = false;

  constructor(
    readonly name: TransportName,
    readonly context: LinkContext,
    private readonly events: LinkEvents,
    private readonly onFrames: (link: FakeLink, frames: ClientFrame[]) => void,
  ) {}

  open(): void {
    if (!this.closed) this.events.open();
  }
  /** The client hears these frames, as one message. */
  receive(...frames: object[]): void {
    if (!this.closed) this.events.frames(frames as ServerFrame[]);
  }
  lost(error?: WireError): void {
    if (this.closed) return;
    this.closed = true;
    this.events.lost(error);
  }
  /** Says `connected`. */
  accept(fields: object = {}): void {
    this.receive({ type: "connected", session: "s1", resumed: false, generation: 1, heartbeat: 25_000, ...fields });
  }
  take(frames: ClientFrame[]): void {
    const copy = JSON.parse(JSON.stringify(frames)) as ClientFrame[];
    this.sent.push(...copy);
    this.onFrames(this, copy);
  }
  /** What was sent since the last call. */
  flush(): ClientFrame[] {
    return this.sent.splice(0);
  }
}

/** Transports whose other end is the test. */
export class FakeNet {
  readonly links: FakeLink[] = [];
  /** Transports that never open. */
  readonly dead = new Set<TransportName>();
  /** Called with what a link sends. */
  onFrames: (link: FakeLink, frames: ClientFrame[]) => void = () => {};

  readonly transports: Record<TransportName, Transport> = {
    websocket: this.make("websocket"),
    sse: this.make("sse"),
    poll: this.make("poll"),
  };

  /** The newest link. */
  get last(): FakeLink {
    return this.links[this.links.length - 1] as FakeLink;
  }

  private make(name: TransportName): Transport {
    return (context, events): Link => {
      const link = new FakeLink(name, context, events, (l, frames) => this.onFrames(l, frames));
      this.links.push(link);
      queueMicrotask(() => this.dead.has(name) || link.open());
      return { send: (frames) => link.take(frames), close: () => void (link.closed = true) };
    };
  }
}
