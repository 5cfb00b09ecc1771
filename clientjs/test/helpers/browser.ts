import type { Platform } from "../../src/tabs/platform.js";

interface Ask {
  readonly page: FakePage;
  readonly name: string;
  readonly hold: () => unknown;
  readonly refuse: (error: Error) => void;
  readonly grant: (value: unknown) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A browser with tabs: its locks and its broadcast channels, as far as sharing uses them. What a page that is frozen
 * would hear waits; what a page that is gone held is free.
 */
export class FakeBrowser {
  private readonly queues = new Map<string, Ask[]>();
  readonly holders = new Map<string, Ask>();
  readonly pages: FakePage[] = [];
  /** Posts that the browser loses. */
  loses: (post: unknown) => boolean = () => false;
  posts = 0;

  page(): FakePage {
    const page = new FakePage(this, `tab${this.pages.length + 1}`);
    this.pages.push(page);
    return page;
  }

  request(page: FakePage, name: string, options: LockOptions, hold: () => unknown): Promise<unknown> {
    if (page.gone) return new Promise(() => {});
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => page.run(() => reject(error));
      const ask: Ask = { page, name, hold, refuse, grant: resolve, signal: options.signal };
      options.signal?.addEventListener("abort", () => {
        if (this.holders.get(name) === ask) return; // too late
        this.queues.set(name, this.queue(name).filter((a) => a !== ask));
        refuse(new DOMException("aborted", "AbortError"));
      });
      if (options.steal) {
        const robbed = this.holders.get(name);
        this.holders.delete(name);
        robbed?.refuse(new DOMException("stolen", "AbortError"));
        this.queues.set(name, [ask, ...this.queue(name)]);
      } else this.queues.set(name, [...this.queue(name), ask]);
      queueMicrotask(() => this.pass(name));
    });
  }

  private queue(name: string): Ask[] {
    return this.queues.get(name) ?? [];
  }

  /** Gives a free lock to the next in the queue. */
  private pass(name: string): void {
    if (this.holders.has(name)) return;
    const [next, ...rest] = this.queue(name);
    if (!next) return;
    this.queues.set(name, rest);
    this.holders.set(name, next);
    next.page.run(async () => {
      const value = await next.hold();
      if (this.holders.get(name) !== next) return;
      this.holders.delete(name);
      next.grant(value);
      this.pass(name);
    });
  }

  /** Everything of a page ends, without a word. */
  bury(page: FakePage): void {
    for (const [name, asks] of this.queues) this.queues.set(name, asks.filter((a) => a.page !== page));
    for (const [name, { page: holder }] of this.holders) {
      if (holder !== page) continue;
      this.holders.delete(name);
      this.pass(name);
    }
  }

  carry(from: FakePage, name: string, post: unknown): void {
    this.posts++;
    const text = JSON.stringify(post);
    if (this.loses(post)) return;
    for (const page of this.pages) {
      for (const channel of page.channels) {
        if (page === from || channel.name !== name) continue;
        queueMicrotask(() => page.run(() => page.channels.has(channel) && channel.onmessage?.({ data: JSON.parse(text) } as MessageEvent)));
      }
    }
  }
}

interface FakeChannel {
  readonly name: string;
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(post: unknown): void;
  close(): void;
}

/** One tab. `freeze` stops it as SIGSTOP does, without a word; `crash` ends it. */
export class FakePage {
  readonly channels = new Set<FakeChannel>();
  frozen = false;
  gone = false;
  hidden = false;
  private waiting: (() => unknown)[] = [];
  private lifecycle: { freeze: () => void; resume: () => void } | undefined;

  constructor(
    readonly browser: FakeBrowser,
    readonly name: string,
  ) {}

  /** Runs something in the page: now, when it thaws, or never. */
  run(task: () => unknown): void {
    if (this.gone) return;
    if (this.frozen) this.waiting.push(task);
    else task();
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    for (const task of this.waiting.splice(0)) queueMicrotask(() => this.run(task));
  }

  crash(): void {
    this.gone = true;
    this.channels.clear();
    this.browser.bury(this);
  }

  /** The page's own events, before and after the browser freezes it. */
  tell(event: "freeze" | "resume"): void {
    this.lifecycle?.[event]();
  }

  readonly platform: Platform = {
    locks: { request: ((name: string, options: LockOptions, hold: () => unknown) => this.browser.request(this, name, options, hold)) as never },
    open: (name) => {
      const channel: FakeChannel = {
        name,
        onmessage: null,
        postMessage: (post) => this.channels.has(channel) && this.browser.carry(this, name, post),
        close: () => void this.channels.delete(channel),
      };
      this.channels.add(channel);
      return channel;
    },
    resolve: (url) => new URL(url, "https://app.example/").href,
    digest: async (text) => text,
    name: () => this.name,
    hidden: () => this.hidden,
    watch: (freeze, resume) => {
      this.lifecycle = { freeze, resume };
      return () => (this.lifecycle = undefined);
    },
  };
}
