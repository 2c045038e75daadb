"use strict";
// Everything is computed here from the numbers in the page; nothing is sent or fetched.
const data = JSON.parse(document.getElementById("data").textContent);
const by = id => document.getElementById(id);
const state = { study: 0, model: 0, n: 9, d: 10, planned: [] };

// Numbers ---------------------------------------------------------------------------------------

const unpacked = text => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Float64Array(bytes.buffer);
};
const median = values => {
  const sorted = Float64Array.from(values).sort(), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
};
const logAddExp = (a, b) => {
  const high = Math.max(a, b);
  return high === -Infinity ? high : high + Math.log1p(Math.exp(-Math.abs(a - b)));
};
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// As Python writes f"{value:.4g}", digits included.
function short(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const power = Number(exponent), trim = t => t.includes(".") ? t.replace(/\.?0+$/, "") : t;
  if (power < -4 || power >= digits) {
    return `${trim(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return trim(value.toFixed(Math.max(digits - 1 - power, 0)));
}
function count(value) {
  for (const [size, word] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]])
    if (value >= 0.9995 * size) return trimmed(value / size) + word;
  return trimmed(value);
}
const amount = value => value < 1e15 ? value.toLocaleString("en-US", { maximumSignificantDigits: 3 }) : short(value, 3);
const trimmed = value => String(Number(value.toPrecision(4)));
function parsed(text) {
  const found = /^\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([kmbt]?)\s*$/i.exec(text);
  if (!found) return NaN;
  return Number(found[1]) * { "": 1, k: 1e3, m: 1e6, b: 1e9, t: 1e12 }[found[2].toLowerCase()];
}

// Models ----------------------------------------------------------------------------------------

// ln of the coupled law at ln N, ln D: the formula of scaling/forecasting/two_inputs.py.
function law(theta, k, x, low) {
  const u = theta[k], a = theta[k + 1], b = theta[k + 2];
  const both = logAddExp(a - Math.exp(theta[k + 3]) * x[0], b - Math.exp(theta[k + 4]) * x[1]);
  const share = 1 / (1 + Math.exp(-clamp(u, -60, 60)));
  const floor = low + Math.log(Math.max(share, 1e-300));
  return logAddExp(floor, clamp(Math.exp(theta[k + 5]) * both, -60, 60));
}

const readers = {
  coupled(m) {
    const theta = unpacked(m.theta), weight = unpacked(m.weight), chosen = unpacked(m.chosen);
    const constants = unpacked(m.constants), offset = unpacked(m.offset);
    const noises = unpacked(m.noises), tails = unpacked(m.tails);
    const [noise, disagreement, about, step] = m.scale, size = chosen.length;
    const each = at => Float64Array.from(weight, (_, k) => law(theta, 6 * k, at, m.low));
    const mean = values => values.reduce((sum, one, k) => sum + weight[k] * one, 0);
    const back = y => m.rises ? Math.max(1 - Math.exp(y), 0) : Math.exp(y);
    return (n, d) => {
      const x = [n, d], at = [n - m.largest[0], d - m.largest[1]];
      const values = each(at), location = mean(values);
      const held = x.map((one, j) => clamp(one, m.smallest[j], m.largest[j]) - m.largest[j]);
      const far = Math.abs(location - mean(each(held)));
      const spread = Float64Array.from(chosen, (k, i) => law(constants, 6 * i, at, m.low) - values[k]);
      const most = 3 * 1.4826 * median(spread.map(Math.abs));
      const wrong = Float64Array.from(chosen, (k, i) => tails[i] * (
        disagreement * (values[k] - location) + about * clamp(spread[i], -most, most)
        + step * offset[i] * far + noise * m.noise * noises[i]));
      const middle = median(wrong);
      const draws = wrong.map(one => back(location + one - middle)).sort();
      return data.levels.map(q => q === 0.5 ? back(location) : draws[evenRound(q * (size - 1))]);
    };
  },
  power(m) {
    const [e, a, b, alpha, beta, gamma, noises] =
      [m.e, m.log_a, m.log_b, m.alpha, m.beta, m.gamma, m.noises].map(unpacked);
    return (n, d) => {
      const pool = new Float64Array(noises.length);
      for (let i = 0; i < e.length; i++) {
        const inner = logAddExp(a[i] - alpha[i] * n, b[i] - beta[i] * d);
        const value = Math.log(e[i] + Math.exp(gamma[i] * inner));
        for (let j = 0; j < m.copies; j++) pool[m.copies * i + j] = value + noises[m.copies * i + j];
      }
      pool.sort();
      return data.levels.map(q => {
        const place = q * (pool.length - 1), low = Math.floor(place);
        const high = Math.min(low + 1, pool.length - 1);
        return Math.exp(pool[low] + (place - low) * (pool[high] - pool[low]));
      });
    };
  },
  grid(m, study) {
    const values = unpacked(m.values), k = m.points;
    return (n, d) => {
      const [i, j] = ["params", "tokens"].map((name, axis) => {
        const [low, high] = study.ends[name];
        const place = ([n, d][axis] / Math.LN10 - low) / (high - low) * (k - 1);
        return clamp(Math.round(place), 0, k - 1);
      });
      return data.levels.map((_, level) => values[(level * k + i) * k + j]);
    };
  },
};
const evenRound = value => {
  const low = Math.floor(value), rest = value - low;
  if (rest === 0.5) return low % 2 ? low + 1 : low;
  return Math.round(value);
};
const ready = new Map();
function model() {
  const study = data.studies[state.study], one = study.models[state.model];
  if (!ready.has(one)) ready.set(one, readers[one.kind](one, study));
  return ready.get(one);
}
const quantiles = (n, d) => model()(Math.log(10 ** n), Math.log(10 ** d));

// Quantiles at sizes in full, which tests compare with `scaling forecast`.
window.forecastAt = (params, tokens) => model()(Math.log(params), Math.log(tokens));
window.shortNumber = short;

// Distance from the runs, as scaling/forecasting/distance.py counts it --------------------------

function distanceOf(study, n, d) {
  const outside = [["params", n], ["tokens", d]].map(([name, value]) => {
    const [low, high] = study.ranges[name].map(Math.log10);
    return [name, value - clamp(value, low, high)];
  });
  let nearest = 0;
  if (study.runs) {
    const runs = runsOf(study), at = [n - outside[0][1], d - outside[1][1]];
    nearest = Math.min(...runs.map(r => Math.max(Math.abs(r.n - at[0]), Math.abs(r.d - at[1]))));
  }
  return { outside, nearest };
}
const kept = new Map();
function runsOf(study) {
  if (!kept.has(study)) {
    const cells = study.runs ? unpacked(study.runs) : [], runs = [];
    for (let i = 0; i < cells.length; i += 3)
      runs.push({ n: Math.log10(cells[i]), d: Math.log10(cells[i + 1]), loss: cells[i + 2] });
    kept.set(study, runs);
  }
  return kept.get(study);
}

// What the page shows ---------------------------------------------------------------------------

function show() {
  const study = data.studies[state.study], kind = study.models[state.model].kind;
  if (kind === "grid") snap(study);
  const c = Math.log10(6) + state.n + state.d, [low, , middle, , high] = quantiles(state.n, state.d);
  const place = { params: state.n, tokens: state.d, flops: c };
  for (const name of Object.keys(place)) {
    const value = 10 ** place[name], words = name === "flops" ? short(value) : count(value);
    by(name).value = place[name];
    by(name).setAttribute("aria-valuetext", words);
    if (document.activeElement !== by(`${name}-text`)) by(`${name}-text`).value = words;
  }
  by("interval").textContent = `${short(low)} to ${short(high)}`;
  by("sentence").textContent = `90 % interval of ${study.metric || "the target"}`
    + (study.unit ? `, ${study.unit}` : "") + `; median ${short(middle)}. `
    + `${count(10 ** state.n)} parameters on ${count(10 ** state.d)} tokens, `
    + `${short(10 ** (state.d - state.n), 3)} tokens per parameter.`;
  showDistance(study, kind);
  showCost(10 ** c);
  showRules(10 ** c);
  draw(study);
}
function snap(study) {
  const points = study.models[state.model].points;
  for (const [name, key] of [["params", "n"], ["tokens", "d"]]) {
    const [low, high] = study.ends[name], step = (high - low) / (points - 1);
    state[key] = low + step * clamp(Math.round((state[key] - low) / step), 0, points - 1);
  }
}
function showDistance(study, kind) {
  const { outside, nearest } = distanceOf(study, state.n, state.d), said = [];
  for (const [name, decades] of outside.filter(one => Math.abs(one[1]) >= 0.005)) {
    const factor = short(10 ** Math.abs(decades), 3), far = Math.abs(decades) > data.far;
    said.push(`${name === "params" ? "Parameters" : "Tokens"}: ${factor} times `
      + (decades > 0 ? "the largest run" : "below the smallest run")
      + (far ? ", farther than intervals were measured to hold." : "."));
  }
  if (nearest > Math.max(data.empty, study.usual))
    said.push(`No run is near: the nearest differs by a factor of ${short(10 ** nearest, 3)}.`);
  if (kind === "grid") said.push("This model is shown at the points of a grid.");
  by("warning").textContent = said.join(" ");
  by("within").textContent = said.length ? "" : "Within the sizes of the runs.";
}
function showCost(flops) {
  const one = data.cost, band = name => one[name].map(each => each * flops);
  const rows = [
    ["Chip hours", band("chip_hours"), "h"], ["Money", band("usd"), "USD"],
    ["Energy", band("energy"), "MWh"],
  ];
  by("takes").replaceChildren(...rows.map(([name, [low, central, high], unit]) => {
    const value = element("dd", `${amount(central)} ${unit} `), both = document.createElement("div");
    value.append(element("small", `${amount(low)} to ${amount(high)}`));
    both.append(element("dt", name), value);
    return both;
  }));
  by("assumes").textContent = `${one.assumes} One finished run; ends take every factor at its favourable or unfavourable end.`;
}
function showRules(flops) {
  const over = data.thresholds.filter(r => r.comparator === ">" ? flops > r.value : flops >= r.value);
  const of = data.thresholds.length;
  by("crossed").textContent = `${over.length} of ${of} thresholds that hold on ${data.day} are crossed by this run's own `
    + "training compute. Whether a rule applies also depends on facts that this page does not ask: `scaling govern` does.";
  by("rules").replaceChildren(...data.thresholds.map(rule => {
    const crossed = over.includes(rule);
    return element("li", `${crossed ? "Crossed" : "Not reached"}: ${rule.comparator} ${short(rule.value)} FLOP, `
      + `${rule.jurisdiction}, ${rule.instrument}, ${rule.provision}`);
  }));
}

// The figure: loss over compute at this many tokens per parameter --------------------------------

const LEFT = 48, RIGHT = 12, TOP = 16, BOTTOM = 48;
let axis = null;
function draw(study) {
  // Drawn at the size that it has, so that its text is never scaled down.
  const WIDTH = Math.max(by("plot").clientWidth, 300), HEIGHT = Math.round(clamp(0.7 * WIDTH, 280, 420));
  const ratio = state.d - state.n, six = Math.log10(6), steps = 48, runs = runsOf(study);
  const [low, high] = study.ends.params.map((end, i) => end + study.ends.tokens[i] + six);
  const x = c => LEFT + (c - low) / (high - low) * (WIDTH - LEFT - RIGHT);
  axis = { low, high, width: WIDTH };
  const points = [];
  for (let i = 0; i <= steps; i++) {
    const c = low + (high - low) * i / steps, n = (c - six - ratio) / 2;
    points.push([c, quantiles(n, n + ratio)]);
  }
  const values = [...points.flatMap(p => [p[1][0], p[1][4]]), ...runs.map(r => r.loss)]
    .filter(v => v > 0 && Number.isFinite(v)).map(Math.log10);
  const bottom = Math.min(...values), top = Math.max(...values), pad = 0.04 * (top - bottom) || 0.1;
  const y = v => TOP + (top + pad - Math.log10(Math.max(v, 1e-300))) / (top - bottom + 2 * pad) * (HEIGHT - TOP - BOTTOM);
  const cut = value => clamp(value, -HEIGHT, 2 * HEIGHT).toFixed(1);
  const area = (a, b) => "M" + points.map(p => `${x(p[0]).toFixed(1)},${cut(y(p[1][a]))}`).join("L")
    + "L" + [...points].reverse().map(p => `${x(p[0]).toFixed(1)},${cut(y(p[1][b]))}`).join("L") + "Z";
  const c = six + state.n + state.d, here = quantiles(state.n, state.d);
  const edge = study.ranges.flops ? Math.log10(study.ranges.flops[1]) : high;
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    "aria-label": `Forecast over compute: at ${short(10 ** c)} FLOP ${short(here[0])} to ${short(here[4])}, median ${short(here[2])}.` });
  if (x(edge) < WIDTH - RIGHT)
    svg.append(shape("rect", { class: "far", x: Math.max(x(edge), LEFT), y: TOP, width: WIDTH - RIGHT - Math.max(x(edge), LEFT), height: HEIGHT - TOP - BOTTOM }),
      text("beyond the largest run", Math.max(x(edge), LEFT) + 6, TOP + 16));
  for (let tick = Math.ceil(low); tick <= high; tick += Math.ceil((high - low) * 60 / WIDTH))
    svg.append(shape("line", { class: "axis", x1: x(tick), x2: x(tick), y1: TOP, y2: HEIGHT - BOTTOM }), text(`1e${tick}`, x(tick), HEIGHT - BOTTOM + 18, "middle"));
  for (const v of roundValues(10 ** bottom, 10 ** top)) {
    svg.append(shape("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(v), y2: y(v) }), text(short(v, 3), LEFT - 8, y(v) + 4, "end"));
  }
  svg.append(text("training compute C = 6ND, FLOP", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle"));
  svg.append(shape("path", { class: "b90", d: area(0, 4) }), shape("path", { class: "b50", d: area(1, 3) }));
  svg.append(shape("path", { class: "mid", d: "M" + points.map(p => `${x(p[0]).toFixed(1)},${cut(y(p[1][2]))}`).join("L") }));
  for (const run of runs)
    svg.append(shape("circle", { class: "run", cx: x(six + run.n + run.d).toFixed(1), cy: cut(y(run.loss)), r: 2.5 }));
  svg.append(shape("line", { class: "here", x1: x(c), x2: x(c), y1: cut(y(here[0])), y2: cut(y(here[4])) }),
    shape("circle", { class: "dot", cx: x(c), cy: cut(y(here[2])), r: 6 }));
  by("plot").replaceChildren(svg);
  by("caption").textContent = `Median, 50 % and 90 % intervals of a new run at ${short(10 ** ratio, 3)} tokens per parameter, over compute. `
    + (runs.length ? `Dots are the ${runs.length} runs, whatever their tokens per parameter. ` : "The runs are not at hand here. ")
    + "Drag in the figure to change compute.";
}
// Three to seven round values from low to high: powers of ten with 1, 2, 5 between, or even steps.
function roundValues(low, high) {
  const within = v => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9), found = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
    found.push(...[1, 2, 5].map(m => m * 10 ** p).filter(within));
  if (found.length > 7) return found.filter(v => Number.isInteger(+Math.log10(v).toFixed(9)));
  if (found.length > 2) return found;
  const rough = 10 ** Math.floor(Math.log10((high - low) / 3));
  const step = rough * [5, 2, 1].find(m => m * rough <= (high - low) / 3 || m === 1), even = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) even.push(i * step);
  return even;
}
function element(name, content) {
  const made = document.createElement(name);
  made.textContent = content;
  return made;
}
function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
function text(content, x, y, anchor = "start") {
  const made = shape("text", { x, y, "text-anchor": anchor });
  made.textContent = content;
  return made;
}

// What a person does ----------------------------------------------------------------------------

function held() {
  const study = data.studies[state.study];
  state.n = clamp(state.n, ...study.ends.params);
  state.d = clamp(state.d, ...study.ends.tokens);
}
function spend(c) {
  const ratio = state.d - state.n;
  state.n = (c - Math.log10(6) - ratio) / 2;
  state.d = state.n + ratio;
  held();
}
let waiting = false;
function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; show(); });
}
const setters = { params: v => { state.n = v; }, tokens: v => { state.d = v; }, flops: spend };
for (const name of Object.keys(setters)) {
  by(name).addEventListener("input", () => { setters[name](Number(by(name).value)); soon(); });
  by(`${name}-text`).addEventListener("change", event => {
    const value = parsed(event.target.value), low = 10 ** Number(by(name).min), high = 10 ** Number(by(name).max);
    const good = value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
    const like = name === "flops" ? short : count;
    by("problem").textContent = good ? "" : `${name}: found ${event.target.value}; allowed: ${like(low)} to ${like(high)}, as in 70B or 7e10.`;
    if (good) setters[name](Math.log10(value));
    event.target.blur();
    show();
  });
}
by("controls").addEventListener("submit", event => event.preventDefault());
function dragged(event) {
  const svg = by("plot").firstElementChild, box = svg.getBoundingClientRect();
  const share = ((event.clientX - box.left) / box.width * axis.width - LEFT) / (axis.width - LEFT - RIGHT);
  spend(axis.low + clamp(share, 0, 1) * (axis.high - axis.low));
  soon();
}
by("plot").addEventListener("pointerdown", event => { by("plot").setPointerCapture(event.pointerId); dragged(event); });
by("plot").addEventListener("pointermove", event => { if (event.buttons) dragged(event); });

