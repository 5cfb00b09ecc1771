import type { MessageBus, Status } from "tidings";
import { Store } from "./store.js";
import { transportName } from "./words.js";

export interface Line {
  readonly key: number;
  readonly at: Date;
  readonly tone: "good" | "bad" | "plain";
  readonly text: string;
}

const LINES = 30;
/** Messages that come so soon after a reconnect are those that were missed, in ms. */
const CATCH_UP = 400;

/** What happened to the connection, in words. */
export class Journal extends Store<readonly Line[]> {
  private lines: Line[] = [];
  private keys = 0;
  private over: string | null = null;
  private lost = false;
  private caughtUp: number | null = null;

  constructor(bus: MessageBus) {
    super();
    bus.onStatus((status) => this.onStatus(status));
  }

  write(text: string, tone: Line["tone"] = "plain"): void {
    this.lines = [{ key: this.keys++, at: new Date(), tone, text }, ...this.lines.slice(0, LINES - 1)];
    this.changed();
  }

  /** A message came. Right after a reconnect it is one that was missed. */
  heard(): void {
    if (this.caughtUp !== null) this.caughtUp++;
  }

  private onStatus({ state, transport, error }: Status): void {
    if (state === "connected" && transport) this.onConnected(transportName(transport));
    else if (state === "waiting" && !this.lost) {
      this.lost = true;
      this.write(this.over ? `Lost the connection over ${this.over}` : "No transport gets through", "bad");
    } else if (state === "closed") this.write(`Closed: ${error?.message ?? "goodbye"}`, "bad");
  }

  private onConnected(name: string): void {
    if (!this.lost) {
      if (name !== this.over) this.write(this.over ? `Moved from ${this.over} to ${name}, nothing lost` : `Connected over ${name}`, "good");
    } else {
      this.caughtUp = 0;
      setTimeout(() => {
        const n = this.caughtUp ?? 0;
        this.caughtUp = null;
        this.write(`Back over ${name}${n ? `, caught up on ${n} ${n === 1 ? "message" : "messages"}` : ""}`, "good");
      }, CATCH_UP);
    }
    this.lost = false;
    this.over = name;
  }

  protected look(): readonly Line[] {
    return this.lines;
  }
}
