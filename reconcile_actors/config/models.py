"""The settings as frozen models: one class a TOML table. Every field's description is its documentation (docs/configuration.md)."""

import re
import shlex
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.messages.base import Currency, Name, PositiveAmount, UnsignedAmount

KEYLESS: Final = "dydx"
"""The exchange whose accounts are public: read by address."""
_ADDRESS: Final = re.compile(r"dydx1[02-9ac-hj-np-z]{38}", re.ASCII)  # bech32: no 1, b, i or o


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("not a number: true and false are none")  # noqa: TRY004 - pydantic reports a ValueError alone
    return value


def _seconds(value: object) -> object:
    # TOML numbers arrive as Decimal; a duration is no money, so a float serves.
    return float(value) if isinstance(value, Decimal) else _number(value)


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86_400 * 7, allow_inf_nan=False)]


Count = Annotated[int, BeforeValidator(_number)]


def _loopback_or_https(value: str | None) -> str | None:
    """`value` where it may carry a key: TLS to anywhere, plain text only to this machine. Raises ValueError."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("not a URL: write it as in http://127.0.0.1:9000") from None
    if not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host or ""))):
        raise ValueError("use https://, or http:// to loopback only")
    # Of these parts a request's own address would be built wrongly, or a password would stand in the file.
    if not host or port == 0 or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("write scheme, host, port and path alone, as in http://127.0.0.1:9000")
    return value


def _proxy(value: str | None) -> str | None:
    """`value` where it names a proxy. Raises ValueError, without the password that may stand in it."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or not value.isprintable() or " " in value:
        raise ValueError("not a proxy: write it as in http://127.0.0.1:3128")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name such as 127.0.0.1.example.com belongs to whoever owns example.com
        return False


class Section(BaseModel):
    """Base of every table: frozen, unknown keys refused, no value echoed in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ReconciliationConfig(Section):
    """`[reconciliation]`. Usable as a section of a host's own pydantic settings."""

    enabled: bool = Field(
        default=True, description="false: the book works, no exchange is contacted, every account is unknown (disabled)"
    )
    mode: Literal["observe", "recover"] = Field(
        "observe", description="observe posts no adjustment; recover repairs only once armed"
    )
    interval_seconds: Seconds = Field(300.0, description="a full pass of every account")
    watch: bool = Field(
        default=True, description="between passes: poll, so that a discrepancy is found in detection_target_seconds"
    )
    detection_target_seconds: Seconds = Field(
        5.0, description="how soon a discrepancy should be confirmed while watching"
    )
    threshold_usd: PositiveAmount = Field(Decimal("10.0"), description="below it a discrepancy is info")
    retry_count: Count = Field(3, ge=0, le=20, description="tries of one read after the first, inside timeout_seconds")
    timeout_seconds: Seconds = Field(30.0, description="deadline of one pass of one account")
    local_lag_seconds: Seconds = Field(2.0, description="L: how late the trading process may report what it did")
    confirming_reads: Count = Field(
        2, ge=2, le=10, description="reads that must agree before a difference is confirmed"
    )


