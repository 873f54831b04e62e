"""Compare where nets begin with the ticks of the paper's axes, in docs/thermophoresis.md.

`python docs/hooks/starting_values.py`: for each initialization the means over replicas, before the
first step, of what Fig. 2 middle, Fig. 3 and Fig. 4 of the thermophoresis paper show. A minute.
"""

import sys
from pathlib import Path

import soret
from soret.errors import SoretError
from soret.runs.files import write_text

PAGE = Path(__file__).parents[1] / "thermophoresis.md"
BEGIN, END = "<!-- starting values -->\n", "<!-- /starting values -->\n"
INITIALIZATIONS = {
    "pytorch": "PyTorch's default",
    "glorot": "Glorot, uniform",
    "lecun": "LeCun",
    "he": "He",
    "normal": "standard normal",
}
# What can be read of the axes: the least and the greatest tick.
TICKS = {
    "activation rate (Fig. 3)": (0.20, 0.50),
    "‖V‖ (Fig. 4)": (0.6, 1.0),
    "gradient variance (Fig. 2 middle)": (1.0e-4, 1.6e-4),
}
TWO_LAYER, DEEP = 1024, 64


def starting_values(init: str) -> list[float]:
    """Return the means over replicas before the first step, in the order of `TICKS`."""
    rate, norm = soret.observables.activation_rate, soret.observables.weight_norm
    shallow = start(soret.problems.two_layer(10, 10, init=init), [rate, norm], TWO_LAYER)
    variance = soret.observables.gradient_variance_over(256)
    deep = start(soret.problems.dense(100, (100,) * 5, init=init), variance, DEEP)
    values = shallow.activation_rate, shallow.weight_norm, deep.gradient_variance
    return [float(value.isel(step=0).mean()) for value in values]


def start(problem: soret.Problem, observe: object, replicas: int) -> object:
    """Observe replicas before the first of one step."""
    return soret.simulate(
        problem, soret.SGD(0.01), observe=observe, steps=1, record_every=1, replicas=replicas
    )


def table() -> str:
    """Lay out the table: a value within the ticks, or a twentieth of one beyond, is bold."""
    lines = [f"| | {' | '.join(TICKS)} |", "|---" * (1 + len(TICKS)) + "|"]
    ticks = [f"{low:.2g} to {high:.2g}" for low, high in TICKS.values()]
    lines.append(f"| ticks | {' | '.join(ticks)} |")
    for init, words in INITIALIZATIONS.items():
        cells = []
        for value, (low, high) in zip(starting_values(init), TICKS.values(), strict=True):
            near = low / 1.05 <= value <= high * 1.05
            cells.append(f"**{value:.2g}**" if near else f"{value:.2g}")
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(page: Path = PAGE) -> int:
    """Write the table between the two marks; return the exit status."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        print(f"starting_values: {page} has no place for the table.", file=sys.stderr)
        return 2
    try:
        write_text(page, before + begin + table() + end + after)
    except SoretError as error:
        print(f"starting_values: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
