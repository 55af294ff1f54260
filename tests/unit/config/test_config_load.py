"""Where settings come from, and errors that say what would be right."""

import contextlib
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.config import ReconciliationConfig, Settings, load, load_text
from reconcile_actors.config.load import ENVIRONMENT
from reconcile_actors.config.origins import effective_values
from reconcile_actors.errors import ConfigError

ACCOUNT = '[exchanges.main]\nid = "kraken"\n'


def settings(text: str = "", **given: object) -> Settings:
    return load_text(ACCOUNT + text, environ={}, **given)  # type: ignore[arg-type]  # keyword arguments of load_text


def refusal(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, name="a.toml", environ=environ)
    assert caught.value.exit_code == 10
    return str(caught.value)


def test_the_environment_is_exactly_the_documented_one() -> None:
    """Five variables, no more."""
    assert sorted(ENVIRONMENT) == [
        "RECONCILIATION_ENABLED",
        "RECONCILIATION_INTERVAL_SECONDS",
        "RECONCILIATION_RETRY_COUNT",
        "RECONCILIATION_THRESHOLD_USD",
        "RECONCILIATION_TIMEOUT_SECONDS",
    ]


def test_order_of_precedence() -> None:
    """Command line before environment before file before default."""
    text = ACCOUNT + "[reconciliation]\nretry_count = 4\ntimeout_seconds = 40\ninterval_seconds = 400\n"
    environ = {"RECONCILIATION_TIMEOUT_SECONDS": "50", "RECONCILIATION_INTERVAL_SECONDS": " 500 "}
    got = load_text(text, environ=environ, overrides={"interval_seconds": "600"}).reconciliation
    assert (got.threshold_usd, got.retry_count, got.timeout_seconds, got.interval_seconds) == (10, 4, 50, 600)


def test_numbers_are_decimal_and_never_a_float() -> None:
    """A TOML number keeps every digit (I2)."""
    got = settings("[reconciliation]\nthreshold_usd = 0.1000000000000000055511151231257827\n")
    assert got.reconciliation.threshold_usd == Decimal("0.1000000000000000055511151231257827")
    assert settings('[valuation]\nprices = {BTC = "60000"}\n').valuation.prices == {"BTC": Decimal(60000)}


def test_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command means the same from everywhere; ~ is the user's home."""
    monkeypatch.setenv("HOME", "/home/somebody")
    text = (
        ACCOUNT + 'api_key_file = "key"\nca_file = "~/ca.pem"\n[store]\npath = "s.db"\n[audit]\nkey_file = "/abs/key"\n'
    )
    (tmp_path / "a.toml").write_text(text)
    monkeypatch.chdir("/")
    got = load(tmp_path / "a.toml", environ={})
    assert got.store.path == tmp_path / "s.db"
    assert got.socket_path == tmp_path / "s.db.sock"
    assert got.audit.key_file == Path("/abs/key")
    assert got.audit.trusted_head_file == tmp_path / "var/trusted-head"
    assert got.exchanges["main"].api_key_file == tmp_path / "key"
    assert got.exchanges["main"].ca_file == Path("/home/somebody/ca.pem")


