// The demo in real Chromium against the real binary, behind a network that can be broken. A backend publishes with one HTTP POST; the page
// shows the message; the server's own counters say which transport carried it. `npm run test:demo`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chrome, closeChrome, transports, until } from "../../clientjs/e2e/clients.mjs";
import { cutter } from "../../clientjs/e2e/cutter.mjs";
import { serve } from "../../clientjs/e2e/tidings.mjs";

let server;
before(async () => (server = await serve()));
after(async () => {
  await closeChrome();
  await server?.stop();
});

/** How many pages hear a channel. One that is connected may still wait for the answer to its subscribe. */
const listeners = async (channel) => (await (await fetch(`${server.url}/api/connections?channel=${encodeURIComponent(channel)}`)).json()).connections.length;

/** The page on a channel and behind a network of its own, with everything that went wrong in it. Its building is still unless `still` is false. */
async function open(t, { channel = `demo/${t.name.replaceAll(/\W+/g, "-")}`, swallows, still = true, ...options } = {}) {
  const net = await cutter(server.port);
  net.swallows = swallows;
  const context = await (await chrome()).newContext({ permissions: ["clipboard-read", "clipboard-write"], ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(m.text()));
  t.after(async () => {
    await context.close();
    await net.close();
  });
  const url = `${net.url}/demo/?channel=${channel}${still ? "&still" : ""}`;
  const others = await listeners(channel);
  await page.goto(url);
  const by = (id) => page.getByTestId(id);
  const demo = {
    page, net, url, channel, context, by,
    text: (id) => by(id).textContent(),
    number: async (id) => Number(await by(id).textContent()),
    is: (id, text) => until(`${id} ${text}`, async () => new RegExp(`^${text}$`).test(await by(id).textContent())),
    /** Its fetches of the beginning are over, and the throttle behind the last one: the next hint is followed at once. */
    async rested() {
      await until("live", async () => (await by("dashboard").getAttribute("data-live")) === "true");
      for (let asked = -1; asked !== (asked = await demo.number("requests-live")); ) await sleep(1_500);
    },
    transport: (want) => until(`connected over ${want}`, async () => (await by("state").textContent()) === "connected" && (await by("transport").getAttribute("data-transport")) === want),
    /** One HTTP POST, as a backend does it. Gives the server's answer. */
    publish: (data) => server.publish(channel, data),
    shown: (answer) => page.locator(`[data-testid=message][data-id="${answer.id}"]`).waitFor({ timeout: 20_000 }),
    offsets: async () => (await by("message").evaluateAll((items) => items.map((li) => Number(li.dataset.offset)))).reverse(),
    /** What went wrong, but for what a browser writes down of requests that a broken line or another transport ended. */
    faults: () => faults.filter((text) => !/409|ERR_|WebSocket connection to/.test(text)),
  };
  await demo.is("state", "connected");
  await until("it hears the channel", async () => (await listeners(channel)) > others);
  return demo;
}

/** How many messages each transport carried while `run` ran. */
async function carried(run) {
  const read = () => Promise.all(transports.map((transport) => server.metric("tidings_transport_messages_total", { transport })));
  const before = await read();
  await run();
  const now = await read();
  return Object.fromEntries(transports.map((name, i) => [name, now[i] - before[i]]));
}
const only = (transport, n) => ({ websocket: 0, sse: 0, poll: 0, [transport]: n });
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);

for (const transport of transports) {
  test(`${transport}: forced in the page, it carries what a backend publishes, and what was missed in a cut`, async (t) => {
    const demo = await open(t);
    await demo.by(`use-${transport}`).check();
    await demo.transport(transport);
    assert.match(await demo.text("why"), /because you chose it/);
    assert.deepEqual(await carried(async () => demo.shown(await demo.publish({ n: 1 }))), only(transport, 1));
    await until("one connection, of this transport", async () => (await server.metric("tidings_connections", { transport })) === 1);

    demo.net.cut();
    await until("the page says that it is offline", async () => ["waiting", "connecting"].includes(await demo.text("state")));
    assert.equal(await demo.by("transport").getAttribute("data-transport"), "");
    const missed = await carried(async () => {
      const answers = [];
      for (let n = 2; n <= 6; n++) answers.push(await demo.publish({ n }));
      assert.equal(await demo.text("count"), "1", "nothing comes through a cut");
      demo.net.heal();
      await demo.transport(transport);
      for (const answer of answers) await demo.shown(answer);
    });
    assert.ok(missed[transport] >= 5, JSON.stringify(missed));
    assert.deepEqual({ ...missed, [transport]: 0 }, only(transport, 0));
    assert.deepEqual([await demo.offsets(), await demo.text("count"), await demo.text("gaps")], [upTo(6), "6", "0"]);

    await demo.by("cut").click();
    await demo.publish({ n: 7 });
    await demo.is("count", "7");
    await demo.by("offline").click();
    await demo.is("state", "waiting");
    for (let n = 8; n <= 17; n++) await demo.publish({ n });
    await sleep(300); // that nothing happens takes its time
    assert.equal(await demo.text("count"), "7");
    await demo.by("offline").click();
    await demo.is("count", "17");
    assert.deepEqual([await demo.offsets(), await demo.text("gaps")], [upTo(17), "0"]);
    await demo.by("journal").getByText(/caught up on \d+ messages/).first().waitFor();
    assert.deepEqual(demo.faults(), []);
  });
}

