"""The Langevin equation is SGD's limit for η → 0: its error falls as η, the second one's as η²."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Result, Runs, Simulate, Source, claim
from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ORDERS = ("first", "second")
"""dθ = −∇L dt + …, and dθ = −∇(L + (η/4)|∇L|²) dt + …."""

_CURVATURES = np.array([1.0, 0.5])
_FROM = np.array([1.5, 1.5])


@claim(
    "three-factors/langevin-limit",
    statement="dθ = −g dt + √(η/S) B dW, in t = ηk, reproduces SGD's ensemble for η → 0: the error "
    "of means falls as η, and as η² if the drift is −∇(L + (η/4)|∇L|²).",
    source=Source(
        "three-factors",
        "slides “SGD dynamics in continuum limit”; paper Sec. 2.1, Eq. 4; beyond it Li, Tai & E "
        "2017, Theorem 1",
    ),
    quick={
        "quadratic_replicas": 65_536,
        "net_replicas": 4096,
        "net_rates": (1.0, 0.5, 0.25, 0.125),
        "substeps": 3,
    },
)
class LangevinLimit:
    """The mean loss after a fixed t = ηk, SGD's less that of the two equations.

    On a quadratic surface with isotropic noise the equations' means are known in closed form, and
    only SGD is simulated. On a two-layer net with eight examples, inputs and labels drawn once, the
    equations are integrated with the net's own covariance C(θ) = BBᵀ, B the gradients of single
    examples less their mean: no Gaussian surface, but mini-batches. Its units are tanh, for the
    order of an error is a theorem on smooth losses. The integrator's own error, to first order in
    its step δ, is taken out of the drift (a step of Euler's solves the equation with
    L + (δ/4)|∇L|²), what is left of it is η/δ times smaller than the error measured.

    The first equation is judged at the smaller half of the η and the second at the larger half,
    where its error stands out from the noise of the ensemble: all η are drawn. Batches are of 16,
    for the error has two parts, of drift and of noise, that are of opposite sign on the quadratic
    surface; at S = 1 they cancel near η = 0.3, and no power is seen.

    The rival is an error that stays; for the second equation, that it is no better than the first.
    All settings are ours; the slides have none.
    """

    learning_rates: Annotated[tuple[float, ...], "η on the quadratic surface"] = (
        0.4,
        0.2,
        0.1,
        0.05,
    )
    quadratic_replicas: Annotated[int, "replicas there"] = 4_194_304
    time: Annotated[float, "t = ηk at which means are compared; a multiple of every η"] = 2.0
    net_rates: Annotated[tuple[float, ...], "η on the net"] = (1.0, 0.5, 0.25, 0.125)
    net_time: Annotated[float, "t on the net"] = 4.0
    batch_size: Annotated[int, "S on both"] = 16
    net_replicas: Annotated[int, "replicas and paths on the net"] = 524_288
    substeps: Annotated[int, "steps of the integrator in one of SGD's"] = 8
    hidden: Annotated[int, "hidden units of the net"] = 3

    def simulate(self, simulate: Simulate) -> Runs:
        """Run SGD on both, and integrate the net's equations."""
        made = {}
        for rates, time, name in (
            (self.learning_rates, self.time, "quadratic"),
            (self.net_rates, self.net_time, "net"),
        ):
            if len(rates) < 3 or any(abs(time / eta - round(time / eta)) > 1e-6 for eta in rates):
                raise SettingsError(
                    f"the {name}'s time, {time:g}, must be a multiple of each of 3 η or more."
                )
            problem = _quadratic() if name == "quadratic" else _net(self.hidden)
            replicas = self.quadratic_replicas if name == "quadratic" else self.net_replicas
            for eta in rates:
                steps = round(time / eta)
                made[f"{name}/{eta:g}"] = simulate(
                    f"{name}/{eta:g}",
                    problem,
                    soret.SGD(eta, self.batch_size),
                    observe=_level(name),
                    steps=steps,
                    replicas=replicas,
                    record_every=steps,
                )
        for eta in self.net_rates:
            for order in ORDERS:
                made[f"{order}/{eta:g}"] = simulate.measure(
                    f"{order}-{eta:g}", partial(self._paths, eta, order)
                )
        return made

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: powers 1 and 2 of η. Rivals: 0 and 1."""
        from soret.claims.ratio import judge_power

        results = []
        for name, rates in (("quadratic", self.learning_rates), ("net", self.net_rates)):
            for order, predicted in zip(ORDERS, (1.0, 2.0), strict=True):
                errors = np.stack([self._errors(runs, name, eta, order) for eta in rates])
                half = (len(rates) + 1) // 2
                ordered = np.argsort(rates)
                judged = ordered[:half] if order == "first" else ordered[-half:]
                results.append(
                    judge_power(
                        f"power of η in the error of the mean loss, {order} equation ({name})",
                        np.array(rates)[judged],
                        errors[judged],
                        predicted=predicted,
                        rival=predicted - 1,
                        note=", ".join(
                            f"{row.mean():.2e} at η = {eta:g}"
                            for eta, row in zip(rates, errors, strict=True)
                        ),
                    )
                )
        return results

    def control(self, runs: Runs) -> Runs:
        """Return SGD whose error is that at the largest η, whatever η is."""
        made = dict(runs)
        for name, rates in (("quadratic", self.learning_rates), ("net", self.net_rates)):
            top = max(rates)
            stays = {order: self._errors(runs, name, top, order).mean() for order in ORDERS}
            for eta in rates:
                run = runs[f"{name}/{eta:g}"]
                error = self._errors(runs, name, eta, "first").mean()
                made[f"{name}/{eta:g}"] = run.assign(level=run.level - error + stays["first"])
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Errors against η on logarithmic axes."""
        from soret.figures.weak_error import ErrorCurve, weak_error_figure

        panels = []
        for i, (name, rates) in enumerate(
            (("quadratic", self.learning_rates), ("net", self.net_rates))
        ):
            panels.append(
                [
                    ErrorCurve(
                        name,
                        order,
                        np.array(rates),
                        np.stack([self._errors(runs, name, eta, order) for eta in rates]),
                        results[2 * i + j],
                    )
                    for j, order in enumerate(ORDERS)
                ]
            )
        return {"langevin-limit": weak_error_figure(panels)}

    def _errors(self, runs: Runs, name: str, eta: float, order: str) -> Floats:
        """Return SGD's level less the equation's, (R,), whose mean is the weak error."""
        run = runs[f"{name}/{eta:g}"]
        level = np.asarray(run.level.isel(step=-1).values, dtype=np.float64).ravel()
        if name == "quadratic":
            return level - _exact_level(eta, self.batch_size, self.time, order)
        paths = np.asarray(runs[f"{order}/{eta:g}"].level.values, dtype=np.float64)
        return level - paths

    def _paths(self, eta: float, order: str, seed: int) -> xr.Dataset:
        """Return the net's mean loss at the end of every path of an equation."""
        import jax
        import jax.numpy as jnp
        import xarray as xr
        from jax.flatten_util import ravel_pytree

        problem = _net(self.hidden)
        params = problem.initial(jax.random.key(0))
        start, _ = ravel_pytree(params)
        with jax.enable_x64(True):
            _, unflatten = ravel_pytree(
                jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), params)
            )
            inputs, labels = problem.probe()
            x, y = jnp.asarray(inputs, jnp.float64), jnp.asarray(labels)

        def losses(theta: Any) -> Any:
            return jax.vmap(problem.example_loss, (None, 0, 0))(unflatten(theta), x, y)

        def loss(theta: Any) -> Any:
            return losses(theta).mean()

        delta = eta / self.substeps
        extra = ((eta if order == "second" else 0.0) - delta) / 4
        slope = jax.grad(loss)

        def potential(theta: Any) -> Any:
            return loss(theta) + extra * (slope(theta) ** 2).sum()

        def noise(theta: Any) -> Any:
            single = jax.jacrev(losses)(theta)
            size = np.sqrt(eta / self.batch_size / len(inputs))
            return size * (single - single.mean(0)).T

        lab = soret.theory.langevin
        steps = round(self.net_time / delta)
        run = lab.integrate(
            lab.overdamped(potential, noise),
            np.asarray(start, np.float64),
            step=delta,
            steps=steps,
            replicas=self.net_replicas,
            seed=int(
                np.random.SeedSequence(
                    [seed, ORDERS.index(order), round(1e6 * eta)]
                ).generate_state(1)[0]
            ),
        )
        with jax.enable_x64(True):
            level = jax.jit(jax.vmap(loss))(jnp.asarray(run.theta.values[:, -1]))
        return xr.Dataset({"level": ("replica", np.asarray(level))})


