// An application with sessions of its own behind Tidings: it signs users in with a cookie, puts their pages in channels, says who may hear what, answers calls
// and routes, and publishes. It needs Node alone. TIDINGS is the bus's address, HOOK_SECRET its hooks.secret, PAGE_SECRET its connection_ids.secret, TIDINGS_API_KEY a key of it.
import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const { TIDINGS = "http://127.0.0.1:8080", HOOK_SECRET = "", PAGE_SECRET = "", TIDINGS_API_KEY = "", PORT = "3000" } = process.env;
const html = readFileSync(new URL("../page.html", import.meta.url), "utf8");
const sessions = new Map(); // cookie -> { user, desks }
const visits = [];
const events = new Map(); // node -> number of the last event that was taken

/** Whether a request is of the server: Standard Webhooks, over what was signed. */
function signed(req, content) {
  const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": list = "" } = req.headers;
  if (Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;
  const want = createHmac("sha256", Buffer.from(HOOK_SECRET.slice(6), "base64")).update(`${id}.${time}.${content}`).digest();
  return list.split(" ").some((s) => {
    const got = Buffer.from(s.replace(/^v1,/, ""), "base64");
    return got.length === want.length && timingSafeEqual(got, want);
  });
}

const keyOf = (cookie = "") => /(?:^|; )session=([\w-]+)/.exec(cookie)?.[1];
const sessionOf = (cookie) => sessions.get(keyOf(cookie));

/** How the server knows a page of this session, before and after its socket exists: nobody can make one up, or use it for another session. */
function connectionId(key) {
  const signed = `${randomUUID()}~${createHash("sha256").update(key).digest("base64url")}`;
  return `${signed}~${createHmac("sha256", PAGE_SECRET).update(signed).digest("base64url")}`;
}

/** What the server asks. A status of 400 or more is a no, with the reason in `error`. */
const hooks = {
  connect: ({ cookie }) => ({ user: sessionOf(cookie)?.user }),
  subscribe: ({ user, channel }) => (user || channel === "public" ? {} : { status: 403, error: { message: "sign in first", hint: "POST /login" } }),
  call: ({ method, user }) =>
    method === "whoami" ? { data: { user: user ?? null } }
    : method === "visits.count" ? { data: visits.length }
    : { status: 404, error: { message: `there is no method ${method}`, hint: "There are whoami and visits.count." } },
  events: ({ node, events: list }) => {
    for (const e of list) {
      if (e.number <= (events.get(node) ?? 0)) continue; // had it
      events.set(node, e.number);
      console.log(e.event, e.channel ?? e.connection, e.user ?? "");
    }
    return {};
  },
};

/** Asks the bus for something: publish, subscribe, unsubscribe. */
async function bus(what, body) {
  const r = await fetch(`${TIDINGS}/api/${what}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(TIDINGS_API_KEY && { authorization: `Bearer ${TIDINGS_API_KEY}` }) },
    body: JSON.stringify(body),
  });
  if (!r.ok) throw new Error(`${what}: ${await r.text()}`);
}

/** From here on every page of the session hears of a desk: those that are open, and those that are still being loaded. */
async function follow(key, desk) {
  await bus("subscribe", { session: key, channel: `desk/${desk}` });
  sessions.get(key).desks.add(desk);
}

/** Routes that clients call over their connection: who calls is in Tidings-Caller, which is signed. */
const routes = {
  "POST /visits": async (caller, { name, desk }, id) => {
    if (!caller.user) return [401, { error: "sign in first" }];
    if (!/^(north|south)$/.test(desk)) return [400, { error: "there is no such desk" }];
    const visit = visits.push({ name, by: caller.user });
    await bus("publish", { channels: ["visits", `desk/${desk}`], data: { visit, name, by: caller.user }, idempotencyKey: `visit-${id}` });
    return [201, { visit }];
  },
};

const body = async (req) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const server = createServer(async (req, res) => {
  const reply = (status, value, headers = {}) => res.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
  try {
    const text = await body(req);
    const caller = req.headers["tidings-caller"];
    const route = routes[`${req.method} ${req.url}`];
    if (req.method === "POST" && req.url === "/hooks") {
      if (!signed(req, text)) return reply(401, {});
      const question = JSON.parse(text);
      const { status = 200, ...answer } = hooks[question.hook](question);
      return reply(status, answer);
    }
    if (route && caller) {
      if (!signed(req, `${req.method} ${req.url}\n${caller}\n${text}`)) return reply(401, {});
      return reply(...(await route(JSON.parse(Buffer.from(caller, "base64url")), JSON.parse(text), req.headers["webhook-id"])));
    }
    const key = keyOf(req.headers.cookie);
    const session = sessions.get(key);
    const [, path, desk] = /^\/(desk|follow)\/(north|south)$/.exec(req.url) ?? [];
    if (req.method === "GET" && (req.url === "/" || path === "desk")) {
      if (session && desk) await follow(key, desk);
      const page = html.replace("{{connection id}}", session ? connectionId(key) : "").replace("{{desks}}", [...(session?.desks ?? [])].join(", "));
      return res.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" }).end(page);
    }
    if (req.method === "POST" && path === "follow" && session) {
      await follow(key, desk);
      return reply(200, {});
    }
    if (req.method === "POST" && req.url === "/login") {
      const fresh = randomUUID();
      sessions.set(fresh, { user: new URLSearchParams(text).get("user"), desks: new Set() });
      return reply(200, {}, { "set-cookie": `session=${fresh}; HttpOnly; SameSite=Lax; Path=/` });
    }
    if (req.method === "POST" && req.url === "/logout" && session) {
      if (session.desks.size) await bus("unsubscribe", { session: key, channels: [...session.desks].map((d) => `desk/${d}`) });
      sessions.delete(key);
      return reply(200, {});
    }
    reply(404, {});
  } catch (error) {
    console.error(error);
    reply(500, {});
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
