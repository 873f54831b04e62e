"""What the documentation shows, runs."""

import importlib
import itertools
import pkgutil
import re
import runpy
import shlex
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


# Compiling takes seconds a page: the rest are run by `make examples`.
QUICK = {"README.md", "docs/how-to/own-claim.md"}


def examples():
    """Every page's code: its blocks in their order, each going on from those before it."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
        if blocks:
            marks = [] if name in QUICK else [pytest.mark.slow]
            yield pytest.param("\n".join(blocks), id=name, marks=marks)


@pytest.mark.parametrize("code", list(examples()))
def test_python_examples_run(code, tmp_path, monkeypatch):
    """An example that a reader copies and that fails."""
    import matplotlib

    from soret.claims import find
    from soret.claims.claim import CLAIMS

    matplotlib.use("Agg")
    find()
    known = dict(CLAIMS)
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "example.py"
    script.write_text(code)
    try:
        runpy.run_path(str(script))
    finally:
        # An example's own claim is none of the house's.
        CLAIMS.clear()
        CLAIMS.update(known)


def test_every_room_has_its_place_in_the_reference():
    """A package whose public names the reference would leave out."""
    import soret

    shown = {
        name
        for page in (DOCS / "reference").glob("*.md")
        for name in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.M)
    }
    rooms = [room.name for room in pkgutil.walk_packages(soret.__path__, "soret.") if room.ispkg]
    public = [room for room in rooms if getattr(importlib.import_module(room), "__all__", None)]
    assert len(public) > 10
    assert set(public) <= shown


def test_the_readme_has_a_verdict_for_every_claim_and_for_no_other():
    """A claim that was added, taken out or renamed since the table was made."""
    from soret.claims import Verdict, find
    from soret.claims.finding import MARKS

    text = (ROOT / "README.md").read_text()
    _, _, rest = text.partition("<!-- verdicts -->")
    table, _, _ = rest.partition("<!-- /verdicts -->")
    found = re.findall(r"^\| \[([\w/-]+)\].*\| ([^|]*?) ?\|[^|]*\|$", table, re.M)
    assert sorted(name for name, _ in found) == [claim.about.id for claim in find()]
    known = {"", *Verdict}  # where the table was made before claims had statements: a word
    for _, told in found:
        assert told in known or told[0] in MARKS.values()


# What a page's own example registers.
OWN = {"thermophoresis/activation-rate-of-mine"}


def test_every_command_that_runs_a_claim_works(tmp_path, monkeypatch):
    """A page with the name of a claim, or of a setting, that is no more."""
    from soret.claims import configure, find
    from soret.claims.claim import CLAIMS

    find()
    known = dict(CLAIMS)
    page = (DOCS / "how-to" / "own-claim.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.S)
    assert code is not None
    (tmp_path / "parabola.py").write_text(code.group(1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    pages = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    lines = [
        (page.name, line)
        for page in pages
        for line in re.findall(r"^\$ (?:\S*/)?(soret run .*)$", page.read_text(), re.M)
    ]
    assert len(lines) > 40
    for page, line in lines:
        words = shlex.split(line, comments=True)[2:]
        assignments = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
        scale = words[words.index("--scale") + 1] if "--scale" in words else "quick"
        patterns = list(itertools.takewhile(lambda word: not word.startswith("--"), words))
        assert patterns, f"{page}: {line}"
        if not OWN & set(patterns):
            for claim in find(*patterns):
                if not (claim.about.id.startswith("mine/") and "replicas=1" in assignments):
                    configure(claim, scale, assignments)
    CLAIMS.clear()
    CLAIMS.update(known)


def test_every_entry_of_the_errata_has_a_command():
    """A disagreement that a reader has to believe."""
    entries = (DOCS / "errata.md").read_text().split("\n### ")[1:]
    assert len(entries) > 8
    for entry in entries:
        assert re.search(r"```console\n\$ ", entry), entry.partition("\n")[0]


@pytest.fixture
def gallery(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "hooks"))
    return importlib.import_module("gallery")


def test_gallery_shows_text_from_runs_as_text(gallery):
    """A run folder from elsewhere whose text becomes markup, or a script, on the page."""
    from soret.claims import Result, Verdict
    from soret.claims.finding import TestedStatement
    from soret.report import SavedRun

    hostile = (
        '<script>alert("1")</script> | [x](javascript:1) `a` "onload=1 $x$ '
        '{: onclick="alert(1)" } ![](http://a.b/c.png)'
    )
    worst = Verdict.SUPPORTED
    result = Result(hostile, hostile, 1.0, (0.5, 1.5), hostile, worst, hostile, statement="a")
    about = (hostile, hostile, "printed", "easier", hostile, hostile)
    statement = TestedStatement("a", *about, worst, 0, hostile)
    record = {
        "description": {
            "claim": "thermophoresis/activation-rate",
            "scale": hostile,
            "seed": hostile,
            "settings": {hostile: hostile},
        }
    }
    run = SavedRun(
        Path(hostile), record, [result], [statement], hostile, "supported", 1.0, 0, [hostile]
    )
    page = gallery._run(run) + gallery._figures(run)
    extensions = ["tables", "attr_list", "md_in_html", "pymdownx.arithmatex"]
    shown = Tags()
    shown.feed(markdown.markdown(page, extensions=extensions))
    assert {"table", "td", "code"} <= set(shown.tags)
    assert not {"script", "a", "img"} & set(shown.tags)
    assert set(shown.attributes) <= {"class"}
    assert shown.tags.count("td") == 6
    row = gallery._row(run)
    assert row.count("|") == 4
    assert "<script" not in row


class Tags(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_gallery_names_every_claim_without_a_run(gallery):
    """A claim that the gallery passes over because nobody has run it."""
    from soret.claims import find

    assert re.findall(r"soret run ([\w/-]+)", gallery._index({})) == [c.about.id for c in find()]


def test_formulas_become_mathml(monkeypatch):
    """A formula that needs a script to be read, or loses its less-than sign."""
    monkeypatch.syspath_prepend(str(DOCS / "hooks"))
    mathml = importlib.import_module("mathml")
    made = mathml.on_page_content(r'<p><span class="arithmatex">\(a &lt; b^2\)</span></p>')
    assert made.startswith("<p><math")
    assert "<msup>" in made
    assert "arithmatex" not in made


def test_links_between_pages_lead_somewhere():
    """A page that moved, and a link that stayed. (What the site generates, its build checks.)"""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:\s]+)[)#\s]", page.read_text()):
            if "gallery/" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
