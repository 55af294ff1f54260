"""What answers looked like, so that the same answer after later movements is known for lag and not taken for loss."""

from dataclasses import dataclass, field
from typing import Final

from reconcile_actors.domain.comparison import Question, Vector, newest_difference
from reconcile_actors.domain.confirmation import near
from reconcile_actors.domain.cuts import Reach, TooManyCutsError, admissible_cuts
from reconcile_actors.domain.snapshot import Bracket, Snapshot

ANSWERS_MAX: Final = 64


@dataclass(slots=True)
class Answers:
    """By content, the first read that gave an answer since it last agreed with the book; the newest answers only (I12)."""

    _first: dict[str, Bracket] = field(default_factory=dict)

    def remember(self, snapshot: Snapshot) -> None:
        """Keeps what an answer looked like."""
        self._first.setdefault(snapshot.digest, snapshot.bracket)
        if len(self._first) > ANSWERS_MAX:
            del self._first[next(iter(self._first))]

    def refresh(self, snapshot: Snapshot) -> None:
        """The answer is what it should be now: it counts from here."""
        self._first.pop(snapshot.digest, None)
        self.remember(snapshot)

    def is_repeated(self, question: Question, joint: frozenset[Vector]) -> bool:
        """Whether the same answer was given before, although the book says that it must have changed since.

        The book moved if no state that it had then is one that it may have now. Beyond the recent versions nothing is known.
        """
        first = self._first.get(question.snapshot.digest)
        if first is None or not joint or first.requested_us >= question.snapshot.bracket.requested_us:
            return False
        reach = Reach.of(first, question.bounds)
        if not question.knows_since(reach.earliest_us):
            self.refresh(question.snapshot)
            return False
        difference = newest_difference(question)
        then = set()
        try:
            for _ in admissible_cuts(question.window, reach, question.bounds, difference):
                then.add(frozenset(difference.amounts.items()))
        except TooManyCutsError:
            return False
        return not near(joint, frozenset(then), question.tolerances)
