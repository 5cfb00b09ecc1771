// The two servers that the same programs run against: the original from npm, and Tidings.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { serve } from "../../../clientjs/e2e/tidings.mjs";
import { answers } from "./application.mjs";

/** A server of npm, of a file of this folder. */
export async function original(file = "original.mjs") {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await once(createInterface(child.stdout), "line");
  const say = (command) => child.stdin.write(`${JSON.stringify(command)}\n`);
  return {
    name: "original",
    url: `http://127.0.0.1:${port}`,
    send: (event, data, to) => say({ send: [event, data], to }),
    end: (id, comeBack) => say({ end: { id, comeBack } }),
    stop: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
}

const secret = "a secret of these tests of more than 32 bytes";
const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token that Tidings takes. */
export function token(sub, more = {}, lifetime = 600) {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${base64({ alg: "HS256", typ: "JWT" })}.${base64({ iss: "test", aud: "tidings", sub, iat: now - 1, exp: now + lifetime, ...more })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** Tidings, with the same application behind its hooks. */
export async function tidings(env = {}, flags = []) {
  const app = createServer(async (req, res) => {
    let body = "";
    for await (const part of req) body += part;
    const { method, data } = JSON.parse(body);
    const answer = answers[method]?.(...data);
    res.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
    res.end(JSON.stringify(answer ? { data: answer } : { code: "not_found" }));
  });
  await once(app.listen(0, "127.0.0.1"), "listening");
  const server = await serve(
    { TIDINGS_TOKENS_SECRET: secret, TIDINGS_TOKENS_ISSUER: "test", TIDINGS_TOKENS_AUDIENCE: "tidings", TIDINGS_HOOKS_URL: `http://127.0.0.1:${app.address().port}/`, TIDINGS_HOOKS_ASK: "call", TIDINGS_HOOKS_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1234567890ab", ...env },
    undefined,
    flags,
  );
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
    end: (id, comeBack) => api("disconnect", { connection: id, ...(comeBack ? { retry: true } : {}) }),
    stop: async () => {
      await server.stop();
      app.closeAllConnections();
      app.close();
    },
  };
}
