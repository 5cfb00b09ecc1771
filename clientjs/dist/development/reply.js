/* Tidings, Apache-2.0 */

// clientjs/src/reply.ts
import { TidingsError } from "./tidings.js";

// clientjs/src/util/clock.ts
var MAX_TIMER = 2 ** 31 - 1;
var systemClock = {
  now: () => Date.now(),
  set(callback, ms) {
    const timer = {};
    const arm = (left) => {
      timer.id = setTimeout(left > MAX_TIMER ? () => arm(left - MAX_TIMER) : callback, Math.min(left, MAX_TIMER));
    };
    arm(ms);
    return timer;
  },
  clear: (timer) => clearTimeout(timer?.id)
};

// clientjs/src/reply.ts
var JobError = class extends Error {
  constructor(data) {
    const message = typeof data === "string" ? data : data?.message;
    super(typeof message === "string" ? message : "The job failed.");
    this.name = "JobError";
    this.data = data;
  }
};
var FINAL = ["done", "error"];
async function replyChannel(bus, { ttl = 36e5, timeout = ttl, onProgress, onDone, onError } = {}) {
  const { data, epoch, offset, tag } = await bus.request({ type: "call", method: "reply", data: { ttl } });
  const { channel, publish, expires } = data;
  const end = Date.now() + ttl;
  let over = false;
  let last;
  let timer;
  let settle;
  const result = new Promise((resolve, reject) => settle = { resolve, reject });
  result.catch(() => {
  });
  function close() {
    over = true;
    systemClock.clear(timer);
    unsubscribe();
  }
  function fail(error) {
    if (over) return;
    close();
    settle.reject(error);
    onError?.(error);
  }
  function take({ event, data: data2, id }) {
    if (over) return;
    last = id;
    if (event === "done") {
      close();
      settle.resolve(data2);
      onDone?.(data2);
    } else if (event === "error") {
      fail(new JobError(data2));
    } else {
      wait();
      onProgress?.(data2);
    }
  }
  async function look() {
    const { messages } = await bus.history(channel, { limit: 1 });
    const newest = messages.at(-1);
    const alive = newest?.id !== last;
    if (newest && FINAL.includes(newest.event ?? "")) take(newest);
    else last = newest?.id ?? last;
    return alive;
  }
  function wait() {
    systemClock.clear(timer);
    timer = systemClock.set(() => {
      look().then((alive) => {
        if (over) return;
        if (alive && Date.now() < end) wait();
        else fail(new TidingsError({ code: "timeout", message: "The job went silent.", hint: "Ask the backend how it stands." }));
      }, fail);
    }, Math.max(0, Math.min(timeout, end - Date.now())));
  }
  const unsubscribe = bus.subscribe(channel, (_, __, message) => take(message), {
    since: { epoch, offset, tag },
    onGap: () => void look().catch(fail),
    onError: fail
  });
  wait();
  const base = new URL(bus.url.replace(/\/+$/, ""), globalThis.document?.baseURI ?? globalThis.location?.href);
  return { publishURL: new URL(publish, base).href, channel, expires, result, close };
}
export {
  JobError,
  replyChannel
};
//# sourceMappingURL=reply.js.map
