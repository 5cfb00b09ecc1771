// The page asks the server at each change: POST /api/filter/explain. It decides nothing by itself.
import { examples } from "./examples.js";

const by = (id) => document.getElementById(id);
const [filter, message, choice] = [by("filter"), by("message"), by("examples")];
const channel = "demo";

/** The JSON of an editor; undefined if it is none, which the page then shows beside it. */
function read(editor, fault) {
  try {
    const value = JSON.parse(editor.value);
    show(fault, editor, "");
    return value;
  } catch (error) {
    show(fault, editor, `Not JSON: ${error.message}`);
    return undefined;
  }
}

/** Shows what is wrong beside the editor, or takes it away. */
function show(fault, editor, text, hint = "") {
  fault.hidden = !text;
  fault.replaceChildren(...(text ? [text, element("span", "hint", hint)] : []));
  editor.setAttribute("aria-invalid", String(Boolean(text)));
}

function element(name, className, ...content) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...content);
  return made;
}

let asked = 0;

/** Asks the server about what is written now. Of several answers under way the last one counts. */
async function ask() {
  const round = ++asked;
  const [wanted, document] = [read(filter, by("filter-fault")), read(message, by("message-fault"))];
  if (wanted === undefined || document === undefined) return showNothing("No answer yet", "Mend the JSON first.");
  let answer, status;
  try {
    // The text itself is sent: a parser in between would change large numbers and names that come twice.
    const body = `{"channel":"${channel}","filter":${filter.value},"document":${message.value}}`;
    const response = await fetch("../../api/filter/explain", { method: "POST", headers: { "content-type": "application/json" }, body });
    status = response.status;
    answer = await response.json();
  } catch {
    answer = { error: { message: "the server did not answer", hint: "Is it running? Change something to ask again." } };
  }
  if (round !== asked) return;
  if (answer.error) return refused(answer.error, status);
  showAnswer(answer);
}

function refused({ code, message: text, hint }, status) {
  if (code === "bad_filter" || code === "filter_too_complex") {
    show(by("filter-fault"), filter, text, hint);
    return showNothing("No answer yet", "What is wrong with the filter stands below it.");
  }
  showNothing("No answer", `${text}${status ? ` (${status})` : ""}. ${hint ?? ""}`);
}

function showNothing(title, because) {
  verdict(title, "none", because);
  by("conditions").replaceChildren();
  by("canonical").textContent = by("room").textContent = by("counted").textContent = "–";
}

function verdict(title, kind, because) {
  by("verdict").textContent = title;
  by("verdict").dataset.kind = kind;
  by("because").textContent = because;
}

function showAnswer({ matches, conditions, canonical, counted, room }) {
  verdict(matches ? "Matches" : "Does not match", matches ? "yes" : "no", reason(matches, conditions.length));
  by("conditions").replaceChildren(...conditions.map(line));
  by("canonical").replaceChildren(...marked(canonical, "", new Set(conditions.map((c) => c.path)), ""));
  by("canonical").dataset.kind = matches ? "yes" : "no";
  by("counted").textContent = counted;
  by("room").textContent = room;
}

function reason(matches, n) {
  if (n === 0) return matches ? "This filter matches every message." : "This filter matches no message at all.";
  if (n === 1) return matches ? "This condition decided:" : "This condition decided, and does not hold:";
  return matches ? "These conditions hold, and are needed:" : "None of these holds, and one would have to:";
}

const operators = {
  equals: "equals", range: "is in", exists: "is there:", regexp: "contains the expression", match: "has at least", select: "has at its place",
  geoDistance: "is in the circle", geoDistanceRange: "is in the ring", geoBoundingBox: "is in the box", geoPolygon: "is in the polygon",
};

function line({ path, field, operator, not, wanted, type, found, holds }) {
  const says = element("p", "says", element("code", "field", field), ` ${not ? "not: " : ""}${operators[operator] ?? operator} `);
  if (!(operator === "exists" && wanted === field)) says.append(element("code", "", JSON.stringify(wanted)));
  else says.lastChild.textContent = not ? " is missing" : " is there";
  const value = type === "missing" ? ["the field is missing"] : found === undefined ? [`found a long ${type}`] : [`found the ${type} `, element("code", "", JSON.stringify(found))];
  if (type === "null") value.splice(0, 2, "found ", element("code", "", "null"));
  return Object.assign(element("li", "", element("span", "mark", holds ? "✓" : "✗"), element("div", "", says, element("p", "soft", ...value))), { title: path || "the whole filter" });
}

/** The canonical form on several lines, with the conditions at `paths` (JSON pointers) marked. */
function marked(value, path, paths, indent) {
  const [name, parts] = Object.entries(value)[0] ?? [];
  let text;
  if (name === "and" || name === "or") {
    const deeper = `${indent}  `;
    text = [`{"${name}": [\n`];
    parts.forEach((part, i) => text.push(deeper, ...marked(part, `${path}/${name}/${i}`, paths, deeper), i + 1 < parts.length ? ",\n" : "\n"));
    text.push(`${indent}]}`);
  } else {
    text = [spaced(JSON.stringify(value))];
  }
  return paths.has(path) ? [element("mark", "", ...text)] : text;
}

/** Compact JSON with a space behind each colon and comma that stands outside of strings. */
function spaced(json) {
  return json.replace(/"(?:[^"\\]|\\.)*"|[:,]/g, (part) => (part === ":" || part === "," ? `${part} ` : part));
}

function fill(example) {
  filter.value = example.filter;
  message.value = example.message;
  ask();
}

let later;
for (const editor of [filter, message]) {
  editor.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(ask, 120); // a moment after the last key
  });
}
for (const [i, { name }] of examples.entries()) choice.append(new Option(name, i));
choice.addEventListener("change", () => fill(examples[Number(choice.value)]));
fill(examples[0]);
