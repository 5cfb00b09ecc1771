// What is measured, and how: the same as run.go and line.go, with what a browser has. Only the endpoints that every client uses are asked.

const OPEN = 5_000; // ms to wait for what must come
const ECHO = 4_000;
const SKEW = 30_000;

/** Tidings itself refused, or ended the line. */
class Declined extends Error {}
/** An HTTP answer that is not the one that was hoped for. */
class BadStatus extends Error {}
class TooLate extends Error {}

// Words that web application firewalls take for an attack.
const SUSPICIOUS = "<script>alert(1)</script> ' OR 1=1 -- ../../etc/passwd";

/** Where a host is, as far as its name tells: "loopback", "private", or "unknown". */
export function network(host) {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/^::ffff:/, "");
  if (name === "localhost" || name.endsWith(".localhost") || /^127\.[\d.]+$/.test(name) || name === "::1") return "loopback";
  if (/^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.[\d.]+$/.test(name)) return "private";
  if (/^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/.test(name)) return "private";
  return /\.(local|internal|lan|home\.arpa)$/.test(name) || !/[.:]/.test(name) ? "private" : "unknown";
}

const within = (ms, promise) => {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new TooLate()), ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

const statusText = (error) => {
  if (error instanceof BadStatus) return ` (status ${error.message})`;
  if (error instanceof Declined) return ` (${error.message})`;
  return error instanceof TooLate || error.name === "AbortError" ? " (no answer in time)" : "";
};

/** One open way to hear frames. */
class Line {
  #queue = [];
  #waiting = [];
  #over;

  hand(text) {
    for (const frame of [JSON.parse(text)].flat()) {
      if (frame.type === "disconnect") return this.end(new Declined(frame.code));
      this.#queue.push(frame);
    }
    this.#turn();
  }

  end(error = new Error("the other side closed it")) {
    this.#over ??= error;
    this.#turn();
  }

  #turn() {
    this.#waiting = this.#waiting.filter(({ matches, resolve, reject }) => {
      const i = this.#queue.findIndex(matches);
      if (i >= 0) resolve(this.#queue.splice(i, 1)[0]);
      else if (this.#over) reject(this.#over);
      else return true;
    });
  }

  await(type, id) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ matches: (f) => f.type === type && (!id || f.id === id), resolve, reject });
      this.#turn();
    });
  }

  async ping(id) {
    const pong = this.await("pong", id);
    pong.catch(() => {}); // where the sending fails first
    await this.send({ type: "ping", id });
    await pong;
  }
}

class Examination {
  took = {};
  facts = {
    echoSeconds: String(ECHO / 1000), token: "ok", clock: "unknown", http: "",
    websocket: "untested", sse: "untested", poll: "untested", upload: "untested", words: "untested", idle: "untested",
  };

  constructor(base, token, changed) {
    Object.assign(this, { base, token, changed });
    this.facts.url = base;
    this.facts.network = network(new URL(base, globalThis.location?.href).hostname);
  }

  note(facts) {
    Object.assign(this.facts, facts);
    this.changed(this.facts, this.took);
  }

  get connect() {
    return [{ type: "connect", ...(this.token && { token: this.token }) }];
  }

  post(path, body, signal) {
    const headers = { "Content-Type": "application/json", ...(this.token && { Authorization: `Bearer ${this.token}` }) };
    return fetch(this.base + path, { method: "POST", headers, body: JSON.stringify(body), signal, cache: "no-store" });
  }

  async refusal(response) {
    const answer = await response.json().catch(() => ({}));
    return answer.error?.code ? new Declined(answer.error.code) : new BadStatus(String(response.status));
  }

  /** Whether Tidings itself refused, for want of a token. */
  wantsToken(error) {
    if (!(error instanceof Declined) || !["unauthorized", "token_expired", "forbidden"].includes(error.message)) return false;
    this.note({ token: "needed", tokenCode: error.message });
    return true;
  }

