// A client for pages that load /primus/primus.js, with the API of Primus 8 and primus-emitter 3, and the transformer
// websockets. Written for Tidings from a description of what those do, and from none of their code. Apache-2.0.
(function (root, make) {
  if (typeof module === "object" && module.exports) module.exports = make(root);
  else if (typeof define === "function" && define.amd) define(function () { return make(root); });
  else root.Primus = make(root);
})(typeof self === "object" ? self : this, function (root) {
  "use strict";
  const OPENING = 1, CLOSED = 2, OPEN = 3;
  const reserved = /^(incoming|outgoing)::|^(reconnect( scheduled| timeout| failed|ed)?|readyStateChange|offline|online|timeout|destroy|error|close|open|data|end)$/;

  class Emitter {
    constructor() { this._on = new Map(); }
    on(event, fn, context) { return this._add(event, { fn, context }); }
    once(event, fn, context) { return this._add(event, { fn, context, once: true }); }
    _add(event, listener) {
      this._on.set(event, [...(this._on.get(event) ?? []), listener]);
      return this;
    }
    off(event, fn) {
      const left = fn ? (this._on.get(event) ?? []).filter((listener) => listener.fn !== fn) : [];
      if (left.length) this._on.set(event, left);
      else this._on.delete(event);
      return this;
    }
    removeAllListeners(event) {
      if (event === undefined) this._on.clear();
      else this._on.delete(event);
      return this;
    }
    emit(event, ...args) {
      const all = this._on.get(event);
      if (!all) return false;
      for (const listener of all) {
        if (listener.once) this._on.set(event, (this._on.get(event) ?? []).filter((other) => other !== listener));
        listener.fn.apply(listener.context ?? this, args);
      }
      if (!this._on.get(event)?.length) this._on.delete(event);
      return true;
    }
    listeners(event) { return (this._on.get(event) ?? []).map((listener) => listener.fn); }
    listenerCount(event) { return this.listeners(event).length; }
    eventNames() { return [...this._on.keys()]; }
  }
  Emitter.prototype.addListener = Emitter.prototype.on;
  Emitter.prototype.removeListener = Emitter.prototype.off;

  class Client extends Emitter {
    constructor(url, options) {
      super();
      if (typeof url === "object" && url) [options, url] = [url, url.url ?? url.uri];
      this.options = { timeout: 10e3, pingTimeout: PING_TIMEOUT, strategy: ["disconnect", "online", "timeout"], queueSize: Infinity, ...options };
      for (const name of ["ping", "pong"]) if (name in this.options) throw new Error(`The option ${name} was removed: the server pings.`);
      const { strategy } = this.options;
      this.options.strategy = typeof strategy === "string" ? strategy.toLowerCase().split(/\s*,\s*/) : strategy || [];
      this.options.reconnect = { max: Infinity, min: 500, retries: 10, "reconnect timeout": 30e3, factor: 2, ...this.options.reconnect };
      this.url = new URL(url ?? root.location.href, root.location?.href);
      this.pathname = PATHNAME;
      this.readyState = CLOSED;
      this.online = root.navigator?.onLine !== false;
      this.writable = this.readable = true;
      this.buffer = [];
      this.latency = 0;
      this.transformers = { incoming: [], outgoing: [] };
      this._acks = new Map();
      this._lastAck = 0;
      this._attempt = null;
      if (this.options.network !== false && root.addEventListener) {
        root.addEventListener("offline", () => this._offline());
        root.addEventListener("online", () => this._online());
      }
      if (!this.options.manual) this._timer = setTimeout(() => this.open(), 0);
      else if (typeof this.options.manual === "number") this._timer = setTimeout(() => this.open(), this.options.manual);
    }

    /** Connects, unless that was done. */
    open() {
      if (this.readyState !== CLOSED || this._socket) return this;
      clearTimeout(this._timer);
      this._connect(this.options.timeout, () => this._failed(new Error("Connection timed out"), "timeout"));
      return this;
    }

    _state(state, name) {
      if (this.readyState === state) return;
      this.readyState = state;
      this.emit("readyStateChange", name);
    }

    _connect(patience, late) {
      const address = new URL(this.url);
      address.protocol = /^(https|wss):$/.test(address.protocol) ? "wss:" : "ws:";
      address.pathname = this.pathname;
      address.hash = "";
      address.searchParams.set("_primuscb", Date.now().toString(36) + Math.random().toString(36).slice(2, 5));
      this._state(OPENING, "opening");
      this._final = false;
      clearTimeout(this._limit);
      if (patience) this._limit = setTimeout(late, patience);
      const socket = (this._socket = new (this.options.WebSocket ?? root.WebSocket)(address.href));
      const mine = (fn) => (event) => socket === this._socket && fn(event);
      socket.onopen = mine(() => this._opened());
      socket.onmessage = mine((event) => this._heard(event.data));
      socket.onerror = mine((event) => (this._error = event.error ?? new Error("The connection could not be opened")));
      socket.onclose = mine(() => this._closed());
    }

    _drop() {
      clearTimeout(this._limit);
      clearTimeout(this._beat);
      const socket = this._socket;
      this._socket = null;
      if (socket && socket.readyState < 2) socket.close();
    }

    _opened() {
      clearTimeout(this._limit);
      const waiting = this.buffer.splice(0);
      const attempt = this._attempt;
      this._attempt = null;
      this._error = undefined;
      if (attempt) this.emit("reconnected", { ...attempt, duration: Date.now() - attempt.start });
      this.readyState = OPEN;
      for (const data of waiting) this._write(data);
      this.emit("readyStateChange", "open");
      this._listen();
      this.emit("open");
    }

    _listen() {
      clearTimeout(this._beat);
      if (!this.options.pingTimeout) return;
      this._beat = setTimeout(() => {
        this.online = false;
        this.emit("offline");
        this._drop();
        this._lost();
      }, this.options.pingTimeout);
    }

    _heard(raw) {
      let data = raw;
      if (typeof raw === "string") {
        try {
          data = JSON.parse(raw);
        } catch (error) {
          this.emit("incoming::data", raw);
          this.emit("error", error);
          return;
        }
      }
      const own = typeof data === "string" && /^primus::(ping|id|server)::(.*)$/.exec(data);
      if (own) {
        if (own[1] === "ping") {
          this.online = true;
          this._listen();
          this.emit("outgoing::pong", +own[2]);
          this._write(`primus::pong::${own[2]}`);
          this.emit("incoming::ping", +own[2]);
        } else if (own[1] === "id") this.emit("incoming::id", own[2]);
        else if (own[2] === "close") this._final = true;
        this.emit("incoming::data", raw);
        return;
      }
      this.emit("incoming::data", raw);
      for (const transform of this.transformers.incoming) {
        const packet = { data };
        if (transform.call(this, packet) === false) return;
        data = packet.data;
      }
      this._packet(data);
      this.emit("data", data, raw);
    }

    /** An event of the server, or its acknowledgement of one of ours. */
    _packet(packet) {
      if (!packet || !Array.isArray(packet.data) || (packet.id && typeof packet.id !== "number")) return;
      if (packet.type === 1) {
        const fn = this._acks.get(packet.id);
        this._acks.delete(packet.id);
        if (fn) fn(...packet.data);
      } else if (packet.type === 0 && !reserved.test(packet.data[0])) {
        const args = packet.data.slice();
        let said = false;
        if (packet.id) args.push((...answer) => { if (!said) { said = true; this.write({ id: packet.id, type: 1, data: answer }); } });
        this.emit(...args);
      }
    }

    /** Sends an event; a function as the last argument is called with the server's answer. */
    send(event, ...args) {
      if (event === "newListener" || event === "removeListener") return this;
      const packet = { type: 0, data: [event, ...args] };
      if (typeof args[args.length - 1] === "function") {
        this._acks.set((packet.id = ++this._lastAck), packet.data.pop());
      }
      return this.write(packet);
    }

    /** Sends data. What is written while there is no connection waits for it. */
    write(data) {
      for (const transform of this.transformers.outgoing) {
        const packet = { data };
        if (transform.call(this, packet) === false) return false;
        data = packet.data;
      }
      return this._write(data);
    }

    _write(data) {
      if (this.readyState !== OPEN || !this._socket) {
        if (this.buffer.length >= this.options.queueSize) this.buffer.splice(0, 1);
        this.buffer.push(data);
        return false;
      }
      const text = JSON.stringify(data).replace(/\u2028/g, "\\u2028").replace(/\u2029/g, "\\u2029");
      this.emit("outgoing::data", text);
      this._socket.send(text);
      return true;
    }

    /** Calls `fn` with the name of this connection at the server. */
    id(fn) {
      this._write("primus::id::");
      return this.once("incoming::id", fn);
    }

    transform(direction, fn) {
      this.transformers[direction].push(fn);
      return this;
    }

    _closed() {
      const opened = this.readyState === OPEN;
      const error = this._error;
      this._drop();
      if (opened) {
        this.emit("incoming::end");
        this._lost();
      } else this._failed(error ?? new Error("The connection could not be opened"), "error");
    }

    /** A connection that was open is gone. */
    _lost() {
      this.readyState = CLOSED;
      this.emit("readyStateChange", "end");
      this.emit("close");
      if (!this._final && this._has("disconnect")) this._again();
      else this.emit("end");
    }

    /** An attempt came to nothing. */
    _failed(error, event) {
      this._drop();
      this.readyState = CLOSED;
      if (this._attempt) {
        if (event === "timeout") this.emit("reconnect timeout", error, this._attempt);
        return this._again();
      }
      this.emit(event, error);
      if (this._has("timeout")) return this._again();
      this.emit("close");
      this.emit("end");
    }

    _has(strategy) { return this.options.strategy.includes(strategy); }

    /** Waits, and tries again: after `min`, then ever longer, with chance. */
    _again() {
      const options = this.options.reconnect;
      const attempt = (this._attempt ??= { ...options, attempt: 0, start: Date.now(), backoff: false });
      if (attempt.attempt >= attempt.retries) {
        this._attempt = null;
        this.emit("end");
        this.emit("reconnect failed", new Error("Unable to recover"), attempt);
        return;
      }
      attempt.attempt++;
      attempt.backoff = true;
      const n = attempt.attempt;
      attempt.scheduled = n === 1 ? Math.min(options.min, options.max) : Math.min(Math.round((1 + Math.random()) * options.min * options.factor ** (n - 1)), options.max);
      this.emit("reconnect scheduled", attempt);
      this._timer = setTimeout(() => {
        attempt.backoff = false;
        this._state(OPENING, "opening");
        this.emit("reconnect", attempt);
        this._connect(attempt["reconnect timeout"], () => this._failed(new Error("Failed to reconnect in a timely manner"), "timeout"));
      }, attempt.scheduled);
    }

    _offline() {
      if (!this.online) return;
      this.online = false;
      this.emit("offline");
      this.end();
    }

    _online() {
      if (this.online) return;
      this.online = true;
      this.emit("online");
      if (this._has("online") && this.readyState === CLOSED) this._again();
    }

    /** Ends the connection for good, after `data` if there is any. */
    end(data) {
      if (this.readyState === CLOSED && !this._attempt && !this._socket) {
        clearTimeout(this._timer);
        return this;
      }
      if (data !== undefined) this.write(data);
      clearTimeout(this._timer);
      this._attempt = null;
      const opened = this.readyState === OPEN;
      this._drop();
      this.readyState = CLOSED;
      this.emit("readyStateChange", "end");
      if (opened) this.emit("outgoing::end");
      this.emit("close");
      this.emit("end");
      return this;
    }

    /** Ends the connection, and forgets all listeners. */
    destroy() {
      this.end();
      this.emit("destroy");
      this.removeAllListeners();
      return true;
    }

    reserved(event) { return reserved.test(event); }
  }

  /** Works with `new` and without. */
  function Primus(url, options) { return new Client(url, options); }
  Primus.prototype = Client.prototype;
  Client.prototype.constructor = Primus;
  Primus.connect = Primus;
  Primus.EventEmitter = Emitter;
  Object.assign(Client.prototype, { version: VERSION, emits: function (event) { return (...args) => this.emit(event, ...args); } });
  Object.assign(Primus, { OPENING, CLOSED, OPEN });
  return Primus;
});
