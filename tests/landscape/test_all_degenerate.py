"""Curvature and noise where floating point loses them: flat, concave, constant, not finite."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import ConvergenceError, SettingsError
from soret.landscape import SymmetricOperator, flatness, gradient_noise, hessian, line, plane
from soret.landscape.spectra import (
    effective_dimension,
    frobenius_norm,
    spectral_density,
    top,
    trace,
)

POINT = soret.Dataset("points", np.ones((2, 1)), np.zeros(2, np.float32))


def operator(matrix: np.ndarray) -> SymmetricOperator:
    return SymmetricOperator(len(matrix), lambda vectors: vectors @ matrix, "matrix")


def surface(potential: Callable[..., Any], size: int) -> soret.Problem:
    """A problem whose loss is a potential of θ, at every example."""
    return soret.Problem(
        lambda key: {"t": jnp.zeros(size)},
        lambda p, x: potential(p["t"]) + 0 * x[0],
        lambda output, label: output,
        POINT,
    )


# Name: (diagonal of a Hessian).
DIAGONALS = {
    "zero": np.zeros(5),
    "negative, repeated": np.full(5, -4.0),
    "positive, repeated": np.full(5, 3.0),
    "one number": np.array([-2.0]),
    "two numbers": np.array([-2.0, -2.0]),
    "rank one, below": np.array([0.0, 0.0, 0.0, -1.0]),
    "two, repeated": np.array([-1.0, -1.0, -3.0, -3.0, -3.0]),
    "large": np.array([-1e10, -2e10, -2e10]),
    "small": np.array([-1e-12, -2e-12, -2e-12]),
    "trace zero": np.array([1.0, -1.0, 1.0, -1.0]),
}


# Each is a program of its own.
QUICK = {"zero", "negative, repeated", "one number", "rank one, below", "trace zero"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in DIAGONALS],
)
def test_flatness_of_degenerate_curvature(name: str) -> None:
    """Catches: the zeros behind an exhausted Krylov space taken for eigenvalues of H."""
    h = DIAGONALS[name]
    problem = surface(lambda t: jnp.sum(jnp.asarray(h, jnp.float32) * t**2) / 2, len(h))
    found = flatness(problem, np.zeros(len(h)), progress=False)
    scale = abs(h).max()
    assert abs(found.top - h.max()) <= max(found.top_error, 1e-30)
    assert found.top_error <= 2e-6 * scale
    # Signs give the trace of a diagonal matrix exactly.
    assert found.trace == pytest.approx(h.sum(), rel=1e-5, abs=1e-5 * scale)
    assert found.frobenius == pytest.approx(np.linalg.norm(h), rel=1e-5)


# More rows than are taken as a dense matrix, so that Lanczos' iteration has to do it.
MANY = {
    "zero": np.zeros(400),
    "negative, repeated": np.full(400, -4.0),
    "rank one": np.r_[2.0, np.zeros(399)],
    "rank three, negative": np.r_[-3.0, -2.0, -1.0, np.zeros(397)],
    "tiny": 1e-30 * np.r_[3.0, 2.0, np.ones(398)],
    "huge": 1e30 * np.r_[3.0, 2.0, np.ones(398)],
}


@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
@pytest.mark.parametrize("name", MANY)
def test_top_of_degenerate_matrices(name: str, which: Any) -> None:
    """Catches: a traceback of ARPACK's, or eigenvalues that are not there."""
    h = MANY[name]
    for k in (1, 3):
        found = top(operator(np.diag(h)), k, which)
        order = {"largest": -h, "smallest": h, "magnitude": -abs(h)}[which]
        wanted = h[np.argsort(order, kind="stable")[:k]]
        assert found.values == pytest.approx(wanted, rel=1e-4, abs=1e-4 * abs(h).max())
        np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(k), atol=1e-8)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_everything_of_tiny_matrices(size: int) -> None:
    """Catches: an index or a division that takes four numbers or more."""
    h = np.arange(1.0, size + 1)
    A = operator(np.diag(h))
    assert top(A).values == pytest.approx([size])
    assert trace(A).value == pytest.approx(h.sum())
    assert frobenius_norm(A).value == pytest.approx(np.linalg.norm(h))
    assert_density(spectral_density(A, width=0.3), h.mean())
    assert 1 <= effective_dimension(h) <= size


