"""The page as text: what it lets run, what it fetches, what it says of what it could not read."""

import base64
import hashlib
import re

import pytest
from PIL import Image
from report_runs import CLAIM, curves, result

from soret.errors import RunError, SettingsError
from soret.report import collect, picture, write
from soret.report.page import page
from soret.runs import RunFolder


def scripts(html):
    return re.findall(r"<script>(.*?)</script>", html, re.S)


def test_only_the_pages_own_script_may_run(make):
    """A policy whose hash is not that of the script, so that nothing or anything runs."""
    html = page(collect([make()]))
    (script,) = scripts(html)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
    assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "unsafe-eval" not in policy


def test_nothing_is_fetched(make):
    """A font, a style sheet or a script from elsewhere: the page would not open offline."""
    html = page(collect([make()]))
    outside = re.sub(r"<script.*?</script>", "", html, flags=re.S)
    assert not re.search(r'(?:src|href)="(?!data:image/webp|#)', outside)
    assert "url(" not in outside
    assert "@import" not in outside


def test_texts_of_a_run_are_escaped(make):
    """Markup from a run folder that becomes part of the page."""
    evil = "<script>alert(1)</script>\"'&"
    path = make(
        f"{evil[:8]}", f"x/{evil}", {evil: evil}, results=[result(quantity=evil, note=evil)],
        notes=[evil], paper=evil,
    )  # fmt: skip
    html = page(collect([path]))
    assert len(scripts(html)) == 1
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") > 5


def test_every_claim_has_its_own_heading_figure_and_command(make, tmp_path):
    """A page of forty claims where one shows what belongs to another."""
    make("a", "escape/time-change"), make("b", CLAIM)
    html = page(collect([tmp_path]))
    first, second = html.split("<article ")[1:]
    assert "soret run escape/time-change" in first
    assert f"soret run {CLAIM}" in second
    assert "Power-law Escape Rate of SGD" in first
    assert 'alt="Figure of escape/time-change: supported. exponent a' in first
    assert html.count("<h1>") == 1


def test_what_could_not_be_read_is_said(make, tmp_path):
    """A damaged run, figure or set of numbers that is missing without a word."""
    make("whole")
    (tmp_path / "whole" / "figures" / "figure.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with RunFolder(tmp_path / "unfinished") as folder:
        folder.begin({"claim": CLAIM})
    html = page(collect([tmp_path]))
    assert "figure.png is damaged" in html
    assert "unfinished is unfinished; run it again" in html


def test_divergence_is_said(make, tmp_path):
    """Curves of the survivors, shown as if there had been no others."""
    run = curves()
    run.diverged_at[0, :2] = 400
    folder = RunFolder(tmp_path / "mine")
    folder.begin({"problem": {"name": "wells"}, "steps": 800})
    folder.finish(run)
    html = page(collect([tmp_path]))
    assert "2 replicas diverged; they are left out of means" in html


class TestPicture:
    def test_pixels_are_what_was_drawn(self, tmp_path):
        """Colours that change on the way into the page, or a transparent figure gone black."""
        drawn = Image.new("RGBA", (40, 30), (0, 114, 178, 255))
        drawn.putpixel((3, 4), (0, 0, 0, 0))
        drawn.save(tmp_path / "a.png")
        made = picture(tmp_path / "a.png")
        import io

        shown = Image.open(io.BytesIO(base64.b64decode(made.uri.partition(",")[2])))
        assert shown.convert("RGB").getpixel((0, 0)) == (0, 114, 178)
        assert shown.convert("RGB").getpixel((3, 4)) == (255, 255, 255)
        assert (made.width, made.height) == (40, 30)

    @pytest.mark.parametrize("content", [b"", b"<svg onload='alert(1)'/>", b"\x89PNG\r\n\x1a\n"])
    def test_what_is_no_png_is_refused(self, content, tmp_path):
        """A script in a file that is called a picture."""
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(RunError, match="damaged"):
            picture(tmp_path / "a.png")

    def test_a_picture_that_fills_the_memory_is_refused(self, tmp_path, monkeypatch):
        """A few bytes that decode into gigabytes."""
        Image.new("1", (300, 300)).save(tmp_path / "a.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
        with pytest.raises(RunError, match="damaged"):
            picture(tmp_path / "a.png")

    @pytest.mark.parametrize("size", [(16_384, 1), (1, 16_384), (20_000, 100)])
    def test_a_side_that_no_page_can_hold_stops_no_report(self, size, make, tmp_path):
        """Catches: one long figure of one run, and no page on any of the others."""
        make("good")
        run = make("long")
        Image.new("1", size).save(run / "figures" / "figure.png")
        RunFolder(run).seal()
        html = page(collect([tmp_path]))
        assert html.count("<img ") == 1
        assert f"{size[0]} x {size[1]} pixels" in html

    def test_the_longest_side_that_a_page_can_hold(self, tmp_path):
        """Catches: a limit below what can be shown."""
        Image.new("1", (16_383, 2)).save(tmp_path / "a.png")
        assert picture(tmp_path / "a.png").width == 16_383


class TestWriting:
    def test_by_suffix_and_over_an_older_report(self, make, tmp_path):
        """A second report that needs the first one to be deleted."""
        path = make()
        for name in ("deep/er/a.html", "verdicts.md"):
            for _ in range(2):
                write([path], tmp_path / name)
        assert (tmp_path / "deep/er/a.html").read_text().startswith("<!doctype html>")
        assert CLAIM in (tmp_path / "verdicts.md").read_text()
        assert not list(tmp_path.rglob(".*"))

    @pytest.mark.parametrize("name", ["README.md", "index.html", "a.pdf", "folder.html", "report"])
    def test_what_is_no_report_is_not_overwritten(self, name, make, tmp_path):
        """A README gone because somebody typed its name."""
        path = make()
        (tmp_path / "folder.html").mkdir()
        if not (tmp_path / name).exists():
            (tmp_path / name).write_text("# Mine\n")
        with pytest.raises(SettingsError):
            write([path], tmp_path / name)
        assert (tmp_path / name).is_dir() or (tmp_path / name).read_text() == "# Mine\n"
