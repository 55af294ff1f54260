"""A book as the plain value that pages, sockets and reports show."""

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Balance, Field, Leg, Position
from reconcile_actors.domain.book import Book
from reconcile_actors.domain.window import BookWindow
from reconcile_actors.messages.views import AccountPortfolio


def local_balances(window: BookWindow) -> tuple[Balance, ...]:
    """The stated balances of a book; a leg that nobody stated is None."""
    keys = sorted({(leg.wallet, leg.currency) for leg in window.legs if leg.field is Field.TOTAL})
    balances = []
    for wallet, currency in keys:
        total = window.legs[Leg(wallet, currency, Field.TOTAL)]
        locked = window.legs.get(Leg(wallet, currency, Field.LOCKED))
        available = None if locked is None else money.subtract(total, locked)
        borrowed = window.legs.get(Leg(wallet, currency, Field.BORROWED))
        balances.append(Balance(currency, total, available, locked, borrowed, wallet))
    return tuple(balances)


def local_positions(window: BookWindow) -> tuple[Position, ...]:
    """The open positions of a book."""
    legs = sorted(leg for leg, quantity in window.legs.items() if leg.field is Field.POSITION and quantity)
    return tuple(Position(leg.currency, window.legs[leg], leg.wallet) for leg in legs)


def account_view(book: Book) -> AccountPortfolio:
    """Reply to GetPortfolio, for one account."""
    window = book.window()
    versions = [one.version for (_, kind), one in book.told.items() if kind == "balances" and one.version is not None]
    return AccountPortfolio(
        exchange=book.exchange,
        version=book.version,
        balances=local_balances(window),
        positions=local_positions(window),
        openings=tuple(sorted(window.balance_wallets)),
        statement_version=max(versions, default=None),
        unknown=window.unknown.value if window.unknown else None,
        suspense=book.suspense.open,
    )