def assert_density(found: Any, mean: float) -> None:
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1, abs=1e-5)
    assert np.trapezoid(found.density * found.grid, found.grid) == pytest.approx(
        mean, abs=1e-3 * max(abs(mean), found.width)
    )


@pytest.mark.parametrize("name", MANY)
def test_density_integrates_to_one(name: str) -> None:
    """Catches: a default width or a grid that are nothing beside the eigenvalues, or hide them."""
    h = MANY[name]
    found = spectral_density(operator(np.diag(h)), depth=8)
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1, abs=1e-5)
    assert 0 < found.width <= (0.1 * abs(h).max() or 1e-3)


class TestWidth:
    A = operator(np.diag(np.linspace(0, 1, 40)))

    @pytest.mark.parametrize("width", [0, -1, np.inf, np.nan, 1e308, "a"])
    def test_that_is_none_is_refused(self, width: Any) -> None:
        """Catches: a density of NaN."""
        with pytest.raises(SettingsError, match="width"):
            spectral_density(self.A, width=width)

    @pytest.mark.parametrize(("width", "points"), [(1e-3, 512), (0.1, 5), (None, 2), (0.02, 50)])
    def test_below_the_grid_is_refused_with_what_would_do(
        self, width: float | None, points: int
    ) -> None:
        """Catches: an integral far from 1, where a peak falls between two points."""
        with pytest.raises(SettingsError, match=r"at least [0-9,]+ points") as caught:
            spectral_density(self.A, depth=40, width=width, points=points)
        enough = int(
            re.findall(r"at least ([0-9,]+) points", str(caught.value))[0].replace(",", "")
        )
        found = spectral_density(self.A, depth=40, width=width, points=enough)
        assert_density(found, 0.5)

    def test_below_rounding_is_refused(self) -> None:
        """Catches: a grid whose points are all the same number."""
        with pytest.raises(SettingsError, match="float32 products resolve"):
            spectral_density(operator(np.eye(300)), width=1e-12)

    def test_beyond_the_spectrum_is_as_it_says(self) -> None:
        """Catches: a wide density cut off."""
        assert_density(spectral_density(self.A, width=1e6), 0.5)


def wiggle(kind: str) -> tuple[soret.Problem, Any]:
    """Return a problem whose gradient is not finite at w = 0, at some examples."""
    x = np.random.default_rng(0).normal(size=(8, 3))
    if kind == "one example":
        x[3] = 0
    predict = {
        "norm": lambda p, x: jnp.linalg.norm(p["w"] * x),
        "root": lambda p, x: jnp.sum(jnp.sqrt(jnp.abs(p["w"])) * x),
        "one example": lambda p, x: jnp.linalg.norm(x + p["w"]),
    }[kind]
    problem = soret.Problem(
        lambda key: {"w": jnp.zeros(3)}, predict, "mean_square", soret.Dataset("r", x, x[:, 0])
    )
    return problem, {"w": np.zeros(3, np.float32)}


ASKED: dict[str, Callable[[Any], Any]] = {
    "trace": lambda N: N.trace,
    "gradient": lambda N: N.gradient,
    "gradient_squared": lambda N: N.gradient_squared,
    "noise_strength": lambda N: N.noise_strength,
    "diagonal": lambda N: N.diagonal,
    "signal_to_noise": lambda N: N.signal_to_noise,
    "simple_critical_batch_size": lambda N: N.simple_critical_batch_size,
    "spectrum": lambda N: N.spectrum(),
    "gram": lambda N: N.gram(),
    "dense": lambda N: N.dense(),
    "top": lambda N: N.top(),
    "frobenius_norm": lambda N: N.frobenius_norm(),
    "spectral_density": lambda N: N.spectral_density(),
}


