"""What a comparison needs of a book: its newest state, its recent versions, and why it may not be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.movements import Effects
from reconcile_actors.domain.orders import Order, OrderStep
from reconcile_actors.domain.snapshot import UnknownReason


@dataclass(frozen=True, slots=True)
class Entry:
    """One recent version: what of value it changed, when it was recorded (monotonic us) and its own time (UTC us), where it
    has one.

    `restates` marks a statement whose change no movement explains. `step` is what it says of an order: what that locks is
    told apart from value, because reports of orders may come in any order. `rounds` says that an exchange may have rounded.
    `id` is the exchange's.
    """

    version: int
    recorded_us: int
    occurred_at: int | None
    effects: Effects
    restates: bool = False
    step: OrderStep | None = None
    rounds: bool = False
    id: str | None = None


@dataclass(frozen=True, slots=True)
class BookWindow:
    """An account's book at one version. `legs` are the stated ones; a TOTAL or POSITION leg that is absent from an opened
    wallet is zero. Every entry recorded after `complete_from_us` is in `entries`, in order of version.

    Nothing of `unopened` wallets is compared: of them nothing was ever stated.

    `operations` counts the rounding operations on a leg since it was last exact. `reserves` is what open buy orders lock,
    on top of which an exchange may lock fees, `open_orders` how many orders lock something of a leg, and `orders` holds the
    newest state of each order that an entry speaks of. `watermark_at` is how far the trading process says it has reported
    (UTC us). `since_at` is the earliest instant that the wallets' statements speak of: what happened before is included.
    `suspended` says of legs that something was adopted into up to when (UTC us) they hold everything that happened.
    """

    exchange: str
    version: int
    legs: Mapping[Leg, Decimal]
    entries: tuple[Entry, ...]
    complete_from_us: int | None
    balance_wallets: frozenset[str]
    position_wallets: frozenset[str]
    unknown: UnknownReason | None = None
    unopened: frozenset[str] = frozenset()
    first_message_us: int | None = None
    watermark_at: int | None = None
    since_at: int | None = None
    operations: Mapping[Leg, int] = field(default_factory=dict)
    reserves: Mapping[Leg, Decimal] = field(default_factory=dict)
    open_orders: Mapping[Leg, int] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    suspended: Mapping[Leg, int] = field(default_factory=dict)