def test_the_real_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping given, the process's own environment counts."""
    (tmp_path / "a.toml").write_text(ACCOUNT)
    monkeypatch.setenv("RECONCILIATION_ENABLED", "false")
    assert load(tmp_path / "a.toml").reconciliation.enabled is False


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, a directory, not text, not TOML: each names the file and what to do."""
    with pytest.raises(ConfigError, match="init"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="IsADirectoryError"):
        load(tmp_path)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "b.toml")
    assert refusal("a = ").startswith("a.toml: not valid TOML")
    assert refusal("a = " + "[" * 100_000).startswith("a.toml: not valid TOML")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a.toml: exchanges: missing; name at least one account, as in [exchanges.kraken-main]"),
        (ACCOUNT + "[stor]\n", "a.toml: stor: unknown key; known here: alerts, audit, book, exchanges"),
        (ACCOUNT + "[store]\npth = 1\n", "store.pth: unknown key; known here: path"),
        (
            ACCOUNT + "api_ky = 1\n",
            "exchanges.main.api_ky: unknown key; known here: address, allow_empty, api_key_command",
        ),
        (ACCOUNT + "[recovery]\nx = 1\n", "recovery.x: unknown key; known here: adopt_max_usd, backfill"),
        (ACCOUNT + "[reconciliation]\nthreshold_usd = 'ten'\n", 'not a number: write decimal text, as in "10.0"'),
        (ACCOUNT + "[reconciliation]\nthreshold_usd = nan\n", "threshold_usd: not finite"),
        (ACCOUNT + "[reconciliation]\ninterval_seconds = 0\n", "interval_seconds: Input should be greater than 0"),
        (ACCOUNT + "[reconciliation]\ninterval_seconds = inf\n", "interval_seconds"),
        (ACCOUNT + "[reconciliation]\nmode = 'hope'\n", "'observe' or 'recover'"),
        (ACCOUNT + "base_url = 'http://example.org'\n", "use https://, or http:// to loopback only"),
        (ACCOUNT + "proxy = 'junk'\n", "exchanges.main.proxy: not a proxy: write it as in http://127.0.0.1:3128"),
        (ACCOUNT + "proxy = 'socks5://127.0.0.1:1'\n", "not a proxy"),
        (ACCOUNT + "proxy = 'http://:3128'\n", "not a proxy"),
        (ACCOUNT + "proxy = 'http://me:S3CRET@proxy:99999'\n", "not a proxy"),
        (ACCOUNT + "proxy = 'http://proxy :1'\n", "not a proxy"),
        (ACCOUNT + "wallets = ['a', 'a']\n", "a wallet is named twice"),
        (ACCOUNT + "wallets = []\n", "wallets"),
        (ACCOUNT + "secret_env = 'A'\nsecret_file = 'b'\n", "secret_env and secret_file are both set: keep one"),
        (ACCOUNT + "api_key_command = 'a \"b'\n", "No closing quotation"),
        ("reconciliation = 7\n" + ACCOUNT, "reconciliation"),
        ("[exchanges.'a b']\nid = 'kraken'\n", "exchanges.a b"),
        (ACCOUNT + "[audit]\norigin = 'a b'\n", "audit.origin"),
    ],
)
def test_errors_name_the_key_and_what_would_be_right(text: str, expected: str) -> None:
    """The file, the key, and the right form."""
    assert expected in refusal(text)


def test_an_error_names_where_the_value_came_from() -> None:
    """A variable of the environment, or the command line, is named instead of the file."""
    assert "environment variable RECONCILIATION_RETRY_COUNT" in refusal(ACCOUNT, RECONCILIATION_RETRY_COUNT="many")
    with pytest.raises(ConfigError, match=r"command line: reconciliation\.nonsense: unknown key"):
        load_text(ACCOUNT, environ={}, overrides={"nonsense": "1"})


def test_no_error_echoes_a_value() -> None:
    """A key that was written into the wrong place does not come back on a terminal or in a log (I7)."""
    text = refusal("[exchanges.main]\nid = 7\napi_key_env = ['S3CRET']\nbase_url = 'S3CRET'\nkey = 'S3CRET'\n")
    assert "S3CRET" not in text
    assert len(text.splitlines()) == 4


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:1/x", "https://example.org"]
)
def test_plain_http_goes_to_loopback_only(url: str) -> None:
    """A signed request leaves the machine encrypted or not at all."""
    assert settings(f"base_url = '{url}'\n").exchanges["main"].base_url == url


def test_a_command_is_words() -> None:
    """As one text it is split as a shell would, as a list it is taken as it is."""
    text = "api_key_command = \"pass 'my key'\"\nsecret_command = ['pass', 'a b']\n"
    got = settings(text).exchanges["main"]
    assert got.api_key_command == ("pass", "my key")
    assert got.secret_command == ("pass", "a b")


def test_a_host_may_use_the_section_as_its_own() -> None:
    """`ReconciliationConfig` has a default for everything."""
    assert ReconciliationConfig().mode == "observe"


@given(st.text(max_size=200))
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    """Nothing else is raised, whatever a file holds."""
    with contextlib.suppress(ConfigError):
        load_text(text, environ={})


def test_origins(tmp_path: Path) -> None:
    """Each value says where it comes from; account names with dots are told apart; a proxy's password is hidden."""
    path = tmp_path / "a.toml"
    path.write_text(
        '[exchanges."a.b"]\nid = "kraken"\nproxy = "http://me:S3CRET@proxy:1/x"\n[valuation]\nprices = {BTC = "6"}\n'
    )
    values = effective_values(path, environ={"RECONCILIATION_ENABLED": "no"}, overrides={"retry_count": "1"})
    by_key = {one.key: (one.value, one.origin) for one in values}
    assert by_key["reconciliation.enabled"] == (False, "env RECONCILIATION_ENABLED")
    assert by_key["reconciliation.retry_count"] == (1, "command line")
    assert by_key["exchanges.a.b.id"] == ("kraken", "file")
    assert by_key["exchanges.a.b.tier"] == ("pro", "default")
    assert by_key["exchanges.a.b.proxy"] == ("http://***@proxy:1/x", "file")
    assert by_key["valuation.prices"] == ({"BTC": "6"}, "file")
    assert by_key["store.path"] == (str(tmp_path / "var/reconcile.db"), "default")
    assert json.dumps([one.value for one in values])
    assert effective_values(path)[0].key == "reconciliation.enabled"


