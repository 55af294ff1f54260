"""A webhook as a sink: one signed POST a notice. Its answer's body is never read."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr

from reconcile_actors import __version__
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.sinks.document import body_of, signature
from reconcile_actors.sinks.port import Acknowledged, Failed, Notice, Postponed, Result

RETRY_AFTER_MAX_SECONDS: Final = 3600.0
_PLAIN: Final = "/:$"  # what a key holds beside letters and digits; another exchange's currencies may hold anything
_LATER: Final = frozenset({408, 425, 429})


class WebhookSink:
    """`utc` gives seconds since 1970. Redirects are not followed: a request that is signed for one place goes to no other."""

    def __init__(
        self,
        name: str,
        url: str,
        secret: SecretStr,
        *,
        min_severity: Severity,
        timeout_seconds: float,
        utc: Callable[[], float],
    ) -> None:
        self.name = name
        self.min_severity = min_severity
        self.timeout_seconds = timeout_seconds
        self._url = url
        self._secret = secret
        self._utc = utc

    async def deliver(self, notice: Notice) -> Result:
        """One POST on a connection of its own: alerts are rare, and an idle connection is one more thing that breaks."""
        body = body_of(notice)
        now = self._utc()
        timestamp = str(int(now))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"reconcile-actors/{__version__}",
            "Idempotency-Key": f"{quote(notice.alert.key, safe=_PLAIN)}#{notice.event}",
            "X-Reconcile-Event": notice.event,
            "X-Reconcile-Timestamp": timestamp,
            "X-Reconcile-Signature": signature(self._secret.get_secret_value().encode(), timestamp, body),
        }
        timeout = aiohttp.ClientTimeout(total=self.timeout_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return judge(response.status, response.headers.get("Retry-After"), now)
        except TimeoutError:
            return Postponed("timeout")
        except aiohttp.ClientSSLError:
            return Postponed("certificate")
        except (aiohttp.ClientError, OSError):
            return Postponed("connection")


def judge(status: int, retry_after: str | None, now: float) -> Result:
    """What an answer means: 2xx arrived; too many, too early, or the other side's own fault: later; else never."""
    if 200 <= status < 300:
        return Acknowledged()
    if status in _LATER or status >= 500:
        return Postponed(f"http_{status}", _seconds(retry_after, now))
    return Failed(f"http_{status}")


def _seconds(retry_after: str | None, now: float) -> float | None:
    """Retry-After as seconds from now (RFC 9110, 10.2.3), an hour at most; None where it is absent or makes no sense."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:10])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_SECONDS)
