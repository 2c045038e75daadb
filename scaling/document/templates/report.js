"use strict";
// Choices, values under the pointer, other axes. The page says everything without this script.
(() => {
  const CHOICES = ["study", "law", "target"];
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const make = (name, text = "", properties = {}) =>
    Object.assign(document.createElement(name), { textContent: text }, properties);

  // ---------------------------------------------------------------- choices
  const chosen = {};
  const apply = () => {
    for (const choice of CHOICES) {
      for (const node of all(`#appendix [data-${choice}]`)) {
        const out = CHOICES.some((one) => chosen[one] && node.dataset[one] && node.dataset[one] !== chosen[one]);
        node.hidden = out;
      }
    }
  };
  const chooser = (choice) => {
    const names = [...new Set(all(`#appendix [data-${choice}]`).map((node) => node.dataset[choice]))];
    if (names.length < 2) return null;
    const label = make("label", `${choice} `);
    const select = make("select", "", { name: choice });
    select.append(make("option", "all", { value: "" }), ...names.map((name) => make("option", name, { value: name })));
    select.addEventListener("change", () => { chosen[choice] = select.value; apply(); });
    label.append(select);
    return label;
  };
  const bar = make("form", "", { className: "choices" });
  bar.setAttribute("aria-label", "Show only");
  bar.addEventListener("submit", (event) => event.preventDefault());
  bar.append(make("span", "Show "), ...CHOICES.map(chooser).filter(Boolean));
  if (bar.childElementCount > 1) document.querySelector("#appendix-title").after(bar);

  // ---------------------------------------------------------------- numbers, as the tables write them
  const trim = (text) => text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  const scientific = (value) => {
    const [mantissa, power] = value.toExponential(1).split("e");
    return `${trim(mantissa)}e${Number(power)}`;
  };
  const count = (value) => {
    for (const [size, suffix] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]]) {
      if (Math.abs(value) >= size * 0.9995 && value < 1e15) return trim((value / size).toPrecision(3)) + suffix;
    }
    return value < 1e15 ? trim(value.toPrecision(3)) : scientific(value);
  };
  const plain = (value) =>
    Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3) ? scientific(value) : value.toPrecision(4);
  const written = { e: scientific, c: count, n: plain };

  // ---------------------------------------------------------------- axes
  class Axis {
    constructor(told, start, length, down) {
      const [kind, low, high, form, ...name] = told.split("|");
      Object.assign(this, { kind, low: +low, high: +high, form, name: name.join("|"), start, length, down });
      this.own = kind;
      this.can = this.name && this.low > 0 && this.high > 0;
    }
    turn(kind, value) { return kind === "log" ? Math.log(value) : value; }
    value(place, kind = this.kind) {
      const part = this.down ? 1 - (place - this.start) / this.length : (place - this.start) / this.length;
      const [low, high] = [this.turn(kind, this.low), this.turn(kind, this.high)];
      const found = low + part * (high - low);
      return kind === "log" ? Math.exp(found) : found;
    }
    place(value) {
      const [low, high] = [this.turn(this.kind, this.low), this.turn(this.kind, this.high)];
      const part = (this.turn(this.kind, value) - low) / (high - low);
      return this.start + this.length * (this.down ? 1 - part : part);
    }
    move(place) { return this.kind === this.own ? place : this.place(this.value(place, this.own)); }
    say(place) { return `${written[this.form](this.value(place))}`; }
    ticks() {
      const found = [];
      if (this.kind === "log") {
        for (let power = Math.floor(Math.log10(this.low)); power <= Math.log10(this.high); power += 1) found.push(10 ** power);
        const inside = found.filter((tick) => tick >= this.low && tick <= this.high);
        const step = Math.ceil(inside.length / 6);
        if (inside.length > 1) return inside.filter((_, index) => index % step === 0);
      }
      const raw = Math.abs(this.high - this.low) / 5;
      const size = 10 ** Math.floor(Math.log10(raw));
      const step = [1, 2, 5, 10].map((part) => part * size).find((part) => part >= raw * 0.999);
      const [low, high] = [Math.min(this.low, this.high), Math.max(this.low, this.high)];
      const ticks = [];
      for (let index = Math.ceil(low / step); index <= high / step; index += 1) ticks.push(index * step);
      return ticks;
    }
    label(tick) { return this.form === "n" ? String(Number(tick.toPrecision(6))) : written[this.form](tick); }
  }

  const PAIR = /(-?[\d.]+),(-?[\d.]+)/g;
  class Plot {
    constructor(box) {
      this.box = box;
      this.svg = box.querySelector("svg");
      const [left, top, width, height] = this.svg.dataset.box.split(" ").map(Number);
      Object.assign(this, { left, top, width, height });
      this.x = new Axis(this.svg.dataset.x, left, width, false);
      this.y = new Axis(this.svg.dataset.y, top, height, true);
      this.first = this.svg.innerHTML;
      this.ring = document.createElementNS(this.svg.namespaceURI, "circle");
      this.ring.setAttribute("class", "ring");
      this.ring.setAttribute("r", "6");
      this.at = -1;
      this.listen();
    }
    scale(name, kind) {
      this[name].kind = kind;
      this.svg.innerHTML = this.first;
      this.known = null;
      const short = (value) => Math.round(value * 10) / 10;
      const both = (x, y) => `${short(this.x.move(+x))},${short(this.y.move(+y))}`;
      for (const node of all("path,circle,text", this.svg)) {
        if (node.closest(".gx,.gy") || this.still(node)) continue;
        const shift = node.getAttribute("transform");
        if (shift) node.setAttribute("transform", shift.replace(PAIR, (_, x, y) => both(x, y)));
        else if (node.localName === "path") node.setAttribute("d", node.getAttribute("d").replace(PAIR, (_, x, y) => both(x, y)));
        else this.shift(node);
      }
      for (const [axis, group] of [[this.x, ".gx"], [this.y, ".gy"]]) if (axis.kind !== axis.own) this.renew(axis, group);
    }
    still(node) { // words about the plot, not about a place in it
      return node.localName === "text" && !node.closest("[paint-order]");
    }
    shift(node) {
      const [one, other] = node.localName === "circle" ? ["cx", "cy"] : ["x", "y"];
      const [x, y] = [one, other].map((name) => +node.getAttribute(name));
      node.setAttribute(one, this.x.move(x));
      node.setAttribute(other, this.y.move(y));
    }
    renew(axis, selector) {
      const ticks = axis.ticks().map((tick) => [axis.place(tick), axis.label(tick)]);
      for (const group of all(`${selector} .label`, this.svg)) {
        const model = group.querySelector("text");
        const [name, other] = axis.down ? ["y", "x"] : ["x", "y"];
        const low = axis.down ? 4 : 0;
        const texts = ticks.map(([place, said]) => {
          const text = model.cloneNode();
          text.setAttribute(name, place + low);
          text.setAttribute(other, model.getAttribute(other));
          text.textContent = said;
          return text;
        });
        group.replaceChildren(...texts);
      }
      for (const path of all(`${selector} .grid path,${selector} .tick path`, this.svg)) {
        const [, a, b, c, d] = path.getAttribute("d").match(/M(-?[\d.]+),(-?[\d.]+)L(-?[\d.]+),(-?[\d.]+)/);
        path.setAttribute("d", ticks.map(([place]) => (axis.down ? `M${a},${place}L${c},${place}` : `M${place},${b}L${place},${d}`)).join(""));
      }
    }
    marks() {
      if (this.known) return this.known;
      this.known = [];
      for (const node of all("[data-t] path,[data-t] circle", this.svg)) {
        const name = node.closest("[data-t]").dataset.t;
        const text = node.getAttribute("cx") !== null
          ? `${node.getAttribute("cx")},${node.getAttribute("cy")}`
          : node.getAttribute("transform") || node.getAttribute("d");
        for (const [, x, y] of text.matchAll(PAIR)) this.known.push({ x: +x, y: +y, name });
      }
      this.known.sort((a, b) => a.x - b.x || a.y - b.y);
      return this.known;
    }
    listen() {
      this.box.addEventListener("pointermove", (event) => {
        const frame = this.svg.getBoundingClientRect();
        const size = this.svg.viewBox.baseVal.width / frame.width;
        this.near((event.clientX - frame.left) * size, (event.clientY - frame.top) * size);
      });
      this.box.addEventListener("pointerleave", () => this.hide());
      this.box.addEventListener("blur", () => this.hide());
      this.box.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (event.key === "Escape") this.hide();
        if (!step || !this.marks().length) return;
        event.preventDefault();
        this.at = (this.at + step + this.marks().length) % this.marks().length;
        this.show(this.marks()[this.at]);
      });
    }
    near(x, y) {
      let best = null;
      let least = 40 * 40;
      for (const mark of this.marks()) {
        const away = (mark.x - x) ** 2 + (mark.y - y) ** 2;
        if (away < least) [best, least] = [mark, away];
      }
      if (best) this.show(best);
      else this.hide();
    }
    show(mark) {
      this.svg.append(this.ring);
      this.ring.setAttribute("cx", mark.x);
      this.ring.setAttribute("cy", mark.y);
      const said = [[this.x, mark.x], [this.y, mark.y]].filter(([axis]) => axis.name);
      tip.textContent = `${mark.name}: ${said.map(([axis, place]) => `${axis.name} ${axis.say(place)}`).join("; ")}`;
      tip.hidden = false;
      const frame = this.svg.getBoundingClientRect();
      const size = frame.width / this.svg.viewBox.baseVal.width;
      const left = frame.left + mark.x * size;
      tip.style.left = `${Math.max(4, Math.min(left + 10, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
      tip.style.top = `${Math.max(4, frame.top + mark.y * size - tip.offsetHeight - 12)}px`;
    }
    hide() { tip.hidden = true; this.ring.remove(); }
  }

  const tip = make("div", "", { className: "tip", hidden: true });
  tip.setAttribute("role", "status");
  document.body.append(tip);
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  const axes = (figure, plots, name) => {
    const able = plots.filter((plot) => plot[name].can);
    if (!able.length) return null;
    const label = make("label");
    const tick = make("input", "", { type: "checkbox", checked: able[0][name].own === "log" });
    tick.addEventListener("change", () => able.forEach((plot) => plot.scale(name, tick.checked ? "log" : "linear")));
    label.append(tick, ` ${name} axis logarithmic`);
    return label;
  };
  const prepare = (figure) => {
    const plots = all(".plot:has(svg[data-x])", figure).map((box) => new Plot(box));
    const switches = ["x", "y"].map((name) => axes(figure, plots, name)).filter(Boolean);
    if (!switches.length || ["small", "hero", "half"].some((size) => figure.classList.contains(size))) return;
    const line = make("form", "", { className: "axes" });
    line.append(...switches);
    figure.querySelector(".panels").before(line);
  };
  all("figure").forEach(prepare);

  // The contents mark the section that is read; printing opens every fold.
  const links = all("nav.contents a");
  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        for (const link of links) {
          if (link.hash === `#${entry.target.getAttribute("aria-labelledby").replace("-title", "")}`) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
      }
    }, { rootMargin: "-10% 0px -80% 0px" });
    all("main > section").forEach((section) => seen.observe(section));
  }
  addEventListener("beforeprint", () => all("main > section:not(#appendix) details").forEach((fold) => { fold.open = true; }));

  // A link to a table in a fold opens the fold.
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target?.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
})();
