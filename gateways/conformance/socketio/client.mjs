// The unmodified client of npm, with a record of the packets that it sends and hears and of the events that it has.
import { once } from "node:events";
import { createRequire } from "node:module";

const { io } = createRequire(import.meta.url)("socket.io-client");

const open = new Set();

/** A client that connects. `options` are those of `io`; `namespace` is "/" if it is absent. */
export function client(server, { namespace = "", ...options } = {}) {
  const record = [];
  const socket = io(server.url + namespace, { forceNew: true, autoConnect: false, reconnectionDelay: 20, reconnectionDelayMax: 100, ...server.options, ...options });
  const manager = socket.io;
  let engine;
  // The manager makes an engine for each attempt.
  Object.defineProperty(manager, "engine", {
    get: () => engine,
    set: (made) => {
      engine = made;
      made.on("packet", ({ type, data }) => record.push(["←", type, data]));
      made.on("packetCreate", ({ type, data }) => record.push(["→", type, data]));
      made.on("upgrade", ({ name }) => record.push(["upgrade", name]));
    },
  });
  socket.on("connect", () => record.push(["connect", socket.id.length > 0]));
  socket.on("disconnect", (reason) => record.push(["disconnect", reason, socket.active]));
  socket.on("connect_error", (error) => record.push(["connect_error", error.message, socket.active]));
  manager.on("reconnect", () => record.push(["reconnect"]));
  socket.record = record;
  open.add(socket);
  socket.connect();
  return socket;
}

/** Ends what tests left open. */
export function endAll() {
  for (const socket of open) {
    socket.io.reconnection(false);
    socket.disconnect();
  }
  open.clear();
}

/** Resolves with the first argument of the next event of that name. */
export const next = async (emitter, event) => (await new Promise((resolve) => emitter.once(event, (...args) => resolve(args))))[0];

/** Resolves when a client is connected. */
export const connected = (socket) => (socket.connected ? undefined : next(socket, "connect"));

/** Resolves with the arguments of the acknowledgement. */
export const call = (socket, ...args) => new Promise((resolve) => socket.emit(...args, (...answer) => resolve(answer)));

/**
 * A record without what differs from run to run, and what is known to be otherwise: ids, how much a body may have, why a
 * client is refused in our own words, to what a client that polls might go on, pings, which come when their time has
 * come, and how an answer ends that had to come.
 */
export const plain = (record) =>
  record
    .filter(([, type]) => !["ping", "pong", "noop", "close"].includes(type))
    .map((entry) =>
      entry.map((word) =>
        typeof word === "string"
          ? word.replace(/"sid":"[\w.~-]{8,}"/, '"sid":"ID"').replace(/"maxPayload":\d+/, '"maxPayload":"MANY"').replace(/"upgrades":\[[^\]]*\]/, '"upgrades":"SOME"').replace(/,"data":\{"code":"unauthorized","hint":"[^"]+"\}/, "")
          : word,
      ),
    );

export { once };
