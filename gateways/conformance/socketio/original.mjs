// The server of Socket.IO from npm, with the same application that servers.mjs gives to Tidings. It prints its port, and
// takes commands as lines of JSON on its standard input: {send: [event, data], to: id or absent}, {end: {id, comeBack}}.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { answers } from "./application.mjs";

const { Server } = createRequire(import.meta.url)("socket.io");

const http = createServer();
const io = new Server(http, { cors: { origin: "*" }, allowUpgrades: process.argv[2] !== "stay" });
io.use((socket, next) => (socket.handshake.auth.token === "wrong" ? next(new Error("the token is not a JWT of three parts")) : next()));
io.on("connection", (socket) => {
  for (const [event, answer] of Object.entries(answers)) socket.on(event, (...args) => typeof args.at(-1) === "function" && args.pop()(...answer(...args)));
});
createInterface(process.stdin).on("line", (line) => {
  const { send, to, end } = JSON.parse(line);
  if (send) (to ? io.to(to) : io).emit(...send);
  if (end) end.comeBack ? io.sockets.sockets.get(end.id).conn.close() : io.sockets.sockets.get(end.id).disconnect();
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
