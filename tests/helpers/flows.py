"""Flows that several tests of Fokker–Planck solutions share, and how an error's order is read."""

import numpy as np
from scipy import integrate, linalg

from soret.theory.fokker_planck import FokkerPlanck, Grid


def order(error, sizes):
    """The power of h with which the error falls, by least squares over the sizes."""
    sizes = list(sizes)
    return -np.polyfit(np.log(sizes), np.log([error(n) for n in sizes]), 1)[0]


def well(x):
    """The drift −V′ of V = (x² − 1)²/4, with wells at ±1 and a barrier of ¼ at 0."""
    return x - x**3


K = np.array([[1.0, 0.7], [-1.2, 1.5]])
D = np.array([[1.0, 0.4], [0.4, 0.8]])


def rotating(n, walls="reflecting"):
    """A linear drift that turns, with oblique noise, in a box of ±5σ; and its covariance."""
    covariance = linalg.solve_continuous_lyapunov(K, D)
    side = 5 * np.sqrt(np.diag(covariance))
    return FokkerPlanck(lambda x: -x @ K.T, D, Grid(-side, side, [n, n]), walls), covariance


def passage(x0, D, low=-3.0):
    """The mean time from x0 to 0 by quadrature, a wall far out at `low`: Gardiner, Eq. 5.5.23."""

    def inner(y):
        def weight(z):
            return np.exp((well_energy(y) - well_energy(z)) * 2 / D)

        return integrate.quad(weight, low, y, epsabs=0, epsrel=1e-10, limit=400)[0]

    return 2 / D * integrate.quad(inner, x0, 0, epsabs=0, epsrel=1e-9, limit=400)[0]


def well_energy(x):
    return (x**2 - 1) ** 2 / 4
