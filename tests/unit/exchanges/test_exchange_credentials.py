"""Keys come from where the configuration says, and every way to get them wrong is told without telling the key."""

import os
import sys
from pathlib import Path

import pytest

from reconcile_actors.config import secrets as module
from reconcile_actors.config.load import load_text
from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.errors import ConfigError, CredentialsError
from reconcile_actors.exchanges.credentials import check_credentials, resolve_credentials
from tests.unit.exchanges.exchange_fakes import SECRET

KEY = "key-canary-key"


def config(**keys: object) -> ExchangeConfig:
    return ExchangeConfig.model_validate({"id": "kraken", "api_key_env": "KEY", **keys})


def private_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_from_environment_file_and_command(tmp_path: Path) -> None:
    """Each of the three sources gives its key, without the line end that files and commands leave behind."""
    file = private_file(tmp_path / "secret", SECRET + "\n")
    command = (sys.executable, "-c", "print('passphrase')")
    got = resolve_credentials("main", config(secret_file=file, password_command=command), {"KEY": KEY})
    assert got.api_key.get_secret_value() == KEY
    assert got.secret.get_secret_value() == SECRET
    assert got.password is not None
    assert got.password.get_secret_value() == "passphrase"


def test_repr_never_shows_a_key() -> None:
    """Neither repr nor str of the keys holds any of them."""
    got = resolve_credentials("main", config(secret_env="SECRET"), {"KEY": KEY, "SECRET": SECRET})
    assert KEY not in f"{got!r} {got}"
    assert SECRET not in f"{got!r} {got}"


def test_password_is_optional() -> None:
    """An exchange without a passphrase needs none."""
    assert resolve_credentials("main", config(secret_env="SECRET"), {"KEY": KEY, "SECRET": SECRET}).password is None


def test_missing_variable_is_named() -> None:
    """A variable that is not set is a configuration error that names the key and the variable."""
    with pytest.raises(ConfigError, match=r"exchanges\.main\.api_key_env: environment variable KEY is not set"):
        resolve_credentials("main", config(secret_env="SECRET"), {})


def test_no_source_at_all_names_the_three() -> None:
    """An account without keys is told how to give them."""
    with pytest.raises(ConfigError, match="no api_key; set api_key_env, api_key_file or api_key_command"):
        resolve_credentials("main", ExchangeConfig(id="kraken"), {})


def test_empty_and_torn_values_are_refused() -> None:
    """Neither an empty key nor one of several lines is taken."""
    for value in ("", "  \n", "two\nlines"):
        with pytest.raises(ConfigError, match="on one line"):
            resolve_credentials("main", config(secret_env="SECRET"), {"KEY": value, "SECRET": SECRET})


def test_file_readable_by_others_is_refused(tmp_path: Path) -> None:
    """A key file that group or others may read ends with exit code 12 and the command that mends it."""
    for mode in (0o640, 0o604, 0o620):
        file = private_file(tmp_path / "secret", SECRET, mode)
        with pytest.raises(CredentialsError, match="chmod 600") as caught:
            resolve_credentials("main", config(secret_file=file), {"KEY": KEY})
        assert caught.value.exit_code == 12
        assert SECRET not in str(caught.value)


def test_bad_files_are_configuration_errors(tmp_path: Path) -> None:
    """A missing file, a directory, bytes that are no text and a file that is far too long are all named."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    binary.chmod(0o600)
    long = private_file(tmp_path / "long", "x" * 70_000)
    for path, words in (
        (tmp_path / "absent", "no such file"),
        (tmp_path, "cannot be read"),
        (binary, "UTF-8"),
        (long, "the key alone"),
    ):
        with pytest.raises(ConfigError, match=words):
            resolve_credentials("main", config(secret_file=path), {"KEY": KEY})


def test_bad_commands_are_configuration_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is absent, fails, hangs or prints bytes is told, and what it printed is not."""
    python = sys.executable
    for command, words in (
        (("/nonexistent/command",), "could not be started"),
        ((python, "-c", f"print('{KEY}'); raise SystemExit(3)"), "exit code 3"),
        ((python, "-c", f"print('{KEY}', flush=True); import threading; threading.Event().wait()"), "did not end"),
        ((python, "-c", r"import sys; sys.stdout.buffer.write(b'\xff')"), "no UTF-8"),
    ):
        # only the one that hangs is waited for in vain
        monkeypatch.setattr(module, "COMMAND_TIMEOUT_SECONDS", 0.2 if words == "did not end" else 60.0)
        with pytest.raises(ConfigError, match=words) as caught:
            resolve_credentials("main", config(secret_command=command), {"KEY": KEY})
        assert KEY not in str(caught.value)
        assert caught.value.__context__ is None


def test_secret_must_be_base64_where_the_exchange_says_so() -> None:
    """A Kraken secret that was pasted wrong is refused at start, without being shown."""
    for wrong in ("not base64!", "abc"):
        with pytest.raises(CredentialsError, match="not valid base64") as caught:
            resolve_credentials("main", config(secret_env="SECRET"), {"KEY": KEY, "SECRET": wrong})
        assert wrong not in str(caught.value)


def test_other_exchanges_take_any_secret() -> None:
    """The form of the secret is the exchange's own matter."""
    exchange = ExchangeConfig(id="other", api_key_env="KEY", secret_env="SECRET")
    got = resolve_credentials("main", exchange, {"KEY": KEY, "SECRET": "not base64!"})
    assert got.secret.get_secret_value() == "not base64!"


def test_every_account_is_checked_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second account's missing secret is found although the first is whole; the process environment is the default."""
    monkeypatch.setitem(os.environ, "KEY", KEY)
    monkeypatch.setitem(os.environ, "SECRET", SECRET)
    monkeypatch.delenv("ABSENT", raising=False)
    text = """
[exchanges.one]
id = "kraken"
api_key_env = "KEY"
secret_env = "SECRET"
"""
    check_credentials(load_text(text))
    second = text.replace("one", "two").replace('"SECRET"', '"ABSENT"')
    with pytest.raises(ConfigError, match=r"exchanges\.two\.secret_env"):
        check_credentials(load_text(text + second))


def test_two_accounts_may_not_share_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """One key reads one account: under two names each book would be blamed for what the other does."""
    monkeypatch.setitem(os.environ, "KEY", KEY)
    monkeypatch.setitem(os.environ, "SECRET", SECRET)
    table = '[exchanges.{}]\nid = "kraken"\napi_key_env = "KEY"\nsecret_env = "SECRET"\n'
    with pytest.raises(ConfigError, match=r"exchanges\.one and exchanges\.two use one API key") as caught:
        check_credentials(load_text(table.format("one") + table.format("two")))
    assert KEY not in str(caught.value)
