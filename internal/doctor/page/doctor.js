// The page: runs the checks, shows what they find as they find it, and what mends it.
import { examine } from "./checks.js";
import { judge } from "./judge.js";

const $ = (id) => document.getElementById(id);
const base = new URL("../bus", location.href).href;
const table = await (await fetch("verdicts.json")).json();
const PROXIES = { nginx: "nginx", haproxy: "HAProxy", apache: "Apache", envoy: "Envoy" };
let proxy = "nginx";
let shown = [];
let runs = 0;

/** Makes an element with attributes and children. */
function make(tag, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children.filter((child) => child != null));
  return element;
}

const ms = (n) => (n === undefined ? "" : `${n} ms`);

/** The rows of "What gets through": name, what it is, the fact, and what stands beside it. */
const CHECKS = [
  ["Server", "Tidings answers", "server", (f, took) => [f.http && `HTTP/${f.http}`, ms(took.server)].filter(Boolean).join(", ")],
  ["WebSocket", "opens, and echoes a ping", "websocket", (f, took) => ms(took.websocket)],
  ["Stream (SSE)", "events arrive while it is open", "sse", (f, took) => ms(took.sse)],
  ["Long-poll", "a held request is answered", "poll", (f, took) => ms(took.poll)],
  ["Upload", "a request of 60 kB passes", "upload", (f) => f.uploadLimit && `${f.uploadLimit} bytes`],
  ["Silence", "quiet connections are not cut", "idle", (f) => (f.idle === "cut" ? `cut after ${f.idleCutAfter} s` : f.idleTested && `${f.idleTested} s`)],
  ["Clock", "this machine's and the server's agree", "clock", (f) => f.clockSkew && `${f.clockSkew} s apart`],
];
const OK = { idleok: "kept", clockok: "agrees", serverok: "answers", uploadok: "passes" };
const WORDS = {
  ok: "works", untested: "not tried", unknown: "not known", refused: "refused", unreachable: "no answer", foreign: "not Tidings",
  eaten: "swallowed", buffered: "held back", failed: "fails", limited: "limited", cut: "cut", off: "differs",
};

function showChecks(facts, took, running) {
  $("checks").replaceChildren(
    ...CHECKS.map(([name, what, fact, more]) => {
      const value = facts[fact] ?? "untested";
      const waiting = running && value === "untested";
      const state = waiting ? "waiting" : value === "ok" ? "ok" : ["untested", "unknown"].includes(value) ? "none" : "bad";
      return make("li", { className: state },
        make("span", { className: "mark", ariaHidden: "true" }),
        make("span", { className: "name" }, name, make("small", {}, what)),
        make("span", { className: "value" }, waiting ? "…" : (OK[fact + value] ?? WORDS[value] ?? value), make("small", {}, more(facts, took) || "")));
    }),
  );
}

/** The settings that mend a verdict, one proxy at a time: the same on all cards. */
function settings(mend) {
  const tabs = Object.entries(PROXIES).filter(([key]) => mend[key]).map(([key, name]) => {
    const tab = make("button", { type: "button", className: key === proxy ? "on" : "", ariaPressed: String(key === proxy) }, name);
    tab.onclick = () => {
      proxy = key;
      showFindings(shown);
    };
    return tab;
  });
  const text = mend[proxy] ?? "";
  return [
    make("div", { className: "tabs", role: "group", ariaLabel: "Proxy" }, ...tabs, copyButton(() => text)),
    make("pre", { tabIndex: 0 }, text),
  ];
}

function copyButton(text) {
  const button = make("button", { type: "button", className: "copy" }, "Copy");
  button.onclick = () => copy(text(), button);
  return button;
}

async function copy(text, button) {
  const label = "Copy";
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it, please"; // no clipboard on pages without TLS
  }
  setTimeout(() => (button.textContent = label), 2_000);
}

function showFindings(verdicts) {
  shown = verdicts;
  $("findings").replaceChildren(
    ...verdicts.map((v) =>
      make("article", { className: `card finding ${v.severity}` },
        make("h2", {}, v.title, make("code", {}, v.code)),
        make("p", {}, v.says),
        make("p", { className: "do" }, v.do),
        ...(v.mend ? settings(v.mend) : []))),
  );
}

function showSummary(severity, says, step) {
  $("summary").className = `card ${severity}`;
  $("verdict").textContent = says;
  $("step").textContent = step;
}

const STEPS = { server: "The server", transports: "WebSocket, stream and long-poll", upload: "A large request", idle: "Silence" };

/** Lets the bar go from one part of the whole to another in a time. */
function advance(from, to, lasts) {
  const start = performance.now();
  const run = runs;
  const turn = () => {
    if (run !== runs) return;
    const part = Math.min(1, (performance.now() - start) / lasts);
    $("progress").value = from + (to - from) * part;
    if (part < 1) requestAnimationFrame(turn);
  };
  turn();
}

async function run() {
  const form = new FormData($("options"));
  const idle = Number(form.get("idle")) * 1000;
  const button = $("options").querySelector("button");
  const own = ++runs;
  button.disabled = true;
  showFindings([]);
  showChecks({}, {}, true);
  showSummary("running", "Examining the way to the server …", "");
  const { facts, took } = await examine({
    base,
    token: form.get("token"),
    idle,
    changed: (f, t) => showChecks(f, t, true),
    step(name) {
      const lasts = { server: 500, transports: 5_000, upload: 1_000, idle }[name];
      const total = 6_500 + idle;
      const before = { server: 0, transports: 500, upload: 5_500, idle: 6_500 }[name];
      runs = own; // an older bar stops
      advance((100 * before) / total, (100 * (before + lasts)) / total, lasts);
      $("step").textContent = name === "idle" ? `${STEPS.idle}: nothing is said for ${idle / 1000} s` : STEPS[name];
    },
  });
  runs++;
  const { summary, verdicts } = judge(table, facts);
  showChecks(facts, took, false);
  const n = verdicts.length;
  showSummary(summary.severity, summary.says, n === 0 ? "Nothing to mend." : n === 1 ? "One thing to look at, below." : `${n} things to look at, below.`);
  showFindings(verdicts);
  const report = {
    tidingsDoctor: 1, url: base, at: new Date().toISOString().replace(/\.\d+Z$/, "Z"), by: navigator.userAgent,
    summary: summary.code, verdicts: verdicts.map((v) => v.code), facts, took,
  };
  $("report").textContent = JSON.stringify(report, null, 2);
  button.disabled = false;
}

$("host").textContent = location.host;
$("copy").onclick = () => copy($("report").textContent, $("copy"));
$("options").onsubmit = (event) => {
  event.preventDefault();
  scrollTo({ top: 0 });
  void run();
};
await run();
