// Clients of the JavaScript package in one process, for sim/nemesis. Writes a line of JSON for each call of a callback.
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { createMessageBus } from "../../clientjs/dist/tidings.js";

const { url, clients } = JSON.parse(process.argv[2]);

// Lines are written in their order, many at a time: a pipe that is full must not stop the clients.
const lines = [];
function say(line) {
  if (lines.length === 0) setImmediate(() => process.stdout.write(lines.splice(0).join("")));
  lines.push(`${JSON.stringify({ at: Date.now(), ...line })}\n`);
}

const place = ({ epoch, offset, tag }) => ({ epoch, offset, tag });
const buses = [];
const publishers = [];
let resting = false;

for (const { name, transports, channels, publishes } of clients) {
  const bus = createMessageBus({ url, WebSocket, ...(transports ? { transports } : {}) });
  buses.push(bus);
  bus.onStatus(({ state, transport, error }) => say({ kind: "status", client: name, state, transport: transport ?? "", reason: error ? `${error.code}: ${error.message}` : "" }));
  for (const channel of channels) {
    bus.subscribe(channel, (data, _, message) => say({ kind: "message", client: name, channel, ...place(message), id: message.id, time: message.time, data }), {
      onGap: ({ reason, last, from }) => say({ kind: "gap", client: name, channel, reason, last: last && place(last), ...place(from) }),
      onSubscribed: (position) => say({ kind: "subscribed", client: name, channel, ...place(position) }),
      onError: (error) => say({ kind: "ended", client: name, channel, reason: `${error.code}: ${error.message}` }),
    });
  }
  if (publishes) publishers.push(publish(bus, name, publishes));
}

/** Publishes every two seconds, one after the other. */
async function publish(bus, name, channel) {
  for (let n = 1; !resting; n++) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    if (resting) return;
    const data = { p: name, n };
    const key = `${name} ${n}`;
    try {
      say({ kind: "ack", client: name, channel, key, data, ...place(await bus.publish(channel, data, { idempotencyKey: key })) });
    } catch (error) {
      say({ kind: "refused", client: name, reason: `${error.code}: ${error.message}` });
    }
  }
}

const commands = createInterface({ input: process.stdin });
commands.on("line", async () => {
  resting = true;
  await Promise.all(publishers);
  say({ kind: "rested" });
});
commands.on("close", () => {
  for (const bus of buses) bus.close();
  setTimeout(() => process.exit(0), 200);
});
