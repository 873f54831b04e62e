"""The table of verdicts in Markdown."""

from report_runs import CLAIM, result

from soret.report import collect, table


def test_a_claim_a_row(make, tmp_path):
    """Numbers in the wrong column, or a row for a run that tested nothing."""
    make(
        "a", results=[result(), result(verdict="contradicted", measured=-0.5, interval=[-1, 0])],
        verdict="contradicted",
    )  # fmt: skip
    head, rule, row = table(collect([tmp_path]).runs).splitlines()
    assert head == "| claim | found | predicted | measured (95 %) | rival | verdict | cost |"
    assert rule.count("---") == 7
    assert row == (
        f"| {CLAIM} | exponent a of the collapse (2 results: 1 supported, 1 contradicted) | 2 "
        "| −0.5 (−1 to 0) | 1 | contradicted | 7.5 s |"
    )


def test_texts_stay_texts(make, tmp_path):
    """A quantity with a bar in it, which moves every later column; or with markup."""
    make(results=[result(quantity="|V|* <script>alert(1)</script> a_b `c` [x](javascript:y)\nnew")])
    (*_, row) = table(collect([tmp_path]).runs).splitlines()
    assert row.count("|") == 8
    assert "<" not in row
    assert "\\[x\\](javascript:y)" in row


def test_links(make, tmp_path):
    """A gallery whose table leads nowhere."""
    make()
    assert f"[{CLAIM}](g.md#a) |" in table(collect([tmp_path]).runs, link=lambda run: "g.md#a")
