// The server of Feathers from npm, over Primus, with users in memory who sign in with email and password. Messages are
// heard by who is signed in. It prints its port.
import { createRequire } from "node:module";
import { accounts } from "./application.mjs";

const require = createRequire(import.meta.url);
const feathers = require("@feathersjs/feathers");
const primus = require("@feathersjs/primus");
const memory = require("feathers-memory");
const { AuthenticationService, JWTStrategy } = require("@feathersjs/authentication");
const { LocalStrategy, hooks } = require("@feathersjs/authentication-local");

const app = feathers();
app.set("authentication", { secret: "a secret", entity: "user", service: "users", authStrategies: ["jwt", "local"], local: { usernameField: "email", passwordField: "password" } });
app.configure(primus({ transformer: "websockets" }));
app.use("users", memory());
app.service("users").hooks({ before: { create: [hooks.hashPassword("password")] }, after: { all: [hooks.protect("password")] } });
const authentication = new AuthenticationService(app);
authentication.register("jwt", new JWTStrategy());
authentication.register("local", new LocalStrategy());
app.use("authentication", authentication);
app.use("messages", memory());
app.on("connection", (connection) => app.channel("anonymous").join(connection));
app.on("login", (_, { connection }) => {
  app.channel("anonymous").leave(connection);
  app.channel("authenticated").join(connection);
});
app.on("logout", (_, { connection }) => app.channel("anonymous").join(connection));
app.publish(() => app.channel("authenticated"));
for (const { id, email, password } of accounts) await app.service("users").create({ id, email, password });
const http = app.listen(0, "127.0.0.1");
http.on("listening", () => console.log(http.address().port));