WEBHOOK = """
[alerts]
repeat_seconds = 600
[[alerts.sinks]]
kind = "log"
[[alerts.sinks]]
kind = "webhook"
url = "https://example.org/alerts"
secret_file = "hook.secret"
min_severity = "error"
"""


def test_alert_sinks(tmp_path: Path) -> None:
    """A list of sinks in its order, files beside the configuration; none at all means the log."""
    assert [one.kind for one in settings().alerts.sinks] == ["log"]
    log, hook = load_text(ACCOUNT + WEBHOOK, directory=tmp_path, environ={}).alerts.sinks
    assert (log.kind, log.min_severity, hook.min_severity) == ("log", "warning", "error")
    assert hook.secret_file == tmp_path / "hook.secret"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('kind = "slack"', 'alerts.sinks.0.kind: this version sends to "log" and "webhook" only'),
        ('kind = "log"\nurl = "https://a.example"', "a log has neither url nor secret"),
        ('kind = "webhook"\nsecret_env = "S"', "a webhook needs its url"),
        ('kind = "webhook"\nurl = "https://a.example"', "needs one of secret_env, secret_file and secret_command"),
        ('kind = "webhook"\nurl = "http://a.example"\nsecret_env = "S"', "http:// to loopback only"),
        ('kind = "webhook"\nurl = "https://a.example"\nsecret_env = "S"\nsecret_file = "f"', "needs one of"),
        ('kind = "log"\ncolour = "red"', "unknown key; known here: kind, min_severity, secret_command"),
        ('kind = "log"\nmin_severity = "loud"', "alerts.sinks.0.min_severity"),
    ],
)
def test_a_sink_that_cannot_be_is_refused(lines: str, expected: str) -> None:
    """Each wrong sink is told with what would be right; kinds of later versions are refused by name."""
    assert expected in refusal(f"{ACCOUNT}\n[[alerts.sinks]]\n{lines}")


def test_alerts_that_nobody_hears_are_refused() -> None:
    """An empty list would keep alerts for ever: without the key they go to the log."""
    assert "alerts.sinks: " in refusal(f"{ACCOUNT}\n[alerts]\nsinks = []")


def test_origins_of_sinks(tmp_path: Path) -> None:
    """What a sink amounts to, key by key; a secret's source is named, its value never read."""
    file = tmp_path / "config.toml"
    file.write_text(ACCOUNT + WEBHOOK)
    shown = {one.key: (one.value, one.origin) for one in effective_values(file, environ={})}
    assert shown["alerts.sinks.1.url"] == ("https://example.org/alerts", "file")
    assert shown["alerts.sinks.1.timeout_seconds"] == (5.0, "default")
    assert shown["alerts.repeat_seconds"] == (600.0, "file")
