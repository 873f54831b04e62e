"""What a judge says of each statement of a claim, for tests with data whose answer is known."""

from soret.claims.finding import assigned, conclude


def by_statement(claim, results):
    """Return the verdict on each statement by name; None where none of the results is its."""
    told = conclude(claim, assigned(claim, results))
    return {statement.name: statement.verdict for statement in told}
