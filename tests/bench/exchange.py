"""The client's side of the exchange process: where it is, its keys, and the few things it can be told to do."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class Exchange:
    """A running exchange; end it with `with`. `keys` gives API key and secret by account."""

    def __init__(self, accounts: Sequence[str], *, currencies: int, latency_seconds: float = 0.0) -> None:
        options = {"accounts": list(accounts), "currencies": currencies, "latency_seconds": latency_seconds}
        command = [sys.executable, "-m", "tests.bench.exchange_server", json.dumps(options)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        try:
            where = self._answer()
        except RuntimeError:
            self.close()
            raise
        self.base_url: str = where["base_url"]
        self.keys: dict[str, list[str]] = where["keys"]

    def change(self, account: str) -> dict[str, str]:
        """Every balance of the account moves a little; gives them all."""
        return self._ask({"change": account})

    def balances(self, account: str) -> dict[str, str]:
        """What the account holds."""
        return self._ask({"balances": account})

    def requests(self) -> dict[str, int]:
        """How often each endpoint was asked."""
        return self._ask("requests")

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, question: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the exchange process ended")
        return json.loads(line)
