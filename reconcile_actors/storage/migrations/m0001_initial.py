"""The first tables. All are STRICT, so that a wrong type is refused and not converted; amounts are exact decimal text (I2).

The triggers are a courtesy against slips of the hand. They are not security: whoever can write the file can drop them;
what shows an edit is the signed audit log.
"""

from typing import Final

from reconcile_actors.audit.tables import AUDIT_TABLES

_LEDGER_TABLES: Final = (
    """
    CREATE TABLE movement(
      exchange TEXT NOT NULL,
      version INTEGER NOT NULL CHECK(version > 0),
      wallet TEXT NOT NULL,
      type TEXT NOT NULL,
      id TEXT,
      instrument TEXT,
      order_id TEXT,
      side TEXT,
      effects TEXT NOT NULL,
      pending INTEGER NOT NULL CHECK(pending IN (0, 1)),
      occurred_at INTEGER,
      recorded_at INTEGER NOT NULL,
      message TEXT NOT NULL,
      seq INTEGER NOT NULL REFERENCES log(seq),
      PRIMARY KEY(exchange, version)
    ) STRICT
    """,
    "CREATE INDEX movement_by_id ON movement(exchange, id) WHERE id IS NOT NULL",
    """
    CREATE TABLE book_state(
      exchange TEXT NOT NULL PRIMARY KEY,
      version INTEGER NOT NULL,
      body TEXT NOT NULL,
      at INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE discrepancy(
      id TEXT NOT NULL PRIMARY KEY,
      exchange TEXT NOT NULL,
      wallet TEXT NOT NULL,
      currency TEXT NOT NULL,
      field TEXT NOT NULL,
      episode INTEGER NOT NULL,
      kind TEXT NOT NULL,
      severity TEXT NOT NULL,
      local TEXT,
      exchange_value TEXT,
      difference TEXT NOT NULL,
      value_usd TEXT,
      tolerance TEXT NOT NULL,
      cause TEXT,
      state TEXT NOT NULL,
      detected_at INTEGER NOT NULL,
      confirmed_at INTEGER,
      resolved_at INTEGER,
      evidence TEXT NOT NULL,
      price_source TEXT,
      price_at INTEGER,
      seq INTEGER NOT NULL REFERENCES log(seq),
      UNIQUE(exchange, wallet, currency, field, episode)
    ) STRICT
    """,
    """
    CREATE INDEX discrepancy_open ON discrepancy(exchange, detected_at)
    WHERE state NOT IN ('resolved', 'ignored')
    """,
    """
    CREATE TABLE report(
      id INTEGER PRIMARY KEY,
      exchange TEXT NOT NULL,
      at INTEGER NOT NULL,
      status TEXT NOT NULL,
      unknown_reason TEXT,
      book_version INTEGER NOT NULL,
      snapshot_digest TEXT,
      raw_digest TEXT,
      duration_us INTEGER NOT NULL,
      seq INTEGER NOT NULL REFERENCES log(seq),
      body TEXT
    ) STRICT
    """,
    "CREATE INDEX report_by_exchange ON report(exchange, id)",
    """
    CREATE TABLE outbox(
      id INTEGER PRIMARY KEY,
      kind TEXT NOT NULL,
      body TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      done_at INTEGER
    ) STRICT
    """,
    "CREATE INDEX outbox_pending ON outbox(id) WHERE done_at IS NULL",
    "CREATE TABLE control(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT",
)

_TRIGGERS: Final = tuple(
    f"CREATE TRIGGER {table}_keeps_{event.lower()} BEFORE {event} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for table in ("log", "node", "checkpoint", "movement")
    for event in ("UPDATE", "DELETE")
)

STATEMENTS: Final[tuple[str, ...]] = (*AUDIT_TABLES, *_LEDGER_TABLES, *_TRIGGERS)