for (const [name, swallows, transport, why] of [
  ["swallows WebSockets", /^GET \/bus\/ws/, "sse", /WebSocket/],
  ["swallows WebSockets and streams", /^(GET|POST) \/bus\/(ws|sse)/, "poll", /WebSocket/],
]) {
  test(`a network that ${name}: the page gets through over ${transport} by itself, and says why`, async (t) => {
    const demo = await open(t, { swallows });
    await demo.transport(transport);
    assert.match(await demo.text("why"), why);
    assert.deepEqual(await carried(async () => demo.shown(await demo.publish("through"))), only(transport, 1));
    assert.deepEqual(demo.faults(), []);
  });
}

test("goes over all transports while a backend publishes: nothing lost, nothing twice", async (t) => {
  const demo = await open(t);
  let n = 0;
  for (const transport of ["sse", "poll", "websocket", "poll", "sse", "websocket"]) {
    await demo.by(`use-${transport}`).check();
    for (let i = 0; i < 4; i++) await demo.publish({ n: ++n });
    await demo.transport(transport);
    for (let i = 0; i < 4; i++) await demo.publish({ n: ++n });
    await demo.is("count", String(n));
  }
  assert.deepEqual([await demo.offsets(), await demo.text("gaps")], [upTo(n), "0"]);
  assert.deepEqual(demo.faults(), []);
});

test("publishes from the page: acknowledged, shown here and on another page, in history; offline it waits", async (t) => {
  const demo = await open(t);
  const other = await (await chrome()).newPage();
  t.after(() => other.close());
  await other.goto(`${server.url}/demo/?channel=${demo.channel}&still`);
  await until("both hear the channel", async () => (await listeners(demo.channel)) === 2);
  await demo.by("payload").fill('{"from": "the page", "n": 7}');
  await demo.by("publish").click();
  await demo.by("published").filter({ hasText: /^Message 1, acknowledged after [\d.]+ ms\.$/ }).waitFor();
  for (const page of [demo.page, other]) await page.locator("[data-testid=message][data-offset='1']", { hasText: '"from":"the page"' }).waitFor();
  demo.net.cut();
  await demo.is("state", "waiting");
  await demo.by("payload").fill("held back");
  await demo.by("publish").click();
  demo.net.heal();
  await other.locator("[data-testid=message]", { hasText: "held back" }).waitFor();
  await demo.by("burst").click();
  await demo.is("count", "22");
  assert.deepEqual(await demo.offsets(), upTo(22));
  const history = await (await fetch(`${server.url}/api/history?channel=${demo.channel}`)).json();
  assert.deepEqual(history.messages.slice(0, 2).map((m) => m.data), [{ from: "the page", n: 7 }, "held back"]);
  assert.deepEqual(demo.faults(), []);
});

test("tells a gap where the server lost its history", async (t) => {
  const demo = await open(t);
  await demo.publish(1);
  await demo.is("count", "1");
  await demo.by("offline").click();
  const { port } = server;
  await server.stop("SIGKILL");
  server = await serve({}, port);
  await demo.publish("after the restart");
  await demo.by("offline").click();
  await demo.is("gaps", "1");
  assert.equal(await demo.by("gap").getAttribute("data-reason"), "epoch_changed");
});

test("shows a line for the terminal and copies it; says what is wrong with a channel's name", async (t) => {
  const { page, by, channel, net } = await open(t);
  await by("copy-publish").click();
  await by("copy-publish").filter({ hasText: "Copied" }).waitFor();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(line, await by("curl-publish").textContent());
  assert.ok(line.includes(net.url) && line.includes(`"channel":"${channel}"`), line);
  await by("channel").fill("two//slashes");
  await page.keyboard.press("Enter");
  await by("journal").getByText(/was refused/).waitFor();
});