  async server() {
    const start = Date.now();
    let response;
    try {
      response = await fetch(this.base, { cache: "no-store", signal: AbortSignal.timeout(OPEN) });
    } catch {
      this.note({ server: "unreachable" });
      return false;
    }
    const took = Date.now() - start;
    const hello = await response.json().catch(() => ({}));
    if (hello.error?.code) this.note({ server: "refused", serverCode: hello.error.code, serverSays: hello.error.message });
    else if (!hello.version || !hello.transports?.length) this.note({ server: "foreign", serverStatus: String(response.status) });
    else {
      this.took.server = took;
      const protocol = performance.getEntriesByName?.(this.base).at(-1)?.nextHopProtocol ?? "";
      this.note({ server: "ok", http: { "http/1.1": "1.1", h2: "2", h3: "3" }[protocol] ?? "" });
      this.clock(response.headers.get("Date"), start + took / 2);
    }
    return this.facts.server === "ok";
  }

  clock(date, here) {
    const there = Date.parse(date ?? "") + 500; // the header is cut to seconds
    if (Number.isNaN(there)) return;
    const skew = Math.abs(here - there);
    this.note({ clock: skew > SKEW ? "off" : "ok", clockSkew: String(Math.trunc(skew / 1000)) });
  }

  openWebSocket() {
    const line = new Line();
    const socket = new WebSocket(this.base.replace(/^http/, "ws") + "/ws");
    line.close = () => socket.close();
    line.send = async (frame) => socket.send(JSON.stringify(frame));
    return new Promise((resolve, reject) => {
      socket.onopen = () => resolve(line);
      socket.onerror = () => reject(new Error("the handshake failed"));
      socket.onclose = () => line.end();
      socket.onmessage = ({ data }) => line.hand(data);
    });
  }

  async websocket() {
    let line;
    const opening = this.openWebSocket();
    try {
      line = await within(OPEN, opening);
    } catch (error) {
      opening.then((late) => late.close(), () => {});
      this.note({ websocket: "refused", websocketStatusText: statusText(error) });
      return undefined;
    }
    try {
      await within(ECHO, line.ping(1));
    } catch {
      line.close();
      this.note({ websocket: "eaten" });
      return undefined;
    }
    this.note({ websocket: "ok" });
    try {
      await line.send(this.connect[0]);
      await within(ECHO, line.await("connected"));
      return line;
    } catch (error) {
      this.wantsToken(error);
      line.close();
      return undefined;
    }
  }

  async openStream(abort) {
    const response = await this.post("/sse", this.connect, abort.signal);
    if (!response.ok || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) throw await this.refusal(response);
    const line = new Line();
    line.close = () => abort.abort();
    const read = async () => {
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (let text = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        const lines = (text + decoder.decode(value, { stream: true })).split("\n");
        text = lines.pop();
        for (const l of lines) if (l.startsWith("data:")) line.hand(l.slice(5));
      }
    };
    read().then(() => line.end(), (error) => line.end(error));
    return line;
  }

  async sse() {
    const abort = new AbortController();
    try {
      const line = await within(OPEN, this.openStream(abort));
      const { session } = await within(ECHO, line.await("connected"));
      line.send = this.upstream(session);
      await within(ECHO, line.ping(1));
      this.note({ sse: "ok" });
      return line;
    } catch (error) {
      abort.abort();
      if (this.wantsToken(error)) return undefined;
      if (error instanceof TooLate) this.note({ sse: "buffered" });
      else this.note({ sse: "failed", sseStatusText: statusText(error) });
      return undefined;
    }
  }

  async pollOnce(body, signal) {
    const response = await this.post("/poll", body, signal);
    if (!response.ok) throw await this.refusal(response);
    return response.json();
  }

