"""What a saved run says of itself is true: optimizer, loss, data, functions, device."""

import dataclasses
import json
import platform
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytest

import soret
from soret.errors import RunError
from soret.observables import State
from soret.runs import RunFolder

POINTS = soret.Dataset("points", np.eye(4, 3), np.array([0, 1, 1, 0]), ("a", "b"))


def own_loss(output: jax.Array, label: jax.Array) -> jax.Array:
    return abs(output - label)


def own_init(key: jax.Array) -> dict[str, jax.Array]:
    return {"w": jax.random.normal(key, (3,))}


def own_level(problem: soret.Problem, state: State) -> jax.Array:
    return state.params["w"].sum()


OWN = soret.Problem(
    init=own_init, predict=lambda p, x: p["w"] @ x, loss="mean_square", data=POINTS, name="own"
)


def saved(out: Path, problem: soret.Problem = OWN, **given: Any) -> dict[str, Any]:
    """Return the description of a run."""
    usual = {"algorithm": soret.SGD(0.1), "observe": soret.observables.parameters}
    soret.simulate(problem, **{**usual, **given}, steps=2, replicas=2, out=out)
    return RunFolder(out).record()["description"]


def described(problem: soret.Problem = OWN, **given: Any) -> dict[str, Any]:
    """Return the description of a run that is not run."""
    usual = {"algorithm": soret.SGD(0.1), "observe": soret.observables.parameters}
    made = soret.Experiment(problem=problem, **{**usual, **given}, steps=2, replicas=2)
    return json.loads(json.dumps(made.description))


def test_what_is_saved_is_the_experiments_own(tmp_path: Path) -> None:
    """Catches: two descriptions, of which one is tested."""
    watch = soret.FirstPassage(own_level, [1e3])
    for number, given in enumerate(
        [
            {"watch": watch, "observe": own_level},
            {"algorithm": soret.Optax(optax.adam, learning_rate=[1e-3, 1e-2], b1=0.8)},
        ]
    ):
        assert described(**given).items() <= saved(tmp_path / str(number), **given).items()


def test_names_the_optimizer() -> None:
    """Catches: "Optax, nesterov: False" of Adam."""
    adam = soret.Optax(optax.adam, learning_rate=[1e-3, 1e-2], b1=0.8)
    said = described(algorithm=adam)["algorithm"]
    assert (said["name"], said["b1"]) == ("optax.adam", 0.8)
    assert said["learning_rate"] == [1e-3, 1e-2]
    assert "nesterov" not in said
    made = described(algorithm=soret.Optax(optax.sgd(0.1, nesterov=True)))["algorithm"]
    assert "0.1" in json.dumps(made)


def test_says_the_loss_that_was_used(tmp_path: Path) -> None:
    """Catches: the loss that the problem was made with, where another one was put in its place."""
    net = soret.problems.two_layer(hidden=2, data=POINTS)
    assert described(net)["problem"]["loss"] == "binary_cross_entropy"
    other = dataclasses.replace(net, loss="mean_square_sign")
    assert described(other)["problem"]["loss"] == "mean_square_sign"
    own = dataclasses.replace(OWN, loss=own_loss)
    said = saved(tmp_path / "c", own)["problem"]["loss"]
    assert said["name"].endswith("own_loss")
    assert len(said["sha256"]) == 64
    kept = soret.load(tmp_path / "c").attrs["problem_loss"]
    assert "own_loss" in kept
    assert said["sha256"][:12] in kept


def test_names_the_users_functions() -> None:
    """Catches: a run that says nothing of what was simulated."""
    watch = soret.FirstPassage(own_level, [1e3])
    said = described(watch=watch, observe=own_level)["functions"]
    names = {part: about["name"].rpartition(".")[2] for part, about in said.items()}
    assert names == {
        "init": "own_init",
        "predict": "<lambda>",
        "observable own_level": "own_level",
        "watched level": "own_level",
    }
    assert all(len(about["sha256"]) == 64 for about in said.values())


def test_names_a_stream_of_the_users() -> None:
    """Catches: "a stream of the user's own", and nothing else."""

    def draw_one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.random.normal(key, (3,)), jax.numpy.ones(())

    problem = dataclasses.replace(OWN, data=soret.data.FromFunction(draw_one, "mine"))
    said = described(problem)
    assert said["data"] == {"name": "mine"}
    assert said["functions"]["data sample"]["name"].endswith("draw_one")


def test_soret_does_not_list_its_own() -> None:
    """Catches: noise in every description."""
    assert "functions" not in described(soret.problems.two_layer(hidden=2, data=POINTS))


def test_says_which_data() -> None:
    """Catches: two data sets of one name that cannot be told apart."""
    said = described()["data"]
    assert (said["name"], said["examples"], said["classes"]) == ("points", 4, 2)
    changed = np.eye(4, 3)
    changed[0, 0] = 2
    other = soret.Dataset("points", changed, POINTS.labels, ("a", "b"))
    there = described(dataclasses.replace(OWN, data=other))["data"]
    assert said["sha256"] != there["sha256"]
    equal = soret.Dataset("points", np.asfortranarray(np.eye(4, 3)), POINTS.labels, ("a", "b"))
    assert described(dataclasses.replace(OWN, data=equal))["data"] == said


def test_says_what_it_ran_on(tmp_path: Path) -> None:
    """Catches: "gpu", of which there are many kinds that round differently."""
    saved(tmp_path / "a")
    (where,) = RunFolder(tmp_path / "a").record()["computed_on"]
    assert where["device"] == jax.devices()[0].device_kind
    assert where["instructions"].startswith(platform.machine())
    assert where["host"]
    assert platform.node() not in where["host"]


def test_a_comment_is_no_other_run(tmp_path: Path) -> None:
    """Catches: a run that cannot be resumed once a word of a function's source was changed."""
    saved(tmp_path / "a")

    def own_init(key: jax.Array) -> dict[str, jax.Array]:
        return {"w": jax.random.normal(key, (3,))}  # the same program

    saved(tmp_path / "a", dataclasses.replace(OWN, init=own_init))
    with pytest.raises(RunError, match="model, data or observables differ"):
        saved(tmp_path / "a", dataclasses.replace(OWN, predict=lambda p, x: 2 * p["w"] @ x))
    with pytest.raises(RunError, match="loss is mean_square there, mean_square_sign here"):
        saved(tmp_path / "a", dataclasses.replace(OWN, loss="mean_square_sign"))
