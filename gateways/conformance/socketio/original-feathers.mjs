// The server of Feathers 5 from npm, over Socket.IO: one service in memory, heard by everybody. It prints its port.
import { once } from "node:events";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { feathers } = require("@feathersjs/feathers");
const socketio = require("@feathersjs/socketio");
const { MemoryService } = require("@feathersjs/memory");

const app = feathers();
app.configure(socketio());
app.use("messages", new MemoryService({ multi: true, paginate: { default: 100, max: 250 } }));
app.on("connection", (connection) => app.channel("everybody").join(connection));
app.publish(() => app.channel("everybody"));
const http = await app.listen(0, "127.0.0.1");
if (!http.listening) await once(http, "listening");
console.log(http.address().port);
