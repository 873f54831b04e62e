"""An unbiased walk whose steps depend on where it is carries mass towards smaller steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import (
    Declared,
    Experiments,
    Given,
    Measurement,
    Result,
    Runs,
    Source,
    Statement,
    claim,
)
from soret.claims.judging import RATIO_TOLERANCE, judge_number, judge_power, judged, near
from soret.claims.ranges import COUNT, REPLICAS, In, Several

if TYPE_CHECKING:
    import xarray as xr

# Walks on a line, and of lines that are all parallel: the same but for a rotation.
_ONE_DIMENSION = ("linear", "exponential", "parallel")
_TOLERANCE = (
    "10 % of the flow: the factors in question are ½, ⅔ and 3/2, and at the smallest η what the "
    "formula leaves out is below 1 %."
)


@claim(
    "thermophoresis/random-walk-flow",
    statement="A fair walk q ← q − ηζg(q), one sign ζ for all coordinates, carries the mass flow "
    "of Eq. 10: proportional to η², with the Soret coefficient −η² Σ g_i g_j ∂_j g_i / |g|.",
    source=Source("thermophoresis", "Sec. 3, Eq. 4–12, 34–35; App. A.2–A.4"),
    quick={"pairs": 4096, "replicas": 128},
    resolution=["pairs"],
    statements=[
        Statement(
            name="power",
            text="From an even density a fair walk whose steps depend on the place carries a flow "
            "proportional to η².",
            where="Sec. 3, Eq. 10 and 12",
            origin="printed",
            tolerance="0.25 in the exponent, a quarter of the way to the rival's.",
            holds="the flow of fair walks goes as η² (exponent {measured} where furthest off)",
            fails="the flow of fair walks does not go as η² in {failed} of {count} walks (exponent "
            "{measured}, {low} to {high})",
            unclear="whether the flow of fair walks goes as η² is undecided (exponent {low} to "
            "{high})",
        ),
        Statement(
            name="free-paths",
            text="Mass that just reaches a place in one step comes from further away on one side "
            "than on the other, by 2η² Σ g_j ∂_j g_i.",
            where="Sec. 3, Eq. 9; App. A.2",
            origin="printed",
            tolerance="10 % at the smallest η: what Eq. 9 leaves out is smaller by a factor of "
            "order η or less.",
            holds="mean free paths differ between the sides by what Eq. 9 says ({measured} of it "
            "where furthest off)",
            fails="mean free paths differ between the sides by {measured} ({low} to {high}) of "
            "what Eq. 9 says",
            unclear="whether mean free paths differ as Eq. 9 says is undecided ({low} to {high} "
            "of it)",
        ),
        Statement(
            name="one-dimension",
            text="In one dimension its Soret coefficient is −(η²/2)(g²)′.",
            where="App. A.4, Eq. 34 and 35; Eq. 12 along parallel lines",
            origin="printed",
            tolerance=_TOLERANCE,
            holds="the Soret coefficient is right in one dimension and along parallel lines "
            "({measured} of it where furthest off)",
            fails="the Soret coefficient is wrong in one dimension or along parallel lines: the "
            "flow is {measured} ({low} to {high}) of it",
            unclear="whether the Soret coefficient is right in one dimension is undecided (the "
            "flow is {low} to {high} of it)",
        ),
        Statement(
            name="more-dimensions",
            text="In more dimensions its Soret coefficient is −η² Σ g_i g_j ∂_j g_i / |g|.",
            where="Sec. 3, Eq. 10 and 12",
            origin="printed",
            tolerance=_TOLERANCE,
            holds="the Soret coefficient is right in more dimensions ({measured} of it where "
            "furthest off)",
            fails="the Soret coefficient is wrong where lines of g spread or bend: the flow is "
            "{measured} ({low} to {high}) of it",
            unclear="whether the Soret coefficient is right where lines of g spread or bend is "
            "undecided (the flow is {low} to {high} of it)",
        ),
        Statement(
            name="diffusion",
            text="From an uneven density the flow also has a diffusive part, −η² |g| Σ g_i ∂_i ρ.",
            where="Sec. 3, Eq. 10; App. A.3",
            origin="printed",
            tolerance=_TOLERANCE,
            holds="from uneven densities Eq. 10, diffusion included, is right ({measured} of it "
            "where furthest off)",
            fails="from uneven densities Eq. 10, diffusion included, is wrong: the flow is "
            "{measured} ({low} to {high}) of it",
            unclear="whether Eq. 10, diffusion included, is right from uneven densities is "
            "undecided (the flow is {low} to {high} of it)",
        ),
        Statement(
            name="exact-flow",
            text="The flow is that of Itô's calculus, −½η² Σ_j ∂_j(g_i g_j ρ).",
            where="not in the paper, which derives its own",
            origin="ours",
            tolerance=_TOLERANCE,
            holds="the exact flow, −½η² Σ ∂_j(g_i g_j ρ), is seen in {held} of {count} cases",
            fails="the exact flow is not seen in {failed} of {count} cases ({measured}, {low} to "
            "{high}, of it)",
            unclear="whether the exact flow is seen is undecided ({low} to {high} of it)",
        ),
    ],
)
class RandomWalkFlow:
    """Walkers at a known density take one step of SGD; their flow through a window is counted.

    From a uniform density nothing diffuses and the flow is thermophoresis alone; a walk with
    constant g from a tilted density diffuses alone. Every flow is compared with Eq. 10 as printed
    and with the exact Itô flux −½η² ∂_j(g_i g_j ρ). They agree on thermophoresis where the lines of
    g are parallel, as in one dimension, and nowhere on diffusion, where Eq. 10 has twice as much
    (`soret.theory.thermophoresis.walk`). So that the test has something to find, two of the
    walks in two dimensions have lines that spread or close in; all g have ∂_i g_j ≥ 0, as Eq. 7
    wants. "Hidden unit" is the paper's own: (V, b) of Sec. 5 with ‖W‖ = 1. Eq. 9, on the way to
    Eq. 10, is a statement about lengths, for which nobody needs to walk: they are solved for.
    """

    learning_rates: Annotated[
        tuple[float, ...],
        "learning rates η, at most 0.1",
        Several(
            In(above=0, at_most=0.1, why="no walker from outside the box to reach the window"),
            fewest=2,
        ),
    ] = (
        0.1,
        0.05,
        0.025,
    )
    walks: Annotated[
        tuple[
            Literal[
                "constant",
                "linear",
                "exponential",
                "parallel",
                "spreading",
                "closing",
                "hidden unit",
            ],
            ...,
        ],
        "constant, linear, exponential, parallel, spreading, closing, hidden unit",
        Several(),
    ] = ("constant", "linear", "exponential", "parallel", "spreading", "closing", "hidden unit")
    pairs: Annotated[int, "pairs of walkers in a population", COUNT] = 16384
    replicas: Annotated[int, "populations", REPLICAS] = 256

    def experiments(self) -> Experiments:
        """Take one step from a uniform and from a tilted density."""
        from soret.claims.thermophoresis._walks import TILT, WALKS

        made: dict[str, Declared] = {
            f"{name}/{density}": soret.Experiment(
                problem=soret.problems.random_walk(
                    walk.field,
                    walk.dimensions,
                    pairs=self.pairs,
                    tilt=TILT if density == "tilted" else 0.0,
                    name=f"{name} walk",
                ),
                algorithm=soret.SGD(self.learning_rates),
                observe=soret.observables.window_flow(walk.field),
                steps=1,
                replicas=self.replicas,
            )
            for name, walk in ((name, WALKS[name]) for name in self.walks)
            for density in walk.densities
        }
        if self._uneven:
            made["free-paths"] = Measurement(self._free_paths)
        return made

    def _free_paths(self, given: Given) -> xr.Dataset:
        """Return how far mean free paths differ over Eq. 9."""
        import xarray as xr

        from soret.claims.thermophoresis._walks import WALKS, free_path_ratios

        dims = ("learning_rate", "point")
        values = {
            name.replace(" ", "_"): (
                dims,
                np.array([free_path_ratios(WALKS[name], rate) for rate in self.learning_rates]),
            )
            for name in self._uneven
        }
        return xr.Dataset(values, {"learning_rate": list(self.learning_rates)})

    @property
    def _uneven(self) -> tuple[str, ...]:
        """Walks whose steps depend on where they are."""
        return tuple(name for name in self.walks if name != "constant")

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: η², and Eq. 10. Rivals: η¹, no flow, and where they differ the Itô flux.

        Ratios are taken at the smallest η, where what the formulas leave out, of order η⁴, is
        smallest.
        """
        from soret.claims.thermophoresis._walks import WALKS, predict

        results = []
        for name, run in _walked(runs).items():
            walk, _, density = name.partition("/")
            flows = _flows(run)
            rates = run.learning_rate.values
            predicted = predict(WALKS[walk], density)
            where = f"{walk} walk, {density} density"
            if density == "uniform":
                along = flows[..., -1]
                results.append(
                    judge_power(
                        f"exponent of η in the flow ({where})",
                        rates,
                        along,
                        predicted=2.0,
                        rival=1.0,
                        statement="power",
                    )
                )
            weakest = int(rates.argmin())
            scaled = flows[weakest] / rates[weakest] ** 2
            ratio = predicted.ito[-1] / predicted.printed
            rival = round(float(ratio), 4) if abs(ratio - 1) > 1e-6 else 0.0
            even = "one-dimension" if walk in _ONE_DIMENSION else "more-dimensions"
            results += [
                judge_number(
                    f"flow over Eq. 10 ({where})",
                    scaled[:, -1] / predicted.printed,
                    predicted=1.0,
                    rival=rival,
                    statement=even if density == "uniform" else "diffusion",
                ),
                judge_number(
                    f"flow over the Itô flux ({where})",
                    scaled[:, -1] / predicted.ito[-1],
                    predicted=1.0,
                    rival=0.0 if rival == 0 else round(1 / float(ratio), 4),
                    note="; ".join(
                        f"component {i + 1}: {scaled[:, i].mean() / predicted.ito[i]:.3f}"
                        for i in range(WALKS[walk].dimensions)
                    ),
                    statement="exact-flow",
                ),
            ]
        if "free-paths" in runs:
            results += [_judge_free_paths(one) for one in runs["free-paths"].values()]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return flows that are linear in η, with the run's noise, and paths that do not differ."""
        made = {}
        if "free-paths" in runs:
            made["free-paths"] = 0 * runs["free-paths"]
        for name, run in _walked(runs).items():
            flow, rates = run.flow, run.learning_rate
            mean = flow.mean("replica")
            linear = mean.sel(learning_rate=rates.max()) * rates / rates.max()
            made[name] = run.assign(flow=(flow - mean + linear).transpose(*flow.dims))
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Flows against η, and their ratios to the two formulas."""
        from soret.claims.thermophoresis._random_walk_flow_figure import FlowCurve, flow_figure
        from soret.claims.thermophoresis._walks import WALKS

        curves = [
            FlowCurve(
                f"{name.partition('/')[0]}, {WALKS[name.partition('/')[0]].formula}",
                run.learning_rate.values,
                -_flows(run)[..., -1],
            )
            for name, run in _walked(runs).items()
            if name.endswith("uniform")
        ]
        return {"flow": flow_figure(curves, results, "Flow of fair walks along g, one step")}


def _walked(runs: Runs) -> dict[str, xr.Dataset]:
    """Return the walks that were made."""
    return {name: run for name, run in runs.items() if name != "free-paths"}


def _judge_free_paths(ratio: xr.DataArray) -> Result:
    """Test Eq. 9 at the smallest η; the interval is the range over the points."""
    weakest = ratio.sel(learning_rate=ratio.learning_rate.min()).values
    off = abs(ratio - 1).mean("point").transpose("learning_rate").values
    orders = np.log(off[0] / off[-1]) / np.log(
        ratio.learning_rate.values[0] / ratio.learning_rate.values[-1]
    )
    return judged(
        f"difference of mean free paths over Eq. 9 ({str(ratio.name).replace('_', ' ')} walk)",
        float(weakest.mean()),
        (float(weakest.min()), float(weakest.max())),
        interval_is="range over places",
        predicted=1.0,
        rival=0.0,
        within=near(1.0, RATIO_TOLERANCE),
        note=f"off by a share that goes as η^{orders:.2f}" if off.min() > 1e-9 else "exact",
        statement="free-paths",
    )


def _flows(run: xr.Dataset) -> Any:
    """Return flows in one step, (η, replica, n + 1), float64."""
    return run.flow.isel(step=-1).transpose("learning_rate", "replica", ...).values.astype(float)
