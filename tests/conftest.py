"""Shapes in signatures are promises: while testing, the rooms that hold arrays enforce them."""

import matplotlib as mpl
from hypothesis import settings
from jaxtyping import install_import_hook

mpl.use("Agg")

# The same examples every time; no deadline, since compilation takes seconds.
settings.register_profile("soret", derandomize=True, deadline=None)
settings.load_profile("soret")

# Rooms whose arguments a user gives are left out: their own errors are what is tested there.
install_import_hook(
    [
        "soret.data.generator",
        "soret.data.streams",
        "soret.dynamics.keys",
        "soret.dynamics.sampling",
        "soret.observables",
        "soret.problems.initialization",
        "soret.problems.losses",
    ],
    "beartype.beartype",
)
