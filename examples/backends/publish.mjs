// publish.mjs CHANNEL JSON [KEY]: publishes one message and prints its position. Node 20, no packages.
import { setTimeout as sleep } from "node:timers/promises";

/** Publishes data once, however often it has to be sent, and gives the server's answer. */
export async function publish(channel, data, key = crypto.randomUUID(), attempts = 6) {
  let problem;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      const answer = await fetch(`${process.env.TIDINGS_URL}/api/publish`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${process.env.TIDINGS_API_KEY}` },
        body: JSON.stringify({ channel, data, idempotencyKey: key }),
        signal: AbortSignal.timeout(15_000),
      });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text);
      problem = refusal(answer.status, text);
    } catch (lost) {
      problem = { message: `no answer: ${lost.message}`, retry: true }; // the message may stand, or not
    }
    if (!problem.retry) break;
    await sleep(Math.random() * Math.min(20_000, 200 * 2 ** attempt));
  }
  throw new Error(problem.message);
}

function refusal(status, text) {
  try {
    const { code, message, hint, retry } = JSON.parse(text).error;
    return { message: `${code}: ${message}. ${hint}`, retry };
  } catch {
    return { message: `status ${status}`, retry: [502, 503, 504].includes(status) }; // not Tidings: a proxy in between
  }
}

const [channel, data, key] = process.argv.slice(2);
const { epoch, offset, tag } = await publish(channel, JSON.parse(data), key);
console.log(`${epoch}:${offset}:${tag}`);
