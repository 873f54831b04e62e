"""How large is the page that `soret report` makes, how long does it take to make, and to open?

The page is made from a folder of runs by the command itself, and opened in headless Chromium: a
browser started anew for every turn, so that nothing is in a cache of its own. *Open* ends with the
browser's load event; *first plot* goes on from a jump to the first curves and ends when their
lines are drawn, Plotly's unpacking included. The same is done for one run alone.

    python benchmarks/report.py runs                # about two minutes for forty claims
    python benchmarks/report.py runs --turns 1 --json numbers.json

Chromium is `chromium` on the path, or what $SORET_CHROMIUM names.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import soret
from soret.runs.folder import runs_in

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# Milliseconds after which a page counts as one that does not open.
PATIENCE = 120_000

out = Console(width=100, highlight=False)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path, help="a folder of runs")
    parser.add_argument("--turns", type=int, default=5, help="how often each page is opened")
    parser.add_argument("--json", type=Path, help="where to put every turn's numbers")
    asked = parser.parse_args()
    chromium = os.environ.get("SORET_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium was found; install it, or name it in $SORET_CHROMIUM.")
    every = runs_in(asked.runs)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:

        def start() -> Browser:
            return playwright.chromium.launch(executable_path=chromium, args=FLAGS)

        with start() as browser:
            version = browser.version
        pages = {f"{len(every)} runs": asked.runs, "one run": every[0]}
        found = {
            name: measured(runs, Path(place) / f"{number}.html", start, asked.turns)
            for number, (name, runs) in enumerate(pages.items())
        }
    show(found)
    out.print(
        f"soret {soret.__version__}, Chromium {version}, {os.cpu_count()} cores, load {load:.1f} "
        f"before and {os.getloadavg()[0]:.1f} after; medians (range) of {asked.turns} turns"
    )
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")


def measured(
    runs: Path, page: Path, start: Callable[[], Browser], turns: int
) -> dict[str, list[float]]:
    """Return size in MB and times in seconds, a number a turn; the page is made once."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "soret.cli", "report", str(runs), "-o", str(page)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    made = time.perf_counter() - began
    found: dict[str, list[float]] = {"size": [page.stat().st_size / 1e6], "make": [made]}
    for _ in range(turns):
        with start() as browser:
            for name, seconds in opened(browser, page).items():
                found.setdefault(name, []).append(seconds)
    return found


def opened(browser: Browser, page: Path) -> dict[str, float]:
    """Return seconds until the page is loaded, and from then until its first curves are drawn."""
    shown = browser.new_page(viewport={"width": 1280, "height": 900})
    shown.set_default_timeout(PATIENCE)
    began = time.perf_counter()
    shown.goto(page.as_uri(), wait_until="load", timeout=PATIENCE)
    loaded = time.perf_counter()
    if not shown.locator(".explorer").count():
        return {"open": loaded - began}
    shown.evaluate("document.querySelector('.explorer').scrollIntoView()")
    shown.locator(".plot .scatterlayer .trace").first.wait_for(state="attached")
    return {"open": loaded - began, "first plot": time.perf_counter() - loaded}


def show(found: dict[str, dict[str, list[float]]]) -> None:
    """Print the table."""
    table = Table("page", "MB", "make (s)", "open (s)", "then to first plot (s)", box=SIMPLE_HEAD)
    for name, numbers in found.items():
        cells = (middle(numbers.get(key)) for key in ("size", "make", "open", "first plot"))
        table.add_row(name, *cells)
    out.print(table)


def middle(values: list[float] | None) -> str:
    """Return median and range."""
    if not values:
        return "no curves"
    text = f"{statistics.median(values):.2g}" if max(values) < 10 else f"{max(values):.3g}"
    if len(values) == 1:
        return text
    return f"{text} ({min(values):.2g} to {max(values):.2g})"


if __name__ == "__main__":
    main()
