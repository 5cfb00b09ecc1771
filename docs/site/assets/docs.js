// The search, the menu of small screens, and the buttons that copy code. All pages read well without it.
"use strict";

const at = (id) => document.getElementById(id);
const root = document.body.dataset.root;
const [form, query, found, menu, nav] = ["search", "query", "found", "menu", "nav"].map(at);
/** How many results are shown. */
const shown = 12;

// The menu.
menu.hidden = false;
form.hidden = false;
menu.addEventListener("click", () => {
  const open = menu.getAttribute("aria-expanded") !== "true";
  menu.setAttribute("aria-expanded", String(open));
  nav.classList.toggle("open", open);
});
nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

// Code that is copied.
for (const block of document.querySelectorAll(".code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

// The search. Its index is loaded when the field is first used.
let index;
function load() {
  index ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}search.js`;
    script.onload = () => resolve(self.docsIndex);
    script.onerror = () => reject(new Error("search.js does not load"));
    document.head.append(script);
  });
  return index;
}

/** How well a section fits all words; 0 if one is missing. Titles count more than text, whole words more than starts. */
function score([page, title, , , words], wanted) {
  const [heading, name, text] = [title.toLowerCase(), page.toLowerCase(), ` ${words} `];
  let sum = 0;
  for (const word of wanted) {
    let points = 0;
    if (heading.includes(word)) points += heading.startsWith(word) ? 12 : 8;
    if (name.includes(word)) points += 4;
    if (text.includes(` ${word} `)) points += 3;
    else if (text.includes(` ${word}`)) points += 2;
    if (!points) return 0;
    sum += points;
  }
  return sum;
}

async function search() {
  const text = query.value;
  const wanted = text.toLowerCase().match(/[\p{L}\d_]+/gu) ?? [];
  if (wanted.join("").length < 2) return show(null);
  let all;
  try {
    all = await load();
  } catch (error) {
    return show([], String(error.message));
  }
  if (text !== query.value) return; // typed on meanwhile
  const best = all
    .map((section) => [score(section, wanted), section])
    .filter(([points]) => points > 0)
    .sort(([a], [b]) => b - a)
    .slice(0, shown);
  show(best.map(([, section]) => section));
}

function show(sections, fault) {
  found.replaceChildren();
  found.hidden = !sections;
  if (!sections) return;
  if (sections.length === 0) {
    const none = document.createElement("p");
    none.textContent = fault ?? "Nothing found. Try one word, or the start of one.";
    found.append(none);
    return;
  }
  for (const [page, title, place, excerpt] of sections) {
    const link = document.createElement("a");
    link.href = root + place;
    const [head, where, start] = ["strong", "em", "span"].map((name) => document.createElement(name));
    head.textContent = title || page;
    where.textContent = title && title !== page ? page : "";
    start.textContent = excerpt;
    link.append(head, " ", where, start);
    link.addEventListener("click", () => show(null)); // a place on this page loads nothing
    found.append(link);
  }
}

query.addEventListener("focus", () => void load().catch(() => {}));
query.addEventListener("input", () => void search());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
form.addEventListener("keydown", (event) => {
  const links = [...found.querySelectorAll("a")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") {
    show(null);
    query.focus();
  } else if (step && links.length) {
    event.preventDefault();
    const next = links.indexOf(document.activeElement) + step;
    (next < 0 ? query : links[Math.min(next, links.length - 1)]).focus();
  }
});
document.addEventListener("click", (event) => form.contains(event.target) || show(null));
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea")) return;
  event.preventDefault();
  query.focus();
});

// The section that is being read, in the list beside the page.
const links = new Map([...document.querySelectorAll("aside.toc a")].map((a) => [decodeURIComponent(a.hash.slice(1)), a]));
if (links.size) {
  const headings = [...document.querySelectorAll("main :is(h2, h3)[id]")].filter((h) => links.has(h.id));
  let due = false;
  const mark = () => {
    due = false;
    const here = headings.findLast((h) => h.getBoundingClientRect().top < 120) ?? headings[0];
    for (const [id, a] of links) a.classList.toggle("here", id === here?.id);
  };
  addEventListener("scroll", () => due || ((due = true), requestAnimationFrame(mark)), { passive: true });
  mark();
}
