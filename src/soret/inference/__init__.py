"""From numbers to exponents with intervals."""

from soret.inference.collapse import Collapse, collapse
from soret.inference.dependence import Growth, power_or_exponential
from soret.inference.diffusion import LagDisplacement, diffusion_exponent, squared_displacement
from soret.inference.distance import CurveDistance, curve_distance
from soret.inference.entropy import pair_entropy
from soret.inference.gaussianity import Gaussianity, gaussianity
from soret.inference.isotropy import isotropy
from soret.inference.mean import student_interval
from soret.inference.oscillation import Oscillation, oscillation, power_spectrum
from soret.inference.passage_growth import (
    PassageGrowth,
    local_exponent,
    passage_growth,
)
from soret.inference.power import mean_power
from soret.inference.radial import RadialFit, expected_exponent, histogram_p, radial_fit
from soret.inference.ratio import RatioDependence, ratio_dependence
from soret.inference.slope import LocalSlope, Slope, local_slope, loglog_slope
from soret.inference.smooth_function import function_of_means
from soret.inference.stationarity import Stationarity, stationarity
from soret.inference.survival import (
    MeanPassage,
    Survival,
    mean_passage,
    mean_passages,
    survival_curve,
)
from soret.inference.tails import PowerTail, power_tail

__all__ = [
    "Collapse",
    "CurveDistance",
    "Gaussianity",
    "Growth",
    "LagDisplacement",
    "LocalSlope",
    "MeanPassage",
    "Oscillation",
    "PassageGrowth",
    "PowerTail",
    "RadialFit",
    "RatioDependence",
    "Slope",
    "Stationarity",
    "Survival",
    "collapse",
    "curve_distance",
    "diffusion_exponent",
    "expected_exponent",
    "function_of_means",
    "gaussianity",
    "histogram_p",
    "isotropy",
    "local_exponent",
    "local_slope",
    "loglog_slope",
    "mean_passage",
    "mean_passages",
    "mean_power",
    "oscillation",
    "pair_entropy",
    "passage_growth",
    "power_or_exponential",
    "power_spectrum",
    "power_tail",
    "radial_fit",
    "ratio_dependence",
    "squared_displacement",
    "stationarity",
    "student_interval",
    "survival_curve",
]
