"""The negative control: a test without power supports nothing."""

from dataclasses import replace

from soret.claims.running import _judge
from soret.verdict import Result, Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def test_support_without_power_is_inconclusive():
    """Where the rival's data would be supported too, support is worth nothing."""
    supported = Result("q", 2.0, 2.0, (1.9, 2.1), 1.0, S)

    class Blind:
        def judge(self, runs):
            return [supported]

        def control(self, runs):
            return runs

    (result,) = _judge(Blind(), {})
    assert result.verdict is N
    assert "rival" in result.note

    class Sharp(Blind):
        def judge(self, runs):
            return [replace(supported, verdict=S if runs == "data" else C)]

        def control(self, runs):
            return "made by the rival"

    assert _judge(Sharp(), "data")[0].verdict is S
