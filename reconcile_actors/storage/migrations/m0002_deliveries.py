"""What each alert sink was told last, by condition: so that a restart neither forgets nor repeats an alert."""

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE delivery(
      sink TEXT NOT NULL,
      key TEXT NOT NULL,
      event TEXT NOT NULL,
      outcome TEXT NOT NULL CHECK(outcome IN ('acknowledged', 'failed')),
      said TEXT,
      at INTEGER NOT NULL,
      PRIMARY KEY(sink, key)
    ) STRICT
    """,
)