test("a change at the backend is on every page in a moment, by a hint and one request", async (t) => {
  const one = await open(t);
  const two = await open(t);
  await Promise.all([one.rested(), two.rested()]);
  const count = await one.number("inside-count");
  const asked = await two.number("requests-live");
  await one.by("arrive").click();
  await one.by("door-said").filter({ hasText: /came in: shown here \d+ ms after the click/ }).waitFor();
  await two.is("inside-count", String(count + 1));
  assert.equal(await two.number("requests-live"), asked + 1);
  const name = await one.by("move").first().locator(".who").textContent();
  assert.equal(await two.by("visitor").first().locator(".who").textContent(), name);
  assert.match(await two.text("last"), new RegExp(name));
  const ms = Number(/(\d+) ms/.exec(await one.text("door-said"))[1]);
  assert.ok(ms < 1_500, `${ms} ms`);
  await two.by("leave").click();
  await one.is("inside-count", String(count));
  assert.deepEqual([one.faults(), two.faults()], [[], []]);
});

test("without a bus the building is polled, and fresh again when it is back", async (t) => {
  const demo = await open(t);
  const count = await demo.number("inside-count");
  await demo.by("offline").click();
  await until("not live", async () => (await demo.by("dashboard").getAttribute("data-live")) === "false");
  await fetch(`${server.url}/demo/api/arrivals`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  await demo.is("inside-count", String(count + 1));
  await demo.by("offline").click();
  await until("live", async () => (await demo.by("dashboard").getAttribute("data-live")) === "true");
  await demo.by("leave").click();
  await demo.is("inside-count", String(count));
});

test("tabs of one browser share a connection, and one takes over when another goes", async (t) => {
  const one = await open(t);
  await one.is("state", "connected");
  const connections = () => server.metric("tidings_connections");
  const before = await connections();
  const page = await one.context.newPage();
  await page.goto(one.url);
  const tab = (p, want) => until(`a ${want}`, async () => (await p.getByTestId("tab").getAttribute("data-tab")) === want);
  await tab(one.page, "leader");
  await tab(page, "follower");
  // It follows before it listens: from the first message that it shows on, it shows them all.
  const shown = (answer) => page.locator(`[data-testid=message][data-id="${answer.id}"]`).waitFor();
  await until("the follower listens", async () => (await one.publish("?"), (await page.getByTestId("message").count()) > 0));
  const both = await one.publish("both");
  await Promise.all([one.shown(both), shown(both)]);
  assert.equal(await connections(), before, "two tabs are one connection");
  await one.page.close();
  await tab(page, "leader");
  const last = await one.publish("after it");
  await shown(last);
  const offsets = (await page.getByTestId("message").evaluateAll((items) => items.map((li) => Number(li.dataset.offset)))).reverse();
  assert.deepEqual(offsets, offsets.map((_, i) => offsets[0] + i), "one is missing, or twice");
  assert.equal(offsets.at(-1), last.offset);
  assert.equal(await page.getByTestId("gaps").textContent(), "0");
});

test("measures hints against the poll every five seconds, in figures and in a chart", async (t) => {
  const demo = await open(t);
  await demo.rested();
  await demo.by("arrive").click();
  await until("both have seen it", async () => /\d/.test(await demo.text("late-live")) && /\d/.test(await demo.text("late-poll")));
  const ms = (text) => parseFloat(text) * (/ms/.test(text) ? 1 : 1_000);
  const [live, poll] = [ms(await demo.text("late-live")), ms(await demo.text("late-poll"))];
  assert.ok(live < 1_500 && poll <= 6_500, `${live} ms, ${poll} ms`);
  assert.ok((await demo.number("requests-poll")) >= 2);
  for (const way of ["live", "poll"]) {
    assert.ok((await demo.by("chart-freshness").locator(`circle.${way}`).count()) >= 1, `a dot of ${way}`);
    assert.match(await demo.by("chart-requests").locator(`path.${way}`).getAttribute("d"), /H[\d.]+ V/);
  }
  await until("a verdict", async () => !/Measuring/.test(await demo.text("saved")));
});

test("a long job reports on a channel of its own, also through a cut", async (t) => {
  const demo = await open(t);
  await demo.by("start-job").click();
  await until("progress", async () => (await demo.by("progress").count()) === 1 && (await demo.by("progress").evaluate((e) => e.value)) > 0);
  demo.net.cut();
  await demo.is("state", "waiting");
  demo.net.heal();
  await demo.by("report").filter({ hasText: /\d+ arrivals, \d+ of them in the busiest hour/ }).waitFor({ timeout: 20_000 });
  assert.equal(await demo.by("job").getAttribute("data-state"), "done");
  assert.deepEqual(demo.faults(), []);
});

for (const [width, colorScheme] of [[390, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]) {
  test(`at ${width} px, ${colorScheme}: every panel is there and alive, nothing is wider than the page, all can be read and reached`, async (t) => {
    const demo = await open(t, { viewport: { width, height: 800 }, colorScheme, still: false });
    const { page } = demo;
    await demo.publish("x".repeat(500));
    await demo.shown(await demo.publish({ long: "word ".repeat(100), list: Array(50).fill(1234567890) }));
    await demo.by("arrive").click();
    await demo.by("move").first().waitFor();
    const overflow = await page.evaluate(() => [document.documentElement.scrollWidth - innerWidth, document.body.scrollWidth - innerWidth]);
    assert.ok(overflow.every((n) => n <= 0), String(overflow));

    const panels = await page.locator(".card").evaluateAll((cards) =>
      cards.map((card) => {
        const { left, right, height } = card.getBoundingClientRect();
        return { name: card.querySelector("h2")?.textContent ?? card.getAttribute("aria-label"), inside: left >= 0 && right <= innerWidth, height };
      }),
    );
    assert.equal(panels.length, 16, JSON.stringify(panels));
    for (const panel of panels) assert.ok(panel.inside && panel.height > 60, JSON.stringify(panel));
    const shown = await page.evaluate(() => {
      const all = (id) => [...document.querySelectorAll(`[data-testid=${id}]`)];
      const people = all("floor").reduce((sum, row) => sum + parseInt(row.querySelector(".count").textContent), 0);
      return { hours: all("hour").length, floors: all("floor").length, people, visitors: all("visitor").length, inside: Number(all("inside-count")[0].textContent) };
    });
    assert.deepEqual(shown, { hours: 12, floors: 5, people: shown.inside, visitors: shown.inside, inside: shown.inside });

    // Text is at least 11 px tall and has a contrast of at least 4.5 to what is behind it.
    const faint = await page.evaluate(() => {
      const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const rgb = (css) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = css;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
      };
      const light = ([r, g, b]) => [r, g, b].map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const behind = (e) => {
        for (; e; e = e.parentElement) {
          const c = rgb(getComputedStyle(e).backgroundColor);
          if (c[3] > 250) return c;
        }
        return [255, 255, 255];
      };
      const bad = [];
      for (const e of document.querySelectorAll("body *")) {
        if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.closest("[disabled], .away, legend, option, noscript")) continue;
        const style = getComputedStyle(e);
        if (style.animationName !== "none" && e.getAnimations().some((a) => a.playState === "running")) continue;
        const scale = e.ownerSVGElement ? e.ownerSVGElement.getBoundingClientRect().width / e.ownerSVGElement.viewBox.baseVal.width : 1;
        const [a, b] = [light(rgb(e.ownerSVGElement ? style.fill : style.color)), light(behind(e))].sort((x, y) => y - x);
        const size = parseFloat(style.fontSize) * scale;
        if (size < 11 || (a + 0.05) / (b + 0.05) < 4.5) bad.push(`${e.textContent.slice(0, 30)}: ${size.toFixed(1)} px, contrast ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
      }
      return bad;
    });
    assert.deepEqual(faint, []);

    const controls = await page.locator("button, input, textarea, select, a[href]").all();
    assert.ok(controls.length >= 14, `${controls.length} controls`);
    for (const control of controls) {
      const seen = await control.evaluate((e) => {
        e.scrollIntoView({ block: "center" });
        const { left, right, top, width, height } = e.getBoundingClientRect();
        const there = document.elementFromPoint(left + width / 2, top + height / 2);
        const hit = e.contains(there) || [...(e.labels ?? [])].some((l) => l.contains(there));
        return { what: e.dataset.testid ?? e.outerHTML.slice(0, 80), inside: left >= 0 && right <= innerWidth && width > 0, hit };
      });
      assert.ok(seen.inside && (seen.hit || (await control.isDisabled())), JSON.stringify(seen));
    }

    const reached = new Set();
    await page.evaluate(() => document.activeElement.blur());
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement?.dataset.testid));
    }
    const wanted = ["use-auto", "cut", "offline", "arrive", "leave", "start-job", "channel", "payload", "publish", "burst", "copy-publish", "copy-listen"];
    assert.deepEqual(wanted.filter((id) => !reached.has(id)), [], "with the Tab key");
    await demo.by("use-auto").focus();
    for (const [key, transport] of [["ArrowDown", "websocket"], ["ArrowDown", "sse"], ["ArrowDown", "poll"]]) {
      await page.keyboard.press(key);
      await demo.transport(transport);
    }
    await demo.by("payload").focus();
    await page.keyboard.press("Control+Enter");
    await demo.is("count", "3").catch(async (error) => assert.fail(`${error.message}: ${await demo.text("published")}, ${await demo.text("journal")}`));
    assert.deepEqual(demo.faults(), []);
  });
}
