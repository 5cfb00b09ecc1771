// The two servers that the same programs run against: the original from npm, and Tidings.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { serve } from "../../../clientjs/e2e/tidings.mjs";
import { answers } from "./application.mjs";

/** The server of npm. `pingInterval` is in ms. */
export async function original(pingInterval = 30_000) {
  const child = spawn(process.execPath, [fileURLToPath(new URL("original.mjs", import.meta.url)), String(pingInterval)], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await once(createInterface(child.stdout), "line");
  const say = (command) => child.stdin.write(`${JSON.stringify(command)}\n`);
  return {
    name: "original",
    url: `http://127.0.0.1:${port}`,
    send: (event, data, to) => say({ send: [event, data], to }),
    end: (id, reconnect) => say({ end: { id, reconnect } }),
    stop: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
}

/** Tidings, with the same application behind its hooks. */
export async function tidings(pingInterval = 30_000, env = {}) {
  const app = createServer(async (req, res) => {
    let body = "";
    for await (const part of req) body += part;
    const { method, data } = JSON.parse(body);
    const answer = answers[method]?.(...data);
    res.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
    res.end(JSON.stringify(answer ? { data: answer } : { code: "not_found" }));
  });
  await once(app.listen(0, "127.0.0.1"), "listening");
  const server = await serve({
    TIDINGS_HOOKS_URL: `http://127.0.0.1:${app.address().port}/`, TIDINGS_HOOKS_ASK: "call", TIDINGS_HOOKS_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1234567890ab",
    TIDINGS_GATEWAYS_PRIMUS_PING_INTERVAL: `${pingInterval}ms`, ...env,
  });
  const api = async (path, body) => {
    const answer = await fetch(`${server.url}/api/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    name: "tidings",
    url: server.url,
    server,
    api,
    send: (event, data, to) => api("send", { event, data, ...(to ? { connection: to } : { all: true }) }),
    end: (id, reconnect) => api("disconnect", { connection: id, ...(reconnect ? { retry: true } : {}) }),
    stop: async () => {
      await server.stop();
      app.closeAllConnections();
      app.close();
    },
  };
}
