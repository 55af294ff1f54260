"""DDL of the log's tables, for the storage migration that creates them.

`log` holds each leaf's exact bytes; `seq` starts at 0 and has no gap. `node` holds complete Merkle nodes of level 1 and
above (level 0 is `log.leaf_hash`). `checkpoint` holds one signed note for each committed batch. `payload` is the erasable
part: deleting its row leaves the leaf's salted commitment. `anchor` keeps what others said of the log (cosignatures, time
stamps); it is evidence to be judged by its own rules and no part of the hashed log.
"""

from typing import Final

LOG_TABLE: Final = """
CREATE TABLE log(
  seq INTEGER PRIMARY KEY,
  leaf BLOB NOT NULL,
  leaf_hash BLOB NOT NULL CHECK(length(leaf_hash)=32)
) STRICT
"""

NODE_TABLE: Final = """
CREATE TABLE node(
  level INTEGER,
  idx INTEGER,
  hash BLOB CHECK(length(hash)=32),
  PRIMARY KEY(level,idx)
) STRICT, WITHOUT ROWID
"""

CHECKPOINT_TABLE: Final = """
CREATE TABLE checkpoint(
  size INTEGER PRIMARY KEY,
  note BLOB NOT NULL,
  at TEXT NOT NULL
) STRICT
"""

PAYLOAD_TABLE: Final = """
CREATE TABLE payload(
  seq INTEGER PRIMARY KEY REFERENCES log(seq),
  salt BLOB,
  body BLOB
) STRICT
"""

ANCHOR_TABLE: Final = """
CREATE TABLE anchor(
  id INTEGER PRIMARY KEY,
  kind TEXT,
  size INTEGER,
  body BLOB,
  at TEXT
) STRICT
"""

AUDIT_TABLES: Final[tuple[str, ...]] = (LOG_TABLE, NODE_TABLE, CHECKPOINT_TABLE, PAYLOAD_TABLE, ANCHOR_TABLE)
"""All statements, in an order that satisfies the references; each is run by itself."""
