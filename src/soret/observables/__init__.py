"""Observables: numbers measured along a trajectory, as plain functions of problem and state."""

from soret.observables.activation import activation_rate, gaussian_activation_rate
from soret.observables.drift import balanced_drift, drift
from soret.observables.flow import window, window_flow
from soret.observables.loss import accuracy, loss
from soret.observables.norms import parameter_norm, weight_norm
from soret.observables.state import Observable, State, label

__all__ = [
    "Observable",
    "State",
    "accuracy",
    "activation_rate",
    "balanced_drift",
    "drift",
    "gaussian_activation_rate",
    "label",
    "loss",
    "parameter_norm",
    "weight_norm",
    "window",
    "window_flow",
]