class ExchangeConfig(Section):
    """`[exchanges.NAME]`: one account; NAME is its name everywhere."""

    id: str = Field(description='a ccxt id, as "kraken"; docs/exchanges.md says what is read of each')
    wallets: tuple[Name, ...] = Field(
        ("spot",),
        min_length=1,
        description="the wallets to compare; the first is the default of messages; dydx: one, called perp by default",
    )
    api_key_env: str | None = Field(None, description="environment variable that holds the API key")
    api_key_file: Path | None = Field(None, description="file that holds the API key, readable by its owner alone")
    api_key_command: tuple[str, ...] | None = Field(None, description="command that prints the API key")
    secret_env: str | None = Field(None, description="environment variable that holds the secret")
    secret_file: Path | None = Field(None, description="file that holds the secret, readable by its owner alone")
    secret_command: tuple[str, ...] | None = Field(None, description="command that prints the secret")
    password_env: str | None = Field(
        None, description="environment variable that holds the passphrase, where the exchange has one"
    )
    password_file: Path | None = Field(None, description="file that holds the passphrase, readable by its owner alone")
    password_command: tuple[str, ...] | None = Field(None, description="command that prints the passphrase")
    base_url: Annotated[str | None, AfterValidator(_loopback_or_https)] = Field(
        None,
        description="after signing, a request for URL U goes to base_url/HOST(U)/PATH(U)?QUERY(U); plain http to loopback only",
    )
    proxy: Annotated[str | None, AfterValidator(_proxy)] = Field(None, description="HTTP proxy for every request")
    ca_file: Path | None = Field(None, description="certificate authorities to trust instead of the system's")
    allow_empty: bool = Field(default=False, description="true: an account without a single row is empty, not unknown")
    tier: Literal["starter", "intermediate", "pro"] = Field(
        "pro", description="the account's rate limit tier; steps down when the exchange refuses"
    )
    exchange_lag_seconds: Seconds | None = Field(
        None, description="R: how old an answer may be; default: the adapter's own, at least 1"
    )
    address: str | None = Field(None, description="dydx: the account's address, instead of keys")
    subaccount: Annotated[int | None, BeforeValidator(_number)] = Field(
        None, ge=0, le=128_000, description="dydx: the number of the subaccount; 0 where it is not given"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_by_exchange(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("id") == KEYLESS:
            return {"wallets": ("perp",), "subaccount": 0, **data}
        return data

    @field_validator("address")
    @classmethod
    def _bech32(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError("write the whole address as dYdX shows it: dydx1 and 38 more characters, in lower case")
        return value

    @field_validator("api_key_command", "secret_command", "password_command", mode="before")
    @classmethod
    def _command(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("wallets")
    @classmethod
    def _wallets_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a wallet is named twice: name each once")
        return value

    @model_validator(mode="after")
    def _one_source_each(self) -> "ExchangeConfig":
        for what in ("api_key", "secret", "password"):
            given = [form for form in ("env", "file", "command") if getattr(self, f"{what}_{form}") is not None]
            if len(given) > 1:
                raise ValueError(f"{what}_{given[0]} and {what}_{given[1]} are both set: keep one")
            if given and self.id == KEYLESS:
                raise ValueError(f"{what}_{given[0]}: dydx is read by address, without keys: remove it")
        return self

    @model_validator(mode="after")
    def _address_instead_of_keys(self) -> "ExchangeConfig":
        if self.id == KEYLESS and self.address is None:
            raise ValueError("dydx is read by address, without keys: set address, and subaccount where it is not 0")
        if self.id == KEYLESS and len(self.wallets) != 1:
            raise ValueError("a dydx subaccount is one wallet: name one, or leave wallets out")
        if self.id != KEYLESS and (self.address is not None or self.subaccount is not None):
            raise ValueError("address and subaccount are for dydx alone: this exchange is read with keys")
        return self


class PortfolioConfig(Section):
    """`[portfolio]`."""

    source: Literal["journal"] = Field("journal", description="the service's own book, fed by messages")


class BookConfig(Section):
    """`[book]`: bounds of what is kept in memory."""

    history_seconds: Seconds = Field(
        120.0, description="how long recent versions of a book are kept in memory for comparison"
    )
    history_entries: Count = Field(20_000, ge=100, description="how many of them at most, an account")
    remembered_ids: Count = Field(
        20_000, ge=100, description="ids kept in memory, an account; older ones are looked up in the store"
    )


class RecoveryConfig(Section):
    """`[recovery]`: what is repaired by itself once armed in mode "recover"; everything else is held for a person."""

    backfill: bool = Field(default=True, description="post what the exchange's history names, under its own ids")
    adopt_max_usd: UnsignedAmount = Field(
        Decimal("10.0"), description="the largest remainder that nothing explains to adopt into suspense; 0 adopts none"
    )


class HaltConfig(Section):
    """`[halt]`: when the trading process is asked to stop."""

    loss_usd: PositiveAmount = Field(
        Decimal(1000),
        description="confirmed losses of an account worth this or more, that history does not explain or names as unreported"
        " withdrawals, halt trading",
    )
    in_observe: bool = Field(default=False, description="true: ask for a halt in observe mode too")


class ValuationConfig(Section):
    """`[valuation]`: what a currency is worth in USD."""

    tickers: bool = Field(default=True, description="ask the exchange's public tickers for prices that the table lacks")
    max_age_seconds: Seconds = Field(300.0, description="a ticker older than this is asked again")
    prices: dict[Currency, UnsignedAmount] = Field(
        default_factory=dict, description='a static table, as in {BTC = "60000"}'
    )


class StoreConfig(Section):
    """`[store]`."""

    path: Path = Field(Path("var/reconcile.db"), description="SQLite file; its directory is made at first start")


class AlertSinkConfig(Section):
    """`[[alerts.sinks]]`: one place where alerts are sent to."""

    kind: Literal["log", "webhook"] = Field(description="log: the service's own log; webhook: a signed POST to url")
    min_severity: Severity = Field(
        Severity.WARNING, description="info, warning or error: what is below is not sent here"
    )
    url: Annotated[str | None, AfterValidator(_loopback_or_https)] = Field(
        None, description="webhook: where to; plain http to loopback only"
    )
    secret_env: str | None = Field(None, description="webhook: environment variable that holds the signing secret")
    secret_file: Path | None = Field(
        None, description="webhook: file that holds the signing secret, readable by its owner alone"
    )
    secret_command: tuple[str, ...] | None = Field(None, description="webhook: command that prints the signing secret")
    timeout_seconds: Seconds = Field(5.0, le=60, description="webhook: deadline of one try")

    @field_validator("secret_command", mode="before")
    @classmethod
    def _command(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("kind", mode="before")
    @classmethod
    def _kind(cls, value: object) -> object:
        if value not in {"log", "webhook"}:
            raise ValueError('this version sends to "log" and "webhook" only')
        return value

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "AlertSinkConfig":
        secrets = [form for form in ("env", "file", "command") if getattr(self, f"secret_{form}") is not None]
        if self.kind == "log" and (self.url is not None or secrets):
            raise ValueError("a log has neither url nor secret: remove them")
        if self.kind == "webhook" and self.url is None:
            raise ValueError("a webhook needs its url")
        if self.kind == "webhook" and len(secrets) != 1:
            raise ValueError("a webhook needs one of secret_env, secret_file and secret_command, to sign with")
        return self


class AlertsConfig(Section):
    """`[alerts]`."""

    unknown_after_seconds: Seconds = Field(60.0, description="an account that is unknown for so long is an alert")
    repeat_seconds: Seconds = Field(14_400.0, description="what goes on is told again after so long")
    sinks: tuple[AlertSinkConfig, ...] = Field(
        (AlertSinkConfig(kind="log"),),
        min_length=1,
        max_length=16,
        description="where alerts go; default: the log alone",
    )


class AuditConfig(Section):
    """`[audit]`."""

    origin: str = Field(
        "localhost/reconcile-actors",
        pattern=r"^[\x21-\x2a\x2c-\x7e]{1,200}$",
        description="the log's name in its checkpoints, no spaces or plus: a host and a path of your own",
    )
    key_file: Path = Field(Path("var/audit.key"), description="Ed25519 key, made at first start, mode 0600")
    trusted_head_file: Path | None = Field(
        Path("var/trusted-head"), description="each new checkpoint is also written here; put it on other media"
    )


class SocketConfig(Section):
    """`[socket]`: how the command line and others reach a running daemon."""

    path: Path | None = Field(None, description="Unix socket; default: the store's path with .sock")
    group: str | None = Field(
        None, description="Unix group that may use it (mode 0660); default: the owner alone (0600)"
    )


class Settings(Section):
    """A whole configuration file."""

    reconciliation: ReconciliationConfig = Field(default_factory=ReconciliationConfig)
    exchanges: dict[Name, ExchangeConfig] = Field(min_length=1)
    portfolio: PortfolioConfig = Field(default_factory=PortfolioConfig)
    book: BookConfig = Field(default_factory=BookConfig)
    recovery: RecoveryConfig = Field(default_factory=RecoveryConfig)
    halt: HaltConfig = Field(default_factory=HaltConfig)
    valuation: ValuationConfig = Field(default_factory=ValuationConfig)
    store: StoreConfig = Field(default_factory=StoreConfig)
    audit: AuditConfig = Field(default_factory=AuditConfig)
    alerts: AlertsConfig = Field(default_factory=AlertsConfig)
    socket: SocketConfig = Field(default_factory=SocketConfig)

    @property
    def socket_path(self) -> Path:
        """Where the daemon listens."""
        return self.socket.path or self.store.path.with_suffix(self.store.path.suffix + ".sock")
