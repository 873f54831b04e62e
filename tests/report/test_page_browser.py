"""The page in a real browser: it draws, it answers, it fetches nothing, it runs nothing foreign."""

import os
import shutil
from pathlib import Path

import pytest
from hostile import SCRIPT, hostile
from report_runs import CLAIM, curves, maker, result, statement

from soret.report import write

FLAGS = [
    "--no-sandbox",  # a container's root has no other way
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = os.environ.get("SORET_CHROMIUM") or shutil.which("chromium")
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        if os.environ.get("SORET_BROWSER_REQUIRED"):
            pytest.fail("no chromium was found; install it, or name it in $SORET_CHROMIUM.")
        pytest.skip("no chromium was found; install it, or name it in $SORET_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield running
        running.close()


@pytest.fixture
def opened(browser):
    """Return a function that opens a file; whatever goes wrong in the page fails the test."""
    troubles, contexts = [], []

    def open_page(path, width=1000, height=800, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:"))
                else troubles.append(f"request for {r.url}"))  # fmt: skip
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    both = curves().assign(loss=curves(name="loss").loss)
    against = [result(verdict=v) for v in ("contradicted", "supported", "inconclusive")]
    make = maker(place / "runs")
    make("a", data={"pytorch": curves(), "normal": both})
    make("b", "thermophoresis/weight-norm", verdict="contradicted", results=against)
    mixed = [statement(), statement(name="far-away", origin="restored", setting="other",
             differs="digits in place of images, and steps 20 (paper: 100,000)", deciding=1,
             verdict="contradicted")]  # fmt: skip
    told = [result(statement="fall", within=[1.75, 2.25]),
            result(statement="far-away", verdict="contradicted", measured=None)]  # fmt: skip
    finding = "The rate falls by 1.91; far away it does not."
    make("c", "three-factors/exchange", results=told, statements=mixed, finding=finding)
    (place / "runs/broken").mkdir()
    (place / "runs/broken/run.json").write_text("{")
    write([place / "runs"], place / "report.html")
    return place / "report.html"


def draw(page, number=0):
    """Scroll to a run's curves and wait until they are there."""
    page.locator(".explorer").nth(number).scroll_into_view_if_needed()
    page.locator(".explorer").nth(number).locator(".plot .scatterlayer .trace").first.wait_for()
    return page.locator(".explorer").nth(number)


def traces(explorer):
    """Return name, x and y of every line that is drawn, bands left out."""
    return explorer.locator(".plot").evaluate(
        "p => p.data.filter(t => t.hoverinfo !== 'skip').map(t => [t.name, t.x, t.y])"
    )


def test_figures_draw_late_and_controls_change_them(opened, report):
    """A plot that never draws; a toggle, a choice or a scale that does nothing."""
    page = opened(report)
    assert page.evaluate("typeof Plotly") == "undefined"  # nothing is unpacked before it is wanted
    explorer = draw(page)
    assert len(traces(explorer)) == 6
    explorer.get_by_label("0.05").uncheck()
    left = traces(explorer)
    assert len(left) == 4
    assert not any("0.05" in name for name, _, _ in left)
    explorer.get_by_label("0.05").check()

    explorer.get_by_label("power of the hyperparameter").evaluate(
        "s => { s.value = 2; s.dispatchEvent(new Event('input')); }"
    )
    for name, x, y in traces(explorer):
        assert x[-1] == pytest.approx(800 * float(name.split("= ")[1].split(",")[0]) ** 2)
        assert y[0] == pytest.approx(1, abs=0.1)
    assert "^2" in explorer.locator(".xtitle").text_content()

    explorer.get_by_label("log y").check()
    assert explorer.locator(".plot").evaluate("p => p._fullLayout.yaxis.type") == "log"
    explorer.locator("select").first.select_option(label="loss")
    assert len(traces(explorer)) == 3
    assert explorer.locator(".ytitle").text_content() == "loss (fraction)"

    explorer.locator("summary").click()
    explorer.locator("tbody tr").nth(2).wait_for()
    assert explorer.locator("tbody tr").count() == 3


@pytest.mark.slow
def test_values_over_many_decades_start_on_a_logarithm(opened, make, tmp_path):
    """A walk that is lost, and beside it a flat line that was all the others."""
    run = curves()
    run["activation_rate"] = (0 * run.activation_rate + 10.0 ** (run.step / 100)).astype("f8")
    write([make(data={"far": run})], tmp_path / "report.html")
    explorer = draw(opened(tmp_path / "report.html"))
    scale = "p => p._fullLayout.yaxis.type"
    assert explorer.locator(".plot").evaluate(scale) == "log"
    explorer.get_by_label("log y").uncheck()
    assert explorer.locator(".plot").evaluate(scale) == "linear"


@pytest.mark.slow
def test_hover_tells_the_curve_and_its_interval(opened, report):
    """A plot that cannot be read off."""
    explorer = draw(opened(report))
    explorer.locator(".plot").scroll_into_view_if_needed()
    box = explorer.locator(".nsewdrag").bounding_box()
    page = explorer.page
    point = explorer.locator(".plot").evaluate(
        """p => { const { xaxis, yaxis } = p._fullLayout;
                  return [xaxis.d2p(400), yaxis.d2p(p.data.find(t => t.name).y[10])]; }"""
    )
    page.mouse.move(box["x"] + point[0], box["y"] + point[1])
    hover = page.locator(".hoverlayer .hovertext").first
    hover.wait_for()
    assert "step: 400" in hover.text_content()
    assert " to " in hover.text_content()


def test_hostile_texts_stay_texts(opened, make, tmp_path):
    """Catches: a run folder from elsewhere that runs a script in its reader's browser.

    Every text of the run is an attack: settings, results, attributes of data, names of variables,
    of experiments, of figures and of the folder.
    """
    run = hostile(make, "<img src=x onerror=window.hacked=1>")
    write([run], tmp_path / "report.html")
    page = opened(tmp_path / "report.html")
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    explorer = draw(page)
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    explorer.locator("tbody tr").first.wait_for()
    explorer.locator("input[type=checkbox]").first.uncheck()
    explorer.locator(".plot").scroll_into_view_if_needed()
    box = explorer.locator(".nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    assert dialogs == []
    assert page.locator("main img").count() == 1
    assert page.locator("main script:not([type])").count() == 0
    assert page.locator("iframe, object, embed, form, base, link, main style").count() == 0
    strange = page.evaluate(
        """() => [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]
             .filter(a => /^on/i.test(a.name) || (/href$/i.test(a.name) && !/^#/.test(a.value)))
             .map(a => `${e.tagName} ${a.name}=${a.value}`))"""
    )
    assert strange == []
    text = page.evaluate("document.body.innerText + document.title")
    assert text.count(SCRIPT) > 20
    assert "\\u202ereversed\\u2066" in text
    assert not set(text) & {"\u202e", "\u2066", "\u200b", "\x1b", "\x9b"}
    for place in (explorer.locator(".ytitle"), page.locator("article h2")):
        assert SCRIPT in place.text_content()


def test_the_keyboard_reaches_everything_and_is_seen(opened, report):
    """A control that only a mouse can use, or focus that cannot be seen."""
    page = opened(report)
    draw(page, 0), draw(page, 1)
    page.evaluate("scrollTo(0, 0)")
    wanted = page.locator("a[href], button, input, select, summary, pre, .plot").evaluate_all(
        """all => all.filter(e => e.checkVisibility() && !e.closest('.modebar'))
                     .map((e, i) => { e.dataset.number = i; return i; })"""
    )
    reached = set()
    for _ in range(3 * len(wanted)):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
                       const width = parseFloat(s.outlineWidth);
                       return [e.dataset.number ?? null, s.outlineStyle, width]; }"""
        )
        if found[0] is not None:
            reached.add(int(found[0]))
            assert found[1] != "none", found
            assert found[2] >= 2, found
        if len(reached) == len(wanted):
            break
    assert reached == set(wanted)
    page.locator(".plot").first.focus()
    before = page.evaluate("document.querySelector('.plot')._fullLayout.xaxis.range")
    page.keyboard.press("+")
    after = page.evaluate("document.querySelector('.plot')._fullLayout.xaxis.range")
    assert after[1] - after[0] == pytest.approx(0.8 * (before[1] - before[0]))


@pytest.mark.parametrize("width", [360, 1000])
def test_nothing_sticks_out(opened, report, width):
    """A page that has to be pushed sideways on a phone."""
    page = opened(report, width=width)
    draw(page, 0), draw(page, 1)
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_texts_stand_out(opened, report, scheme):
    """Grey on grey, in the light or in the dark: contrast below 4.5."""
    page = opened(report, scheme=scheme)
    draw(page)
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    weak = page.evaluate(CONTRAST)
    assert weak == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"
    assert dark == (scheme == "dark")


@pytest.mark.slow
def test_the_theme_can_be_chosen(opened, report):
    """A button that changes the page and not its plots."""
    page = opened(report)
    explorer = draw(page)
    before = explorer.locator(".plot").evaluate("p => p._fullLayout.paper_bgcolor")
    page.get_by_role("button", name="Dark").click()
    assert explorer.locator(".plot").evaluate("p => p._fullLayout.paper_bgcolor") != before
    assert page.get_by_role("button", name="Light").count() == 1
    page.reload()
    assert page.get_by_role("button", name="Light").count() == 1


@pytest.mark.slow
def test_headings_landmarks_and_names(opened, report):
    """A page that a screen reader cannot find its way through."""
    page = opened(report)
    draw(page)
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("row", name=CLAIM).first.get_by_role("cell").count() == 3
    assert page.get_by_role("article", name=CLAIM).count() == 1
    assert page.locator("th:not([scope])").count() == 0
    unnamed = page.locator("input, select, button").evaluate_all(
        "all => all.filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim())).length"
    )
    assert unnamed == 0
    assert "1.91 (95 %: 1.88 to 1.94)" in page.locator("img").first.get_attribute("alt")
    assert page.get_by_text("run.json is damaged").count() == 1


def test_it_prints(opened, report):
    """Controls, or white on black, on paper."""
    page = opened(report, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#theme, .explorer").first.is_hidden()
    assert page.evaluate(CONTRAST) == []
    assert page.pdf().startswith(b"%PDF")
