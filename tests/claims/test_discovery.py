"""Claims of one's own: in a file, in a module, in an installed package."""

import sys

import pytest

from soret.claims import find
from soret.claims.claim import CLAIMS
from soret.claims.running import run, run_claim
from soret.claims.settings import configure
from soret.errors import RunError, SettingsError

CLAIM = """
from typing import Annotated

import numpy as np
import soret
from soret.claims import In, Measurement, Source, claim
from soret.claims.judging import judge_number

SOURCE = Source("{paper}", "Fig. 2", title="A hypothesis", authors="A. Author", year=2026)


@claim("{paper}/spread", statement="It spreads.", source=SOURCE, quick={{}})
class Spread:
    steps: Annotated[int, "updates", In(at_least=1)] = {steps}
    replicas: Annotated[int, "replicas", In(at_least=2)] = 8

    def experiments(self):
        return {{
            "walk": soret.Experiment(
                problem=soret.problems.surface(lambda x: {height} * x @ x, start=[0.0]),
                algorithm=soret.SGD(0.1),
                observe=soret.observables.parameters,
                steps=self.steps,
                replicas=self.replicas,
            )
        }}

    def judge(self, runs):
        last = runs["walk"].parameters.isel(step=-1, parameters_dim_0=0).values
        return [judge_number("{quantity}", last**2, predicted=0.0, rival=1.0, tolerance=1.0)]

    def control(self, runs):
        return {{"walk": runs["walk"] + 5.0}}

    def draw(self, runs, results):
        return {{}}
"""


def text(paper, *, steps=4, height="0.5", quantity="θ²"):
    return CLAIM.format(paper=paper, steps=steps, height=height, quantity=quantity)


@pytest.fixture(autouse=True)
def as_before():
    find()
    known, modules, path = dict(CLAIMS), set(sys.modules), list(sys.path)
    yield
    CLAIMS.clear()
    CLAIMS.update(known)
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and "pytest" in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]
    sys.path[:] = path


def written(place, content):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    return place


def forgotten(paper):
    """Let a file be imported again, as a new process would."""
    for id in [id for id in CLAIMS if id.startswith(f"{paper}/")]:
        del sys.modules[CLAIMS.pop(id).__module__]


def test_a_claim_in_a_file_runs_and_is_judged_again_without_simulating(tmp_path, monkeypatch):
    """Catches: a claim that has to live inside Soret's own folder."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "mine.py", text("filed"))
    (found,) = find("./mine.py")
    assert found.about.id == "filed/spread"
    assert find("./mine.py") == [found]
    outcome = run(found, progress=False)
    assert outcome.verdict == "supported"
    assert "filed/spread" in str(outcome)
    assert "<b>filed/spread</b>" in outcome._repr_html_()
    forgotten("filed")
    written(tmp_path / "mine.py", text("filed", quantity="θ squared"))
    said = []
    again = run_claim(configure(*find("./mine.py"), "quick"), scale="quick", say=said.append)
    assert again.folder == outcome.folder
    assert again.results[0].quantity == "θ squared"
    assert any("judging it again" in line for line in said)


def test_numbers_of_an_edited_claim_are_not_taken_for_the_new_ones(tmp_path, monkeypatch):
    """Catches: a saved run judged as if the edited experiment had made it."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "mine.py", text("edited"))
    run("./mine.py", progress=False)
    forgotten("edited")
    written(tmp_path / "mine.py", text("edited", height="0.25"))
    with pytest.raises(RunError, match="another run"):
        run("./mine.py", progress=False)


def test_a_module_gives_all_its_claims_or_one_by_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    written(tmp_path / "own_claims_module.py", text("moduled"))
    assert [c.about.id for c in find("own_claims_module:")] == ["moduled/spread"]
    assert [c.about.id for c in find("own_claims_module:Spread")] == ["moduled/spread"]
    with pytest.raises(SettingsError, match="declares no claim 'Other'; it has Spread"):
        find("own_claims_module:Other")


def test_an_installed_package_names_its_claims_in_an_entry_point(tmp_path, monkeypatch):
    """A real distribution's metadata, found as pip leaves it."""
    monkeypatch.syspath_prepend(tmp_path)
    written(tmp_path / "packaged_claims.py", text("packaged"))
    told = written(
        tmp_path / "packaged-1.0.dist-info" / "METADATA",
        "Metadata-Version: 2.1\nName: packaged\nVersion: 1.0\n",
    )
    written(told.parent / "entry_points.txt", "[soret.claims]\nmine = packaged_claims\n")
    assert [c.about.id for c in find("packaged/*")] == ["packaged/spread"]


def test_a_package_that_fails_is_warned_of_and_the_others_are_listed(tmp_path, monkeypatch):
    """Catches: everyone's claims gone for one broken package."""
    monkeypatch.syspath_prepend(tmp_path)
    written(tmp_path / "broken_claims.py", "import nowhere_at_all\n")
    told = written(
        tmp_path / "broken-1.0.dist-info" / "METADATA",
        "Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n",
    )
    written(told.parent / "entry_points.txt", "[soret.claims]\nmine = broken_claims\n")
    with pytest.warns(UserWarning, match="broken_claims of broken are left out: ModuleNotFound"):
        assert len(find()) > 40


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("x = 1\n", "declares no claim; decorate a class"),
        ("def f(:\n", "SyntaxError: .*line 1"),
        ("\n\nraise ValueError('wrong')\n", "ValueError: wrong .line 3 of mine.py"),
        ("from soret.claims import Source\nSource('mine', 'x')\n", "give its title"),
        (
            "from soret.claims import Source\nSource('mine', 'x', title='t', url='javascript:x')\n",
            "must begin with https",
        ),
    ],
)
def test_a_file_that_is_wrong_gets_a_sentence_before_anything_runs(content, says, tmp_path):
    place = written(tmp_path / "mine.py", content)
    with pytest.raises(SettingsError, match=says):
        find(str(place))


def test_a_file_that_failed_can_be_mended_and_found(tmp_path):
    """Catches: half a claim left registered, so that its id is taken."""
    place = written(tmp_path / "mine.py", text("mended") + "\nraise ValueError('late')\n")
    with pytest.raises(SettingsError, match="late"):
        find(str(place))
    written(place, text("mended"))
    assert [c.about.id for c in find(str(place))] == ["mended/spread"]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"there is no file .*nothing.py"):
        find(str(tmp_path / "nothing.py"))


def test_what_is_no_claim_cannot_be_run():
    with pytest.raises(SettingsError, match="is no claim"):
        run(int)
    with pytest.raises(SettingsError, match="run one at a time"):
        run("escape/*")
