// The server of Primus from npm, with the same application that tidings.mjs gives to Tidings. It prints its port, and
// takes commands as lines of JSON on its standard input: {send: [event, data], to: id or absent}, {end: {id, reconnect}}.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { answers } from "./application.mjs";

const require = createRequire(import.meta.url);
const Primus = require("primus");
const emitter = require("primus-emitter");

const http = createServer();
const primus = new Primus(http, { transformer: "websockets", pingInterval: Number(process.argv[2] ?? 30_000) });
primus.plugin("emitter", emitter);
primus.on("connection", (spark) => {
  for (const [event, answer] of Object.entries(answers)) spark.on(event, (...args) => args.pop()(...answer(...args)));
});
createInterface(process.stdin).on("line", (line) => {
  const { send, to, end } = JSON.parse(line);
  if (send) to ? primus.spark(to).send(...send) : primus.send(...send);
  if (end) primus.spark(end.id).end(undefined, { reconnect: end.reconnect });
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
