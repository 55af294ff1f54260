"""Money that moves without a trade: deposits, withdrawals, rewards, moves between wallets, instant exchanges and glitches."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from reconcile_actors.simulation.books import Books, require_positive
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.instruments import KRAKEN, Catalogue
from reconcile_actors.simulation.ledger import Entry
from reconcile_actors.simulation.money import ZERO
from reconcile_actors.simulation.records import Funding, FundingKind, FundingStatus


class FundingDesk(Books):
    """`fundings` holds deposits and withdrawals by refid, oldest first."""

    def __init__(self, name: str, *, clock: Callable[[], float], mint: IdMint, catalogue: Catalogue = KRAKEN) -> None:
        """As `Books`."""
        super().__init__(name, clock=clock, mint=mint, catalogue=catalogue)
        self.fundings: dict[str, Funding] = {}

    def deposit(self, asset: str, amount: Decimal, *, fee: Decimal = ZERO, pending: bool = False) -> str:
        """Money arrives; a pending deposit is listed but not credited until `confirm_deposit`. Returns its refid."""
        with self.lock:
            funding = self._funding(FundingKind.DEPOSIT, asset, amount, fee, key="")
            self.fundings[funding.refid] = funding
            if not pending:
                self.confirm_deposit(funding.refid)
            return funding.refid

    def confirm_deposit(self, refid: str) -> None:
        """Credits a pending deposit."""
        with self.lock:
            funding = self._pending(refid, FundingKind.DEPOSIT)
            self._move(refid, Entry(funding.asset, funding.amount, "deposit", fee=funding.fee))
            self.fundings[refid] = replace(funding, status=FundingStatus.SUCCESS)

    def withdraw(
        self, asset: str, amount: Decimal, *, fee: Decimal = ZERO, pending: bool = False, key: str = "cold"
    ) -> str:
        """Money leaves: the account loses `amount + fee` at once, also while the withdrawal is pending. Returns its refid."""
        with self.lock:
            funding = self._funding(FundingKind.WITHDRAWAL, asset, amount, fee, key=key)
            self._move(funding.refid, Entry(funding.asset, amount.copy_negate(), "withdrawal", fee=fee))
            self.fundings[funding.refid] = funding
            if not pending:
                self.settle_withdrawal(funding.refid)
            return funding.refid

    def settle_withdrawal(self, refid: str) -> None:
        """A pending withdrawal has arrived; balances do not move again."""
        with self.lock:
            self.fundings[refid] = replace(self._pending(refid, FundingKind.WITHDRAWAL), status=FundingStatus.SUCCESS)

    def fail_withdrawal(self, refid: str) -> None:
        """A pending withdrawal comes back, fee included, as a second row under the same refid."""
        with self.lock:
            funding = self._pending(refid, FundingKind.WITHDRAWAL)
            self._move(refid, Entry(funding.asset, funding.amount, "withdrawal", fee=funding.fee.copy_negate()))
            self.fundings[refid] = replace(funding, status=FundingStatus.FAILURE)

    def reward(self, asset: str, amount: Decimal) -> str:
        """A staking reward, credited to `asset` (often a suffix wallet such as `DOT.S`). Returns its refid."""
        with self.lock:
            require_positive(asset, amount)
            return self._move(self._mint.long("S"), Entry(self.catalogue.asset(asset).code, amount, "staking"))

    def transfer(self, source: str, target: str, amount: Decimal) -> str:
        """Moves between a spot asset and a wallet of it that earns (`XXBT` and `XBT.F`), either way. Returns its refid."""
        out, into = self.catalogue.asset(source).code, self.catalogue.asset(target).code
        require_positive(out, amount)
        subtypes = ("stakingtospot", "spotfromstaking") if "." in out else ("spottostaking", "stakingfromspot")
        with self.lock:
            return self._move(
                self._mint.long("B"),
                Entry(out, amount.copy_negate(), "transfer", subtypes[0]),
                Entry(into, amount, "transfer", subtypes[1]),
            )

    def send_to_futures(self, asset: str, amount: Decimal) -> str:
        """Moves to the futures wallet, which stands outside this account. Returns its refid."""
        code = self.catalogue.asset(asset).code
        require_positive(code, amount)
        with self.lock:
            return self._move(
                self._mint.long("B"), Entry(code, amount.copy_negate(), "transfer", subtype="spottofutures")
            )

    def convert(self, source: str, spent: Decimal, target: str, received: Decimal, *, fee: Decimal = ZERO) -> str:
        """An instant exchange outside the order book: a `spend` and a `receive` row under one refid, which is returned."""
        out, into = self.catalogue.asset(source).code, self.catalogue.asset(target).code
        require_positive(out, spent)
        require_positive(into, received)
        with self.lock:
            return self._move(
                self._mint.long("T"),
                Entry(out, spent.copy_negate(), "spend", fee=fee),
                Entry(into, received, "receive"),
            )

    def adjust(self, asset: str, amount: Decimal) -> str:
        """A glitch: the exchange changes a balance by a signed `amount` of its own accord. Returns its refid."""
        with self.lock:
            return self._move(self._mint.long("J"), Entry(self.catalogue.asset(asset).code, amount, "adjustment"))

    def _funding(self, kind: FundingKind, asset: str, amount: Decimal, fee: Decimal, *, key: str) -> Funding:
        code = self.catalogue.asset(asset).code
        require_positive(code, amount)
        return Funding(
            refid=self._mint.long("Q" if kind is FundingKind.DEPOSIT else "A"),
            kind=kind,
            asset=code,
            amount=amount,
            fee=fee,
            at=self.now(),
            status=FundingStatus.PENDING,
            txid=self._mint.hash(),
            address=self._mint.hash()[:40],
            key=key,
        )

    def _pending(self, refid: str, kind: FundingKind) -> Funding:
        funding = self.fundings.get(refid)
        if funding is None or funding.kind is not kind or funding.status is not FundingStatus.PENDING:
            raise LookupError(f"{refid} is no pending {kind}")
        return funding
