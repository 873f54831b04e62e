"""What goes wrong after a simulation loses nothing; what could go wrong before is said there."""

from typing import Annotated

import pytest

import soret
from soret.claims import In, Source, claim
from soret.claims.claim import CLAIMS
from soret.claims.running import run_claim
from soret.errors import InferenceError, RunError, SettingsError


@pytest.fixture
def failing():
    """A claim whose test fails with what it is told to raise."""

    @claim(
        "mine/failing",
        statement="Nothing.",
        source=Source("mine", "Sec. 2", title="A paper of mine"),
        quick={},
    )
    class Failing:
        replicas: Annotated[int, "replicas", In(at_least=2)] = 2
        wrong = None

        def experiments(self):
            return {
                "walk": soret.Experiment(
                    problem=soret.problems.surface(lambda x: 0.5 * x @ x, start=[0.0]),
                    algorithm=soret.SGD(0.1),
                    observe=soret.observables.parameters,
                    steps=4,
                    replicas=self.replicas,
                )
            }

        def judge(self, runs):
            if self.wrong is not None:
                raise self.wrong
            return []

        def control(self, runs):
            return runs

        def draw(self, runs, results):
            return {}

    yield Failing
    del CLAIMS["mine/failing"]


@pytest.mark.parametrize(
    "error", [IndexError("index 3 is out of bounds"), InferenceError("too few."), KeyError("x")]
)
def test_a_test_that_fails_keeps_the_data(failing, error, tmp_path):
    """Catches: a traceback after hours, that does not say that nothing is lost."""
    failing.wrong = error
    with pytest.raises(RunError, match="testing failed") as raised:
        run_claim(failing(), scale="quick", out=tmp_path / "run")
    assert str(tmp_path / "run") in str(raised.value)
    assert "without simulating" in str(raised.value)
    assert raised.value.__cause__ is error
    failing.wrong, said = None, []
    outcome = run_claim(failing(), scale="quick", out=tmp_path / "run", say=said.append)
    assert outcome.results == []
    assert "simulating walk" not in said


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5])
def test_a_refused_seed_takes_no_folder(failing, seed, tmp_path):
    """Catches: the right command refused, since the wrong one was there before."""
    with pytest.raises(SettingsError, match="seed"):
        run_claim(failing(), scale="quick", seed=seed, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_paper_that_is_unknown_is_refused_at_once():
    """Catches: a KeyError after the simulation, when the verdict is written."""
    with pytest.raises(SettingsError, match="give its title"):
        Source("mine", "Sec. 2")
    assert str(Source("mine", "Sec. 2", title="A paper")) == "A paper, Sec. 2"


@pytest.mark.parametrize(
    ("id", "quick", "words"),
    [("mine/failing", {}, "two claims"), ("mine/other", {"steps": 3}, "no setting")],
)
def test_registration_says_what_is_wrong(failing, id, quick, words):
    with pytest.raises(SettingsError, match=words):

        @claim(id, statement="Nothing.", source=Source("escape", "Sec. 1"), quick=quick)
        class Another:
            replicas: Annotated[int, "replicas", In(at_least=2)] = 2

            def experiments(self):
                return {}
