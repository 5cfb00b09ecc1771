// A shop with one page. An order is stored, and then published: the page is told, and does not ask again and again.
import express from "express";

const bus = process.env.TIDINGS_URL ?? "http://127.0.0.1:8080";
const key = process.env.TIDINGS_API_KEY; // a server with --dev needs none from this machine
const port = Number(process.env.PORT ?? 3000);
const orders = [];

const app = express();
app.use(express.json());
app.use(express.static("public"));
app.use("/client", express.static("node_modules/tidings/dist"));
app.get("/config.json", (_request, response) => response.json({ bus: `${bus}/bus` }));
app.get("/orders", (_request, response) => response.json(orders));
app.post("/orders", async (request, response) => {
  const order = { id: orders.length + 1, what: String(request.body?.what ?? "") };
  orders.push(order); // in a real shop: a transaction; what is published is stored
  await publish("orders", order, `order-${order.id}`);
  response.status(201).json(order);
});

/** Publishes. The idempotency key makes a repeated request publish once. */
async function publish(channel, data, idempotencyKey) {
  const response = await fetch(`${bus}/api/publish`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ channel, data, idempotencyKey }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
}

app.listen(port, "127.0.0.1", () => console.log(`Open http://127.0.0.1:${port}/`));
