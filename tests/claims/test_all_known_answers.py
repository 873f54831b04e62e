"""The judge of every claim is tested on data whose answer is known.

Data that the prediction made must be supported, data that the rival made must not be, and of too
few replicas nothing may be concluded. A test, or one row of its parameters, that feeds such data to
a judge and looks at the verdicts is marked with the claim, or a list of them, and what made the
data::

    @pytest.mark.known_answer("escape/time-change", "prediction", "rival", "few")

What is drawn here is drawn with NumPy, and nothing is simulated. That a claim's own control is
refused is tested in `test_all_controls.py`.
"""

import ast
from pathlib import Path

import pytest

from soret.claims import find

HERE = Path(__file__).parent
IDS = [claim.about.id for claim in find()]
KINDS = ("prediction", "rival", "few")

# Of which claim there is no such data, and why.
WITHOUT: dict[tuple[str, str], str] = {}


def marked(source):
    """Return (claim, kind) of every mark in a file's text, and their lines."""
    tree = ast.parse(source)
    named = {
        ast.unparse(node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.known_answer":
            claims, *kinds = (
                ast.literal_eval(named.get(ast.unparse(one), one)) for one in node.args
            )
            claims = [claims] if isinstance(claims, str) else claims
            found += [(claim, kind, node.lineno) for claim in claims for kind in kinds]
    return found


MARKS = {
    str(path.relative_to(HERE)): marked(path.read_text(encoding="utf-8"))
    for path in sorted(HERE.rglob("test_*.py"))
}


@pytest.mark.parametrize("id", IDS)
def test_every_claim_is_judged_by_known_answers(id):
    """Catches: a judge that supports nothing, or anything, or concludes from too little."""
    there = {kind for marks in MARKS.values() for claim, kind, _ in marks if claim == id}
    without = {kind for claim, kind in WITHOUT if claim == id}
    assert not there & without, f"{id} has data that it is said to be without"
    missing = [kind for kind in KINDS if kind not in there | without]
    assert not missing, f"{id} is not judged on data of the kind {', '.join(missing)}"


def test_marks_name_claims_and_kinds():
    """Catches: a mark with a slip in its name, which no claim would miss."""
    for file, marks in MARKS.items():
        for claim, kind, line in marks:
            assert claim in IDS, f"{file}:{line}: no claim {claim}"
            assert kind in KINDS, f"{file}:{line}: {kind} is none of {', '.join(KINDS)}"
    assert {claim for claim, _ in WITHOUT} <= set(IDS)


def test_marks_are_read_wherever_they_stand():
    """Catches: a mark on a row of parameters that is overlooked, or a comment that counts."""
    source = """
TWO = ["a/b", "a/c"]
# @pytest.mark.known_answer("a/b", "few")
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.known_answer("a/b", "rival"))])
@pytest.mark.known_answer(TWO, "prediction")
def test_it(x): ...
"""
    found = {(claim, kind) for claim, kind, _ in marked(source)}
    assert found == {("a/b", "rival"), ("a/b", "prediction"), ("a/c", "prediction")}