class TestGradientsThatAreNotFinite:
    @pytest.mark.parametrize("kind", ["norm", "root", "one example"])
    @pytest.mark.parametrize("centred", [True, False])
    def test_are_refused_whatever_is_asked(self, kind: str, centred: bool) -> None:
        """Catches: a NaN for a trace, a critical batch size or a spectrum."""
        noise = gradient_noise(*wiggle(kind), centred=centred)
        for name, ask in ASKED.items():
            with pytest.raises(ConvergenceError, match="not finite"):
                print(name, ask(noise))

    def test_are_said_where(self) -> None:
        """Catches: a refusal that does not help to find the place."""
        noise = gradient_noise(*wiggle("one example"))
        with pytest.raises(ConvergenceError, match=r"3 of 3 numbers, the first of them in \['w'\]"):
            _ = noise.trace
        noise = gradient_noise(*wiggle("one example"), centred=False)
        with pytest.raises(ConvergenceError, match="gradient of example 3 of 8"):
            noise.gram()

    def test_of_a_hessian_and_its_flatness(self) -> None:
        """Catches: a traceback, or a number for what is none."""
        problem, params = wiggle("norm")
        with pytest.raises(ConvergenceError, match="products with the Hessian are not finite"):
            hessian(problem, params).trace()
        with pytest.raises(ConvergenceError, match="not finite"):
            soret.landscape.noisy_modes(problem, params)
        assert np.isnan(flatness(problem, np.zeros(3), progress=False)[:6]).all()


@pytest.mark.parametrize("size", [1e-25, 1e-15, 1.0, 1e15, 1e25])
def test_noise_of_any_size(size: float) -> None:
    """Catches: a variance that is zero or infinite since its squares leave float32."""
    x = np.random.default_rng(0).normal(size=(20, 3)) * size
    problem = soret.Problem(
        lambda key: jnp.zeros(3), lambda w, x: w @ x, lambda o, y: o,
        soret.Dataset("scaled", x, x[:, 0]),
    )  # fmt: skip
    noise = gradient_noise(problem, np.zeros(3, np.float32))
    assert noise.trace == pytest.approx(np.float32(x).astype(float).var(0).sum(), rel=1e-5)
    assert np.isfinite(noise.signal_to_noise)


class TestConstantData:
    problem = soret.Problem(
        lambda key: {"w": jnp.ones(3)}, lambda p, x: jnp.sum(p["w"] * x), "mean_square",
        soret.Dataset("same", np.full((300, 3), 0.7), np.full(300, 0.3)), fixed_start=True,
    )  # fmt: skip
    params: ClassVar = {"w": np.ones(3, np.float32)}

    def test_has_no_noise(self) -> None:
        """Catches: rounding for noise; a ratio over it."""
        noise = gradient_noise(self.problem, self.params)
        assert 0 <= noise.trace < 1e-10
        assert noise.top().values[0] == pytest.approx(0, abs=1e-10)

    def test_has_no_negative_noise_strength(self) -> None:
        """Catches: a mean square below zero by rounding."""
        run = soret.simulate(
            self.problem,
            soret.SGD(1e-3),
            observe=[soret.observables.noise_strength, soret.observables.gradient_variance],
            steps=20,
            replicas=2,
            progress=False,
        )
        assert (run.noise_strength >= 0).all()
        assert (run.gradient_variance >= 0).all()

    def test_of_one_example(self) -> None:
        """Catches: a division by n − 1 = 0; and a whole data set of one, which has no noise."""
        one = soret.Dataset("one", np.ones((1, 3)), np.zeros(1, np.float32))
        problem = soret.Problem(self.problem.init, self.problem.predict, "mean_square", one)
        assert gradient_noise(problem, self.params).trace == 0
        with pytest.raises(SettingsError, match="at least 2 examples"):
            gradient_noise(self.problem, self.params, examples=1)
        with pytest.raises(SettingsError, match="at least 2 examples"):
            soret.landscape.noisy_modes(self.problem, self.params, examples=1)