function chooseStudy(number) {
  const study = data.studies[number];
  Object.assign(state, { study: number, model: 0 });
  // A start beyond the runs, where a forecast is asked for: ten times the largest by compute.
  state.n = Math.log10(study.ranges.params[1]) + 0.5;
  state.d = Math.log10(study.ranges.tokens[1]) + 0.5;
  held();
  by("model").replaceChildren(...study.models.map((one, i) => new Option(one.title, i)));
  const six = Math.log10(6), ends = study.ends;
  const limits = { params: ends.params, tokens: ends.tokens, flops: [six + ends.params[0] + ends.tokens[0], six + ends.params[1] + ends.tokens[1]] };
  for (const [name, [low, high]] of Object.entries(limits)) Object.assign(by(name), { min: low, max: high });
  by("about").textContent = `${study.title}: ${study.metric || "target"}, ${study.version}. Computed in this page; nothing is sent anywhere.`;
  const left = Object.entries(study.left_out);
  by("left").replaceChildren(...(left.length ? [element("h2", "Left out"), ...left.map(([law, why]) => element("p", `${law}: ${why}`))] : []));
  show();
}
by("study").replaceChildren(...data.studies.map((one, i) => new Option(one.title, i)));
by("study").addEventListener("change", () => chooseStudy(Number(by("study").value)));
by("model").addEventListener("change", () => { state.model = Number(by("model").value); show(); });

by("add").addEventListener("click", () => {
  const given = by("name").value.trim() || `run-${state.planned.length + 1}`;
  state.planned.push({ name: given, study: data.studies[state.study].name, params: 10 ** state.n, tokens: 10 ** state.d });
  by("name").value = "";
  showPlanned();
});
const cell = value => /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : /^[=+\-@\t]/.test(value) ? `'${value}` : value;
function showPlanned() {
  const lines = ["name,params,tokens", ...state.planned.map(r => `${cell(r.name)},${r.params},${r.tokens}`)];
  const csv = lines.join("\n") + "\n", link = element("a", "Save planned.csv");
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  link.download = "planned.csv";
  const area = element("textarea", csv), label = element("p", "Give the file to `scaling forecast RUNS --at planned.csv`, which prints these numbers with their distance from the runs.");
  area.readOnly = true;
  area.setAttribute("aria-label", "Planned runs as CSV");
  by("planned").replaceChildren(area, link, label);
}
addEventListener("resize", soon);
chooseStudy(0);
