"""How long an answer has been waited for: time in which nobody could ask for it is no waiting."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

BREAKS_MAX: Final = 100


@dataclass(slots=True)
class Patience:
    """When somebody could be asked, in monotonic us: always but for the breaks, of which only the newest are kept.

    `_broke_us` is when the break that is still on began.
    """

    _breaks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=BREAKS_MAX))
    _broke_us: int | None = None

    def note(self, now_us: int, *, askable: bool) -> None:
        """How it is from now on."""
        if not askable:
            self._broke_us = now_us if self._broke_us is None else self._broke_us
        elif self._broke_us is not None:
            self._breaks.append((self._broke_us, now_us))
            self._broke_us = None

    def since(self, now_us: int, waited_us: int) -> int:
        """The newest instant from which on one could ask for so long altogether."""
        end_us = now_us if self._broke_us is None else self._broke_us
        for began_us, ended_us in reversed(self._breaks):
            if end_us - ended_us >= waited_us:
                break
            waited_us -= end_us - ended_us
            end_us = began_us
        return end_us - waited_us
