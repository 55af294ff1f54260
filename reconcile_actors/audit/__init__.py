"""The tamper-evident log: what an entry is, how entries are hashed and signed, and how anyone checks the result.

This room holds formats and arithmetic only. It knows no actors, writes no file but a new signing key, and reads SQLite
only in the verifier, which an outsider can run with this room alone. Low to high:

    errors > canonical > leaf        one entry and its exact bytes
    merkle > proofs                  RFC 6962 tree over the entries' hashes
    keys > note                      Ed25519 keys, C2SP signed notes and checkpoints
    genesis                          the first entry, which names log, key and format
    tables                           the tables that storage creates
    state > writer                   pure append: entries in, rows out
    source > verdict > scan > verifier   read everything back and judge it

The byte-exact description is docs/audit-format.md.
"""
