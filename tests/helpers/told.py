"""What a claim's judge says of made data, statement by statement."""

from soret.claims.finding import assigned, conclude


def told(claim, runs):
    """Return the verdict on each statement that has a result, in words."""
    found = conclude(claim, assigned(claim, claim.judge(runs)))
    return {one.name: str(one.verdict) for one in found if one.verdict is not None}