@pytest.mark.parametrize("wrong", [[0.0, 0.0], [-1.0, 2.0], [np.nan], [], [[1.0]]])
def test_no_effective_dimension(wrong: list) -> None:
    """Catches: a dimension of nothing."""
    with pytest.raises(SettingsError):
        effective_dimension(wrong)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e308])
def test_effective_dimension_of_any_size(scale: float) -> None:
    """Catches: a sum that overflows."""
    for form in ("participation", "entropy"):
        assert effective_dimension(np.full(4, scale), form) == pytest.approx(4)


class TestDecoupling:
    def measure(self, w: float, x: Any, y: Any) -> soret.landscape.Decoupling:
        problem = soret.Problem(
            lambda key: {"w": jnp.zeros(1)},
            lambda p, x: (p["w"] * x)[0],
            "mean_square",
            soret.Dataset("few", np.reshape(x, (-1, 1)).astype(float), np.asarray(y, float)),
        )
        return soret.landscape.decoupling(problem, {"w": np.full(1, w, np.float32)})

    @pytest.mark.parametrize(
        ("w", "x", "y", "zero"),
        [
            (1.0, [1, 2, 3], [1, 2, 3], "loss"),
            (0.0, [1, 2], [0, 0], "loss"),
            (1.0, [0, 0], [1, 2], "gradient of the output"),
        ],
    )
    def test_of_nothing_is_refused(self, w: float, x: Any, y: Any, zero: str) -> None:
        """Catches: 0/0 at zero loss, or where no gradient is left."""
        found = self.measure(w, x, y)
        assert (found.exact == 0).all()
        for name in ("trace_ratio", "distance"):
            with pytest.raises(ConvergenceError, match=f"the {zero} is zero at all"):
                getattr(found, name)

    def test_of_one_example_is_exact(self) -> None:
        """Catches: a ratio other than 1 where there is nothing to average."""
        found = self.measure(2.0, [1], [0])
        assert found.trace_ratio == pytest.approx(1)
        assert found.distance == pytest.approx(0, abs=1e-6)


class TestLinesAndPlanes:
    net = soret.problems.dense(hidden=(), data="digits")
    a, b, c = np.random.default_rng(0).normal(0, 0.1, (3, 650))

    @pytest.mark.parametrize(
        ("call", "match"),
        [
            (lambda t: line(t.net, t.a, t.a), "the same point"),
            (lambda t: line(t.net, np.stack([t.a, t.b]), np.stack([t.b, t.b])), "the same point"),
            (lambda t: line(t.net, t.a, t.b, [0, np.inf]), "finite numbers"),
            (lambda t: line(t.net, t.a, t.b, [0, 1e300]), "numbers of float32"),
            (lambda t: line(t.net, 1e200 * t.a, t.b), "`start` must hold numbers of float32"),
            (lambda t: line(t.net, ["a"], t.b), "`start` must be an array of real numbers"),
            (lambda t: plane(t.net, t.a, t.b, np.nan * t.c), "finite numbers"),
            (lambda t: plane(t.net, t.a, t.b, t.c, margin=np.inf), "`margin` must be"),
            (lambda t: plane(t.net, 0 * t.a, t.b, t.c, filter_normalized=True), "vanishes"),
            (lambda t: soret.landscape.evaluate(t.net, "abc"), "array of real numbers"),
        ],
    )
    def test_that_are_none_are_refused(self, call: Any, match: str) -> None:
        """Catches: a constant curve, or NaN, for the loss along a line."""
        with pytest.raises(SettingsError, match=match):
            call(self)

    def test_ends_nearer_than_float32_resolves_are_a_line(self) -> None:
        """Catches: two points called the same since float32 rounds them to one."""
        near = self.a * (1 + 1e-9)
        found = line(self.net, self.a, near, [0.0, 1.0], 10, progress=False)
        assert 0 < found.distance < 1e-7
