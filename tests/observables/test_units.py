"""What is observed of hidden units, against the parameters themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.errors import SettingsError
from soret.observables import (
    State,
    balanced_residual,
    hidden_units,
    mean_bias,
    mean_hidden_weight,
    mean_output_weight,
)


def state_of(problem):
    return State(drawn(problem), (), jnp.int32(0))


def compiled(observable, problem):
    """Return an observable of a state: one operation at a time takes much longer."""
    return jax.jit(lambda state: observable(problem, state))


def test_units_are_v_b_and_the_norm_of_w():
    """Rows in another order, or the norm along the wrong axis."""
    problem = soret.problems.two_layer(inputs=3, hidden=5)
    state = state_of(problem)
    V, b, norm = np.asarray(compiled(hidden_units, problem)(state))
    np.testing.assert_allclose(V, state.params["V"])
    np.testing.assert_allclose(b, state.params["b"])
    np.testing.assert_allclose(norm, np.linalg.norm(state.params["W"], axis=1), rtol=1e-6)
    assert compiled(mean_bias, problem)(state) == pytest.approx(b.mean(), rel=1e-5)
    assert compiled(mean_output_weight, problem)(state) == pytest.approx(np.abs(V).mean(), rel=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_the_mean_of_w_needs_no_bias(bias):
    problem = soret.problems.two_layer(inputs=3, hidden=5, bias=bias)
    state = state_of(problem)
    found = compiled(mean_hidden_weight, problem)(state)
    assert found == pytest.approx(float(np.mean(state.params["W"])), rel=1e-5)


def test_the_residual_is_over_both_labels():
    """¼ where p = ½; ½ where the net is sure, whatever the examples' own labels are."""
    problem = soret.problems.two_layer(inputs=3, hidden=5)
    params, residual_of = state_of(problem).params, compiled(balanced_residual, problem)
    for V, residual in ((jnp.zeros(5), 0.25), (jnp.full(5, 1e6), 0.5)):
        # With b = 10 every unit is on.
        state = State(params | {"V": V, "b": jnp.full(5, 10.0)}, (), jnp.int32(0))
        assert residual_of(state) == pytest.approx(residual, abs=1e-6)


def test_other_nets_are_refused():
    """A bias that is not there, or an output weight for each class."""
    without = soret.problems.two_layer(inputs=3, bias=False)
    with pytest.raises(SettingsError):
        mean_bias(without, state_of(without))
    classes = soret.problems.two_layer(data="digits", hidden=4)
    with pytest.raises(SettingsError):
        hidden_units(classes, state_of(classes))
