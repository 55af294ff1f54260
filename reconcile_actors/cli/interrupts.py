"""Signals that end a command, as exceptions that no `except Exception` swallows."""


class Terminated(BaseException):
    """SIGTERM arrived."""
