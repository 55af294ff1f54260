"""Where randomness comes from: one generator for each purpose, derived from the seed and the purpose's name."""

from random import Random


def seeded(*parts: object) -> Random:
    """A generator that depends on `parts` alone, so that two purposes never share a stream and a run can be repeated."""
    return Random("/".join(str(part) for part in parts))  # noqa: S311 - a simulation must be repeatable, not unpredictable
