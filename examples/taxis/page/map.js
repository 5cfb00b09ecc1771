// The map: the city as it is drawn, its taxis, and the box that one drags.

const SVG = "http://www.w3.org/2000/svg";
/** The smallest box, in units of the map. */
const SMALLEST = 60;

function make(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

const path = (points, end = "") => `M${points.map((p) => p.join(" ")).join("L")}${end}`;

/** Draws what stands still. */
export function drawCity(svg, city) {
  const layer = (name) => make("g", { class: name }, svg);
  make("rect", { class: "land", width: city.width, height: city.height }, svg);
  make("path", { class: "blocks", d: city.blocks.map((b) => path(b, "Z")).join("") }, svg);
  make("path", { class: "parks", d: city.parks.map((b) => path(b, "Z")).join("") }, svg);
  make("path", { class: "river", d: path(city.river) }, svg);
  const ways = (wide) => city.streets.filter(([, , w]) => w === wide).map(([a, b]) => path([city.nodes[a], city.nodes[b]])).join("");
  for (const kind of ["casing", "street"]) {
    make("path", { class: kind, d: ways(0) }, svg);
    make("path", { class: `${kind} wide`, d: ways(1) }, svg);
  }
  const names = layer("quarters");
  for (const [name, x, y] of city.quarters) make("text", { x, y }, names).textContent = name;
}

/** Shows taxis, each where its document says. */
export function createFleet(svg, city) {
  const layer = make("g", { class: "fleet" }, svg);
  const shown = new Map();

  function add(taxi) {
    const mark = make("g", { class: "taxi" }, layer);
    const car = make("g", { class: "car" }, mark);
    make("circle", { class: "ring", r: 19 }, mark);
    make("rect", { class: "body", x: -12, y: -7, width: 24, height: 14, rx: 4.5 }, car);
    make("rect", { class: "roof", x: -5.5, y: -4.5, width: 10, height: 9, rx: 2.5 }, car);
    make("text", { y: -16 }, mark).textContent = taxi.driver;
    const entry = { mark, car, angle: taxi.heading };
    shown.set(taxi._id, entry);
    return entry;
  }

  return {
    show(taxis) {
      const gone = new Set(shown.keys());
      for (const taxi of taxis) {
        gone.delete(taxi._id);
        const entry = shown.get(taxi._id) ?? add(taxi);
        if (entry.taxi === taxi) continue;
        entry.taxi = taxi;
        const x = ((taxi.at.lon - city.left) / (city.right - city.left)) * city.width;
        const y = ((taxi.at.lat - city.top) / (city.bottom - city.top)) * city.height;
        entry.angle += ((taxi.heading - entry.angle + 540) % 360) - 180; // the shorter way round
        entry.mark.style.transform = `translate(${x}px, ${y}px)`;
        entry.car.style.transform = `rotate(${entry.angle}deg)`;
        entry.mark.classList.toggle("free", taxi.free);
      }
      for (const id of gone) {
        shown.get(id).mark.remove();
        shown.delete(id);
      }
    },
    /** Marks those that the list has. */
    mark(ids) {
      for (const [id, { mark }] of shown) mark.classList.toggle("in", ids.has(id));
    },
    /** Shows where one is; null for none. */
    point(id) {
      for (const [own, { mark }] of shown) mark.classList.toggle("pointed", own === id);
    },
  };
}

const within = (low, value, high) => Math.min(Math.max(value, low), high);

/** The box: calls `moved` whenever it is another one. */
export function createBox(svg, city, moved) {
  const box = { x: 260, y: 190, w: 480, h: 370 };
  const shade = make("path", { class: "shade" }, svg);
  const group = make("g", { class: "box", tabindex: 0, role: "group", "aria-label": "The box. Arrow keys move it, with Shift they change its size.", "data-testid": "box" }, svg);
  const area = make("rect", { class: "area" }, group);
  const corners = ["nw", "ne", "se", "sw"].map((name) => {
    const corner = make("g", { class: `corner ${name}`, "data-corner": name }, group);
    make("circle", { class: "grip", r: 34 }, corner);
    make("circle", { class: "dot", r: 8 }, corner);
    return corner;
  });
  /** In front of the taxis. */
  const toFront = () => svg.append(group);

  function draw() {
    const { x, y, w, h } = box;
    for (const [key, value] of Object.entries({ x, y, width: w, height: h, rx: 6 })) area.setAttribute(key, value);
    shade.setAttribute("d", `M0 0H${city.width}V${city.height}H0ZM${x} ${y}V${y + h}H${x + w}V${y}Z`);
    [[x, y], [x + w, y], [x + w, y + h], [x, y + h]].forEach((p, i) => corners[i].setAttribute("transform", `translate(${p})`));
  }

  /** Takes two corners, in any order. */
  function span(ax, ay, bx, by) {
    const [left, right] = [Math.min(ax, bx), Math.max(ax, bx)].map((v) => within(0, v, city.width));
    const [top, bottom] = [Math.min(ay, by), Math.max(ay, by)].map((v) => within(0, v, city.height));
    const [w, h] = [Math.max(SMALLEST, right - left), Math.max(SMALLEST, bottom - top)];
    Object.assign(box, { w, h, x: within(0, left, city.width - w), y: within(0, top, city.height - h) });
    draw();
    moved(box);
  }

  function move(x, y) {
    Object.assign(box, { x: within(0, x, city.width - box.w), y: within(0, y, city.height - box.h) });
    draw();
    moved(box);
  }

  const at = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());

  svg.addEventListener("pointerdown", (event) => {
    const corner = event.target.closest?.("[data-corner]")?.dataset.corner;
    const inside = event.target === area;
    if (event.button !== 0 || (!corner && !inside && event.pointerType === "touch")) return; // a finger scrolls the page
    event.preventDefault();
    group.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    const { x, y } = at(event);
    const start = { ...box };
    // The corner that stays where it is.
    const fixed = corner ? [corner.includes("w") ? start.x + start.w : start.x, corner.includes("n") ? start.y + start.h : start.y] : [x, y];
    const drag = (e) => {
      const p = at(e);
      if (inside) move(start.x + p.x - x, start.y + p.y - y);
      else if (corner || Math.hypot(p.x - x, p.y - y) > 8) span(fixed[0], fixed[1], p.x, p.y);
    };
    const end = () => {
      svg.removeEventListener("pointermove", drag);
      svg.classList.remove("dragging");
    };
    svg.classList.add("dragging");
    svg.addEventListener("pointermove", drag);
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, end, { once: true });
  });

  group.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] }[event.key] ?? [];
    if (dx === undefined) return;
    event.preventDefault();
    if (event.shiftKey) span(box.x, box.y, box.x + Math.max(SMALLEST, box.w + dx), box.y + Math.max(SMALLEST, box.h + dy));
    else move(box.x + dx, box.y + dy);
  });

  draw();
  return { box, toFront };
}

/** A box on the map as a filter has it. */
export function boundingBox(city, { x, y, w, h }) {
  const lat = (v) => Number((city.top + ((city.bottom - city.top) * v) / city.height).toFixed(5));
  const lon = (v) => Number((city.left + ((city.right - city.left) * v) / city.width).toFixed(5));
  return { top: lat(y), left: lon(x), bottom: lat(y + h), right: lon(x + w) };
}
