"""What a saved run says of its optimizer: its name and every number in it."""

import json

import optax
import pytest

import soret


def test_of_sgd_is_its_arguments() -> None:
    """Catches: an argument that decides the numbers and is not recorded."""
    described = soret.SGD([0.1, 0.2], 4, 0.9, 0.01, nesterov=True, sampling="epochs").description
    assert described == {
        "name": "SGD",
        "learning_rate": (0.1, 0.2),
        "batch_size": 4,
        "momentum": 0.9,
        "weight_decay": 0.01,
        "nesterov": True,
        "sampling": "epochs",
    }


def test_of_a_maker_is_its_public_name() -> None:
    """Catches: Adam recorded as "Optax, nesterov: False"."""
    described = soret.Optax(optax.adam, learning_rate=[1e-3, 1e-2], batch_size=8).description
    assert described["name"] == "optax.adam"
    assert described["learning_rate"] == (1e-3, 1e-2)
    assert "nesterov" not in described


def test_of_a_made_chain_is_its_parts_with_their_numbers() -> None:
    """Catches: an optimizer made already of which no word and no number is kept."""
    chain = optax.chain(optax.clip_by_global_norm(1.5), optax.adamw(1e-3, b1=0.8))
    parts = soret.Optax(chain).description["parts"]
    assert [part["name"] for part in parts] == [
        "optax.clip_by_global_norm",
        "optax.scale_by_adam",
        "optax.add_decayed_weights",
        "optax.scale",
    ]
    assert (parts[0]["max_norm"], parts[1]["b1"], parts[3]["step_size"]) == (1.5, 0.8, -1e-3)


@pytest.mark.parametrize(
    ("optimizer", "number"),
    [
        (optax.sgd(optax.warmup_cosine_decay_schedule(0.0, 0.25, 2, 4)), 0.25),
        (optax.lookahead(optax.sgd(0.25), 5, 0.5), 0.25),
        (optax.inject_hyperparams(optax.sgd)(0.25), 0.25),
        (optax.MultiSteps(optax.sgd(0.25), 4).gradient_transformation(), 0.25),
        (optax.masked(optax.sgd(0.25), True), 0.25),
    ],
    ids=["schedule", "lookahead", "injected", "several steps", "masked"],
)
def test_says_the_numbers_within(optimizer: optax.GradientTransformation, number: float) -> None:
    """Catches: a wrapper that hides the learning rate of what it wraps."""
    said = json.dumps(soret.Optax(optimizer).description)
    assert str(number) in said
    assert "0x" not in said
