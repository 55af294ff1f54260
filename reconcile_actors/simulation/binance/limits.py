"""Request weights: counters that start anew with every minute of the clock, and what an exchange does that is asked too much."""

from dataclasses import dataclass, field

from reconcile_actors.simulation.binance.errors import BinanceError

MINUTE = 60
# Who goes on after so many refusals in one minute is banned.
_REFUSALS_TO_A_BAN = 10
_BAN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Weight:
    """What a request costs: of `/api`'s weight, of `/sapi`'s weight by address, of `/sapi`'s weight by account."""

    api: int = 0
    sapi_ip: int = 0
    sapi_uid: int = 0


@dataclass(frozen=True, slots=True)
class WeightLimits:
    """What a minute may cost."""

    api: int = 6000
    sapi_ip: int = 12_000
    sapi_uid: int = 180_000


DEFAULT_LIMITS = WeightLimits()


@dataclass(slots=True)
class Weights:
    """The counters of one address and account. Not thread-safe; the server's one loop uses it."""

    limits: WeightLimits
    used: dict[str, int] = field(default_factory=dict)
    minute: int = -1
    refusals: int = 0
    banned_until: float = 0.0

    def admit(self, weight: Weight, now: float) -> None:
        """Counts a request of that weight at `now` (Unix seconds); one above a limit raises `BinanceError` 429, later 418."""
        if now < self.banned_until:
            raise self._ban(now)
        if int(now) // MINUTE != self.minute:
            self.minute, self.used, self.refusals = int(now) // MINUTE, {}, 0
        for name, limit in (
            ("api", self.limits.api),
            ("sapi_ip", self.limits.sapi_ip),
            ("sapi_uid", self.limits.sapi_uid),
        ):
            cost = getattr(weight, name)
            if cost and self.used.get(name, 0) + cost > limit:
                raise self._refusal(limit, now)
        for name in ("api", "sapi_ip", "sapi_uid"):
            if cost := getattr(weight, name):
                self.used[name] = self.used.get(name, 0) + cost

    def headers(self, weight: Weight) -> dict[str, str]:
        """What an answer says of the counters that its request moved."""
        names = {
            "api": "x-mbx-used-weight-1m",
            "sapi_ip": "x-sapi-used-ip-weight-1m",
            "sapi_uid": "x-sapi-used-uid-weight-1m",
        }
        return {header: str(self.used.get(name, 0)) for name, header in names.items() if getattr(weight, name)}

    def _refusal(self, limit: int, now: float) -> BinanceError:
        self.refusals += 1
        if self.refusals >= _REFUSALS_TO_A_BAN:
            self.banned_until = now + _BAN_SECONDS
            return self._ban(now)
        text = f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
        return BinanceError(-1003, text, status=429, retry_after=MINUTE - int(now) % MINUTE)

    def _ban(self, now: float) -> BinanceError:
        text = f"Way too much request weight used; IP banned until {int(self.banned_until * 1000)}."
        return BinanceError(-1003, text, status=418, retry_after=int(self.banned_until - now) + 1)
