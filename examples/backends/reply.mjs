// reply.mjs URL EVENT JSON [KEY]: says on a reply channel how a job stands. Node 20, no packages.
import { setTimeout as sleep } from "node:timers/promises";

/** Says "progress", "done" or "error" on a reply channel, once, however often it has to be sent. */
export async function reply(url, event, data, key = crypto.randomUUID(), attempts = 6) {
  // The URL came from a page: only its path and query are used, at the server that we know, lest it send us elsewhere.
  const { pathname, search } = new URL(url, process.env.TIDINGS_URL);
  const target = new URL(pathname + search, process.env.TIDINGS_URL);
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(target, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ event, data, idempotencyKey: key }),
        signal: AbortSignal.timeout(15_000),
      });
      if (answer.ok) return await answer.json();
      const { error } = await answer.json().catch(() => ({ error: { code: answer.status, retry: answer.status >= 502 } }));
      if (!error.retry) throw Object.assign(new Error(`${error.code}: ${error.message} ${error.hint}`), { final: true }); // channel_closed, channel_expired, forbidden …
    } catch (problem) {
      if (problem.final || attempt >= attempts) throw problem;
    }
    if (attempt >= attempts) throw new Error("no answer");
    await sleep(Math.random() * Math.min(20_000, 200 * 2 ** attempt));
  }
}

const [url, event, data, key] = process.argv.slice(2);
console.log(JSON.stringify(await reply(url, event, JSON.parse(data), key)));
