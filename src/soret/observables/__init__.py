"""Observables: numbers measured along a trajectory, as plain functions of problem and state.

Each takes `problem`, a `soret.Problem`, and `state`, one replica at one moment (`State`: params,
velocity, step), and returns an array: one number where nothing else is said. Some names here take
settings and return such a function. `soret.simulate` refuses before any work what does not fit.
"""

from soret.observables.activation import activation_rate, gaussian_activation_rate
from soret.observables.displacement import displacement_from, squared_velocity
from soret.observables.drift import balanced_drift, drift
from soret.observables.flow import window, window_flow
from soret.observables.gradients import (
    gradient_variance,
    gradient_variance_over,
    noise_strength,
    noise_strength_over,
)
from soret.observables.loss import accuracy, accuracy_over, full_loss, loss, loss_over
from soret.observables.norms import parameter_norm, weight_norm
from soret.observables.occupancy import occupancy
from soret.observables.parameters import parameters
from soret.observables.projection import position_along, random_directions, velocity_along
from soret.observables.state import Observable, State, label
from soret.observables.trace_bound import (
    dropped_trace,
    hessian_trace,
    hessian_trace_bound,
    hessian_trace_bound_over_output,
    hessian_trace_over_output,
    tightest_trace_bound,
)
from soret.observables.units import (
    balanced_residual,
    hidden_units,
    mean_bias,
    mean_hidden_weight,
    mean_output_weight,
)

__all__ = [
    "Observable",
    "State",
    "accuracy",
    "accuracy_over",
    "activation_rate",
    "balanced_drift",
    "balanced_residual",
    "displacement_from",
    "drift",
    "dropped_trace",
    "full_loss",
    "gaussian_activation_rate",
    "gradient_variance",
    "gradient_variance_over",
    "hessian_trace",
    "hessian_trace_bound",
    "hessian_trace_bound_over_output",
    "hessian_trace_over_output",
    "hidden_units",
    "label",
    "loss",
    "loss_over",
    "mean_bias",
    "mean_hidden_weight",
    "mean_output_weight",
    "noise_strength",
    "noise_strength_over",
    "occupancy",
    "parameter_norm",
    "parameters",
    "position_along",
    "random_directions",
    "squared_velocity",
    "tightest_trace_bound",
    "velocity_along",
    "weight_norm",
    "window",
    "window_flow",
]