def _quadratic() -> Any:
    import jax.numpy as jnp

    return soret.problems.surface(
        lambda theta: 0.5 * (jnp.asarray(_CURVATURES, theta.dtype) * theta**2).sum(),
        start=_FROM,
        name="quadratic",
    )


def _net(hidden: int) -> Any:
    """A net with one hidden layer of tanh, and eight examples of three inputs; one start."""
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    rng = np.random.default_rng(8)
    data = soret.Dataset(
        "eight Gaussian examples",
        rng.normal(size=(8, 3)).astype(np.float32),
        np.array([0, 1] * 4, np.int32),
        ("0", "1"),
    )
    problem = soret.problems.dense(
        hidden=(hidden,), data=data, labels="real", scaling="none", activation=jnp.tanh
    )
    start, _ = ravel_pytree(problem.initial(jax.random.key(0)))
    return soret.problems.starting_from(problem, np.asarray(start)[None])


def _level(name: str) -> Any:
    """Return an observable: the mean loss."""

    @soret.observables.label("mean loss", "unit of loss" if name == "quadratic" else "nats")
    def level(problem: Any, state: Any) -> Any:
        if name == "quadratic":
            return problem.full_loss(state.params)
        return soret.observables.full_loss(problem, state)

    return level


def _exact_level(eta: float, batch: int, time: float, order: str) -> float:
    """Return E L(t) under an equation on the quadratic surface: C = 1."""
    rates = _CURVATURES * (1 + (eta * _CURVATURES / 2 if order == "second" else 0))
    left = np.exp(-rates * time)
    second_moment = (_FROM * left) ** 2 + eta / batch / (2 * rates) * (1 - left**2)
    return float(0.5 * (_CURVATURES * second_moment).sum())
