"use strict";
// Curves of one run: what to draw, which hyperparameters to show, how to scale the axes.

const LIGHT = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B87A00", "#3A9BD1", "#000000"];
const DARK = ["#56B4E9", "#FF8A3D", "#2CC79A", "#E59CC5", "#F0B429", "#9CCBF0", "#FFFFFF"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const STROKES = { solid: "", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3", longdash: "10 4", longdashdot: "10 3 2 3" };
const MANY = 12; // curves; above it only a few components are shown at first
const FEW = 3;
const WIDE = 1e4; // a range of values of which a linear axis would show the largest alone

// Plotly reads a little HTML in its texts; here a text is a text.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (number) => (number === null ? "–" : Number(number.toPrecision(4)).toString().replace("-", "−"));
const withUnits = (label, units) => (units ? `${label} (${units})` : label);

class Explorer {
  constructor(section, plots) {
    this.section = section;
    this.plots = plots;
    this.key = `soret-${section.dataset.name}`;
    const kept = JSON.parse(SAVED.get(this.key) || "{}");
    this.state = { plot: 0, hidden: {}, logX: null, logY: null, band: true, by: "", power: 0, ...kept };
    if (!plots[this.state.plot]) this.state.plot = 0;
    this.controls = make("div", { class: "controls" });
    this.figure = make("div", { class: "plot", tabindex: "0", role: "group" });
    this.said = make("p", { class: "quiet", role: "status" });
    this.numbers = make("details", {}, make("summary", {}, "The same in numbers"));
    this.figure.addEventListener("keydown", (event) => this.onKey(event));
    this.numbers.addEventListener("toggle", () => this.fillNumbers());
    section.append(this.controls, this.figure, this.said, this.numbers);
    document.addEventListener("theme", () => { this.build(); this.draw(); });
    this.build();
    this.draw();
  }

  get plot() { return this.plots[this.state.plot]; }
  get many() { return this.plot.axes.map((axis, i) => i).filter((i) => this.plot.axes[i].values.length > 1); }
  get colours() { return isDark() ? DARK : LIGHT; }

  colour(place) { return this.colours[(this.many.length ? place[this.many[0]] : 0) % this.colours.length]; }
  dash(place) { return DASHES[(this.many.length > 1 ? place[this.many[1]] : 0) % DASHES.length]; }

  isHidden(i, j) {
    const chosen = this.state.hidden[`${this.plot.name} ${i} ${j}`];
    if (chosen !== undefined) return chosen;
    const axis = this.plot.axes[i];
    return this.plot.curves.length > MANY && !axis.numeric && axis.name !== "experiment" && j >= FEW;
  }
  isShown(curve) { return this.many.every((i) => !this.isHidden(i, curve.at[i])); }

  // What the reader chose; until then a logarithm where a linear axis would show next to nothing.
  isLog(name) {
    if (this.state[name] !== null) return this.state[name];
    if (name !== "logY") return false;
    const values = this.plot.curves.flatMap((curve) => curve.y).filter((y) => y !== null);
    const least = values.reduce((a, b) => Math.min(a, b), Infinity);
    return least > 0 && values.reduce((a, b) => Math.max(a, b), 0) > WIDE * least;
  }

  nameOf(curve) {
    const parts = this.many.map((i) => `${this.plot.axes[i].label} = ${this.plot.axes[i].values[curve.at[i]]}`);
    return parts.join(", ") || this.plot.label;
  }

  change(what) {
    Object.assign(this.state, what);
    SAVED.set(this.key, JSON.stringify(this.state));
    this.draw();
  }

  // --- controls -----------------------------------------------------------------------------

  build() {
    const focused = this.controls.contains(document.activeElement) ? document.activeElement.id : "";
    this.controls.replaceChildren();
    if (this.plots.length > 1) this.controls.append(this.chooser());
    this.many.forEach((i, place) => this.controls.append(this.toggles(i, place)));
    this.controls.append(this.scales());
    const rates = this.many.filter((i) => this.plot.axes[i].numeric);
    if (this.plot.x.name === "step" && rates.length) this.controls.append(this.stretch(rates));
    const found = focused && document.getElementById(focused);
    if (found) found.focus();
  }

  id(...parts) { return [this.section.dataset.from, ...parts].join("-"); }

  chooser() {
    const select = make("select", { id: this.id("plot") });
    this.plots.forEach((plot, i) => select.append(make("option", { value: i }, plot.title)));
    select.value = this.state.plot;
    select.addEventListener("change", () => {
      this.state.by = "";
      this.state.power = 0;
      this.change({ plot: Number(select.value) });
      this.build();
      Plotly.relayout(this.figure, { "xaxis.autorange": true, "yaxis.autorange": true });
    });
    return make("fieldset", {}, make("legend", {}, "observable"), make("label", {}, select));
  }

  toggles(i, place) {
    const axis = this.plot.axes[i];
    const box = make("fieldset", {}, make("legend", {}, axis.label));
    const used = new Set(this.plot.curves.map((curve) => curve.at[i]));
    if (used.size === 1) {
      box.append(make("span", {}, `${axis.values[[...used][0]]} alone`));
      return box;
    }
    axis.values.forEach((value, j) => {
      if (!used.has(j)) return;
      const tick = make("input", { type: "checkbox", id: this.id("axis", i, j), checked: !this.isHidden(i, j) });
      tick.addEventListener("change", () => {
        this.state.hidden[`${this.plot.name} ${i} ${j}`] = !tick.checked;
        this.change({});
      });
      const label = make("label", {}, tick);
      if (place < 2) label.append(this.swatch(i, j, place));
      label.append(String(value));
      box.append(label);
    });
    return box;
  }

  swatch(i, j, place) {
    const at = this.plot.axes.map(() => 0);
    at[i] = j;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "swatch");
    svg.setAttribute("width", "24");
    svg.setAttribute("height", "8");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", "M0 4H24");
    line.setAttribute("stroke", place === 0 ? this.colour(at) : "currentColor");
    line.setAttribute("stroke-width", "3");
    if (place === 1) line.setAttribute("stroke-dasharray", STROKES[this.dash(at)]);
    svg.append(line);
    return svg;
  }

  tick(name, label) {
    const tick = make("input", { type: "checkbox", id: this.id(name), checked: name === "band" ? this.state.band : this.isLog(name) });
    tick.addEventListener("change", () => {
      this.change({ [name]: tick.checked });
      if (name !== "band") this.reset();
    });
    return make("label", {}, tick, label);
  }

  scales() {
    const reset = make("button", { type: "button", id: this.id("reset") }, "Whole range");
    reset.addEventListener("click", () => this.reset());
    const box = make("fieldset", {}, make("legend", {}, "axes"), this.tick("logX", "log x"), this.tick("logY", "log y"));
    if (this.plot.curves.some((curve) => curve.low)) box.append(this.tick("band", "band"));
    box.append(reset);
    return box;
  }

  stretch(rates) {
    const told = make("output", {}, short(this.state.power));
    const slider = make("input", {
      type: "range", min: -3, max: 3, step: 0.05, id: this.id("power"), "aria-label": "power of the hyperparameter",
    });
    slider.value = this.state.power;
    const select = make("select", { id: this.id("by"), "aria-label": "hyperparameter" });
    rates.forEach((i) => select.append(make("option", { value: this.plot.axes[i].name }, this.plot.axes[i].label)));
    select.value = rates.some((i) => this.plot.axes[i].name === this.state.by) ? this.state.by : this.plot.axes[rates[0]].name;
    const apply = () => {
      told.textContent = short(Number(slider.value));
      this.change({ by: select.value, power: Number(slider.value) });
      this.reset();
    };
    slider.addEventListener("input", apply);
    select.addEventListener("change", apply);
    return make("fieldset", {}, make("legend", {}, "multiply steps by a power of"), make("label", {}, select), make("label", {}, slider, told));
  }

  // --- the plot -----------------------------------------------------------------------------

  stretched(curve) {
    const i = this.plot.axes.findIndex((axis) => axis.name === this.state.by);
    if (i < 0 || !this.state.power) return curve.x;
    const factor = this.plot.axes[i].values[curve.at[i]] ** this.state.power;
    return curve.x.map((x) => (x === null ? null : x * factor));
  }

  xLabel() {
    const label = withUnits(this.plot.x.label, this.plot.x.units);
    const axis = this.plot.axes.find((one) => one.name === this.state.by);
    return axis && this.state.power ? `${label} × (${axis.label})^${short(this.state.power)}` : label;
  }

  traces() {
    const made = [];
    for (const curve of this.plot.curves.filter((one) => this.isShown(one))) {
      const x = this.stretched(curve);
      const colour = this.colour(curve.at);
      if (curve.low && this.state.band) made.push(this.band(curve, x, colour));
      const name = this.nameOf(curve);
      made.push({
        x, y: curve.y, name: plain(name), type: "scatter",
        mode: x.length < 30 ? "lines+markers" : "lines",
        line: { color: colour, dash: this.dash(curve.at), width: 2 }, marker: { color: colour, size: 5 },
        text: curve.y.map((y, k) => plain(`${name}\n${this.plot.x.label}: ${short(curve.x[k])}\n${this.plot.label}: ${short(y)}`
          + (curve.low && curve.low[k] !== null ? ` (${short(curve.low[k])} to ${short(curve.high[k])})` : "")).replace(/\n/g, "<br>")),
        hoverinfo: "text", showlegend: false,
      });
    }
    return made;
  }

  band(curve, x, colour) {
    const floor = Math.min(...curve.y.filter((y) => y > 0));
    const above = (y) => (this.isLog("logY") && y <= 0 ? floor : y);
    const kept = x.map((_, k) => k).filter((k) => curve.low[k] !== null && curve.high[k] !== null);
    const back = [...kept].reverse();
    return {
      x: [...kept, ...back].map((k) => x[k]),
      y: [...kept.map((k) => above(curve.low[k])), ...back.map((k) => above(curve.high[k]))],
      type: "scatter", mode: "lines", fill: "toself", fillcolor: `${colour}2E`, line: { width: 0 },
      hoverinfo: "skip", showlegend: false,
    };
  }

  layout() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const axis = (title, log) => ({
      title: { text: plain(title), standoff: 8 }, type: log ? "log" : "linear", gridcolor: of("--grid"),
      zeroline: false, linecolor: of("--quiet"), ticks: "outside", tickcolor: of("--quiet"), automargin: true,
      exponentformat: "power", minexponent: 5, separatethousands: true,
    });
    return {
      paper_bgcolor: of("--sheet"), plot_bgcolor: of("--sheet"),
      font: { color: of("--ink"), family: "system-ui, sans-serif", size: 13 },
      margin: { l: 56, r: 16, t: 28, b: 48 }, hovermode: "closest",
      hoverlabel: { bgcolor: of("--sheet"), font: { color: of("--ink") }, align: "left" },
      xaxis: axis(this.xLabel(), this.isLog("logX")),
      yaxis: axis(withUnits(this.plot.label, this.plot.units), this.isLog("logY")),
      uirevision: "kept",
    };
  }

  draw() {
    const traces = this.traces();
    Plotly.react(this.figure, traces, this.layout(), {
      displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    });
    const shown = this.plot.curves.filter((curve) => this.isShown(curve));
    const thinned = this.plot.curves.some((curve) => curve.points[0] < curve.points[1]);
    const replicas = this.plot.curves.map((curve) => curve.replicas);
    const least = Math.min(...replicas.map((pair) => pair[0]));
    const most = Math.max(...replicas.map((pair) => pair[1]));
    const counted = least === most ? `${most} replicas` : `${least} to ${most} replicas`;
    this.said.textContent = [
      `${shown.length} of ${this.plot.curves.length} curves shown`,
      this.plot.summary.replace("replicas", counted),
      this.plot.left_out,
      thinned ? "long curves are drawn by the least and greatest value of every stretch" : "",
    ].filter(Boolean).join("; ") + ".";
    this.figure.setAttribute("aria-label",
      `${this.plot.label} against ${this.xLabel()}, ${shown.length} curves. Keys: plus and minus zoom, arrows move, 0 shows the whole range. The numbers are below.`);
    this.fillNumbers();
  }

  reset() { Plotly.relayout(this.figure, { "xaxis.autorange": true, "yaxis.autorange": true }); }

  onKey(event) {
    const keys = { "+": [0.8, 0], "=": [0.8, 0], "-": [1.25, 0], ArrowLeft: [1, -0.15], ArrowRight: [1, 0.15], ArrowUp: [1, 0, 0.15], ArrowDown: [1, 0, -0.15] };
    if (event.key === "0") { this.reset(); return; }
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [zoom, alongX, alongY = 0] = keys[event.key];
    const moved = (range, along) => {
      const [a, b] = range.map(Number);
      const middle = (a + b) / 2 + along * (b - a);
      return [middle - zoom * (b - a) / 2, middle + zoom * (b - a) / 2];
    };
    const { xaxis, yaxis } = this.figure._fullLayout;
    Plotly.relayout(this.figure, { "xaxis.range": moved(xaxis.range, alongX), "yaxis.range": moved(yaxis.range, alongY) });
  }

  fillNumbers() {
    this.numbers.querySelectorAll("table").forEach((old) => old.remove());
    if (!this.numbers.open) return;
    const head = make("tr");
    for (const title of ["curve", "first", "middle", "last", "least", "greatest", "replicas"]) head.append(make("th", { scope: "col" }, title));
    const body = make("tbody");
    for (const curve of this.plot.curves.filter((one) => this.isShown(one))) {
      const known = curve.y.filter((y) => y !== null);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      const cells = known.length ? [known[0], known[known.length >> 1], known[known.length - 1], low, high].map(short) : Array(5).fill("–");
      const row = make("tr", {}, make("th", { scope: "row" }, this.nameOf(curve)));
      for (const text of [...cells, curve.replicas[1]]) row.append(make("td", {}, String(text)));
      body.append(row);
    }
    this.numbers.append(make("table", { tabindex: "0" }, make("thead", {}, head), body));
  }
}
