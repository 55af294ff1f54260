"""The mission at a glance: a supervisor, one reconciliation actor an exchange account, the portfolio state, the audit log.

Actors only route: rules are in `domain`, I/O is at the edge and reached through the context (I5).
"""
