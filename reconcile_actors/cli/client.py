"""The daemon as the command line sees it: JSON over HTTP on its Unix socket, by the standard library alone."""

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from reconcile_actors.console.address import connect
from reconcile_actors.errors import NoDaemonError, ReconcileError

Document = dict[str, Any]  # JSON
ANSWER_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 5.0


class DaemonError(ReconcileError):
    """The daemon refused; `exit_code` is the one it gave."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class DaemonClient:
    """Each call is one request on a connection of its own, so that an idle hour between two breaks nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, target: str, parameters: Mapping[str, str | None] | None = None) -> Document:
        """The JSON document at a path such as `/api/v1/status`. Raises NoDaemonError or DaemonError."""
        given = {key: value for key, value in (parameters or {}).items() if value is not None}
        text = self._request("GET", f"{target}?{urlencode(given)}" if given else target, None, ANSWER_SECONDS)
        document = json.loads(text)
        assert isinstance(document, dict)
        return document

    def post(self, lines: Sequence[bytes], *, timeout_seconds: float = ANSWER_SECONDS) -> list[Document]:
        """Messages as JSON lines; an answer for each, in order. Raises NoDaemonError or DaemonError."""
        text = self._request("POST", "/api/v1/messages", b"\n".join(lines) + b"\n", timeout_seconds)
        return [json.loads(line) for line in text.splitlines()]

    def tell(self, message: Mapping[str, object], *, timeout_seconds: float = ANSWER_SECONDS) -> Document:
        """One message, and its answer."""
        return self.post([json.dumps(message).encode()], timeout_seconds=timeout_seconds)[0]

    def _request(self, method: str, target: str, body: bytes | None, timeout_seconds: float) -> bytes:
        connection = _UnixConnection(self.path, timeout_seconds)
        try:
            connection.request(method, target, body, {"Content-Type": "application/x-ndjson"} if body else {})
            response = connection.getresponse()
            text = response.read()
        except TimeoutError:
            raise NoDaemonError(f"{self.path}: a daemon listens there but gives no answer") from None
        except (OSError, http.client.HTTPException) as error:
            raise NoDaemonError(f"{self.path}: the daemon ended the talk ({type(error).__name__})") from None
        finally:
            connection.close()
        if response.status >= 400 and not target.startswith(("/healthz", "/readyz")):
            raise _refusal(text)
        return text


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path
        self._timeout_seconds = timeout_seconds

    def connect(self) -> None:
        self.sock: socket.socket = connect(self._path, timeout_seconds=self._timeout_seconds)


def find_daemon(path: Path) -> DaemonClient | None:
    """The daemon that listens at a socket, None where nobody does. Raises NoDaemonError where it cannot be told."""
    try:
        connect(path, timeout_seconds=_CONNECT_SECONDS).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except PermissionError:
        raise NoDaemonError(f"{path}: this user may not use the daemon's socket; see [socket] group") from None
    except TimeoutError:
        raise NoDaemonError(f"{path}: a daemon listens there but gives no answer") from None
    except OSError as error:
        raise NoDaemonError(f"{path}: cannot be reached ({error.strerror})") from None
    return DaemonClient(path)


def _refusal(text: bytes) -> DaemonError:
    try:
        document = json.loads(text)
        return DaemonError(str(document["error"]), int(document["exit_code"]))
    except (ValueError, KeyError, TypeError):
        return DaemonError("the daemon gave an answer that is none", NoDaemonError.exit_code)