  async openPoll(abort) {
    const line = new Line();
    line.close = () => abort.abort();
    let answer = await this.pollOnce(this.connect, abort.signal);
    line.hand(JSON.stringify(answer.frames));
    const { session } = await line.await("connected");
    line.send = this.upstream(session);
    const go = async () => {
      for (;;) {
        answer = await this.pollOnce({ type: "poll", session, received: answer.cursor }, abort.signal);
        line.hand(JSON.stringify(answer.frames));
      }
    };
    go().catch((error) => line.end(error));
    return line;
  }

  async poll() {
    const abort = new AbortController();
    try {
      const line = await within(OPEN, this.openPoll(abort));
      await within(ECHO, line.ping(1));
      this.note({ poll: "ok" });
      return line;
    } catch (error) {
      abort.abort();
      if (!this.wantsToken(error)) this.note({ poll: "failed", pollStatusText: statusText(error) });
      return undefined;
    }
  }

  /** Sends frames beside a stream or a poll, each body with the next number. */
  upstream(session) {
    let seq = 0;
    return async (frame) => {
      const response = await this.post("/send", { session, seq: seq + 1, frames: [frame] }, AbortSignal.timeout(OPEN));
      if (!response.ok) throw await this.refusal(response);
      seq++;
    };
  }

  async upload(line) {
    if (!line) return;
    let failed;
    let text = "";
    for (const size of [60_000, 16_000, 4_000, 1_000]) {
      try {
        await line.send({ type: "ping", pad: "x".repeat(size) });
        this.note(failed ? { upload: "limited", uploadLimit: String(size), uploadFailed: failed, uploadStatusText: text } : { upload: "ok", uploadLimit: String(size) });
        return;
      } catch (error) {
        failed = String(size);
        text = statusText(error);
      }
    }
    this.note({ upload: "limited", uploadLimit: "0", uploadFailed: failed, uploadStatusText: text });
  }

  /** Whether something in between refuses a body because of what is in it. */
  async words(line) {
    if (!line || this.facts.uploadLimit === "0") return;
    try {
      await line.send({ type: "ping", pad: SUSPICIOUS });
      this.note({ words: "ok" });
    } catch (error) {
      this.note({ words: "refused", wordsStatusText: statusText(error) });
    }
  }

  async silence(lines, idle) {
    const start = Date.now();
    const cut = {};
    await Promise.all(
      Object.entries(lines).map(async ([name, line]) => {
        try {
          await within(idle, line.await("nothing that there is")).catch((error) => {
            if (!(error instanceof TooLate)) throw error;
          });
          await within(ECHO, line.ping(2));
        } catch {
          cut[name] = Math.min(Date.now() - start, idle);
        }
      }),
    );
    const seconds = (ms) => String(Math.round(ms / 1000));
    const names = Object.keys(cut).sort();
    const verdict = names.length ? { idle: "cut", idleOn: names.join(", "), idleCutAfter: seconds(Math.min(...Object.values(cut))) } : { idle: "ok" };
    this.note({ idleTested: seconds(idle), ...verdict });
  }
}

/**
 * Examines the way to the server whose bus is at `base`. `changed` is called with the facts, and how long things took in ms, whenever there are more of
 * them; `step` with what is done next. Gives both.
 */
export async function examine({ base, token = "", idle = 6_000, changed = () => {}, step = () => {} }) {
  const e = new Examination(base, token, changed);
  step("server");
  if (await e.server()) {
    step("transports");
    const lines = {};
    await Promise.all(
      ["websocket", "sse", "poll"].map(async (name) => {
        const start = Date.now();
        const line = await e[name]();
        if (!line) return;
        lines[name] = line;
        e.took[name] = Date.now() - start;
      }),
    );
    step("upload");
    await e.upload(lines.poll);
    await e.words(lines.poll);
    if (idle > 0 && Object.keys(lines).length) {
      step("idle");
      await e.silence(lines, idle);
    }
    for (const line of Object.values(lines)) {
      await within(1_000, line.send({ type: "disconnect" })).catch(() => {});
      line.close();
    }
  }
  return { facts: e.facts, took: e.took };
}
