"use strict";
// The page itself: theme, refresh, and figures that are made when somebody comes near them.

const SAVED = {
  get(key) { try { return sessionStorage.getItem(key) || localStorage.getItem(key); } catch { return null; } },
  set(key, value, long) { try { (long ? localStorage : sessionStorage).setItem(key, value); } catch { /* a browser may keep nothing */ } },
};

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && typeof value === "boolean") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

async function unpack(id) {
  const letters = atob(document.getElementById(id).textContent.trim());
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

let plotly = null;
function loadPlotly() {
  plotly ??= unpack("plotly").then((text) => {
    const script = document.createElement("script");
    script.textContent = text; // allowed by its hash, like the rest of this page
    document.head.append(script);
    return window.Plotly;
  });
  return plotly;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function theme() {
  const button = document.getElementById("theme");
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    document.dispatchEvent(new Event("theme"));
  };
  const chosen = SAVED.get("soret-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    SAVED.set("soret-theme", document.documentElement.dataset.theme, true);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  button.hidden = false;
  show();
}

function refresh() {
  const seconds = Number(document.body.dataset.refresh);
  if (!seconds) return;
  const button = document.getElementById("pause");
  let paused = SAVED.get("soret-paused") === "yes";
  const show = () => {
    button.textContent = paused ? "Go on" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
  };
  button.addEventListener("click", () => {
    paused = !paused;
    SAVED.set("soret-paused", paused ? "yes" : "no");
    show();
  });
  button.hidden = false;
  show();
  setInterval(() => { if (!paused && !document.hidden) location.reload(); }, 1000 * seconds);
}

async function open(section) {
  const waiting = section.querySelector(".waiting");
  if (typeof DecompressionStream === "undefined") {
    waiting.textContent = "This browser is too old to unpack the curves.";
    return;
  }
  waiting.textContent = "Drawing…";
  const [text] = await Promise.all([unpack(section.dataset.from), loadPlotly()]);
  waiting.remove();
  new Explorer(section, JSON.parse(text));
}

theme();
refresh();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    near.unobserve(entry.target);
    open(entry.target);
  }
}, { rootMargin: "400px" });
document.querySelectorAll(".explorer").forEach((section) => {
  section.querySelector(".waiting").textContent = "The curves are drawn when they come into view.";
  near.observe(section);
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
