// The server of Feathers from npm, over Primus: one service in memory, heard by everybody. It prints its port.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const feathers = require("@feathersjs/feathers");
const primus = require("@feathersjs/primus");
const memory = require("feathers-memory");

const app = feathers();
app.configure(primus({ transformer: "websockets" }));
app.use("messages", memory({ multi: true, paginate: { default: 100, max: 250 }, whitelist: ["$and"] }));
app.on("connection", (connection) => app.channel("everybody").join(connection));
app.publish(() => app.channel("everybody"));
const http = app.listen(0, "127.0.0.1");
http.on("listening", () => console.log(http.address().port));
