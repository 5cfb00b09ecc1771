// An application with sessions of its own behind Tidings: it signs users in with a cookie, says who may hear what, answers calls and routes, and publishes.
// It needs Node alone. TIDINGS is the bus's address, HOOK_SECRET its hooks.secret, TIDINGS_API_KEY a key of it.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { TIDINGS = "http://127.0.0.1:8080", HOOK_SECRET = "", TIDINGS_API_KEY = "", PORT = "3000" } = process.env;
const sessions = new Map(); // cookie -> user
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

const sessionOf = (cookie = "") => sessions.get(/(?:^|; )session=([\w-]+)/.exec(cookie)?.[1]);

/** What the server asks. A status of 400 or more is a no, with the reason in `error`. */
const hooks = {
  connect: ({ cookie }) => ({ user: sessionOf(cookie) }),
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

async function publish(channel, data, idempotencyKey) {
  const r = await fetch(`${TIDINGS}/api/publish`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(TIDINGS_API_KEY && { authorization: `Bearer ${TIDINGS_API_KEY}` }) },
    body: JSON.stringify({ channel, data, idempotencyKey }),
  });
  if (!r.ok) throw new Error(`publish: ${await r.text()}`);
}

/** Routes that clients call over their connection: who calls is in Tidings-Caller, which is signed. */
const routes = {
  "POST /visits": async (caller, { name }, id) => {
    if (!caller.user) return [401, { error: "sign in first" }];
    const visit = visits.push({ name, by: caller.user });
    await publish("visits", { visit, name, by: caller.user }, `visit-${id}`);
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
    if (req.method === "POST" && req.url === "/login") {
      const session = randomUUID();
      sessions.set(session, new URLSearchParams(text).get("user"));
      return reply(200, {}, { "set-cookie": `session=${session}; HttpOnly; SameSite=Lax; Path=/` });
    }
    reply(404, {});
  } catch (error) {
    console.error(error);
    reply(500, {});
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
