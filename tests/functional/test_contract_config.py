"""What a configuration may not say, as a script sees it: exit codes and words on stderr."""

from pathlib import Path

import pytest

from tests.functional.cli_programs import run

ACCOUNT = '[exchanges.main]\nid = "kraken"\napi_key_env = "A"\nsecret_env = "B"\n'


def check(directory: Path, text: str) -> tuple[int, str]:
    """The exit code and the errors of `config check`."""
    file = directory / "config.toml"
    file.write_text(text)
    ended = run("config", "check", "-c", file)
    return ended.code, ended.err


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.example.com:9",
        "http://127.example.com",
        "http://127.0.0.1@example.com/",
        "http://name:S3CRET@127.0.0.1:9/",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:9?to=there",
        "https://",
    ],
)
def test_a_base_url_that_leads_elsewhere_is_refused(tmp_path: Path, url: str) -> None:
    """Plain http goes to this machine alone, however the address is dressed up, and nothing of it is echoed."""
    code, text = check(tmp_path, f'{ACCOUNT}base_url = "{url}"\n')
    assert code == 10, text
    assert "exchanges.main.base_url" in text
    assert "example.com" not in text
    assert "S3CRET" not in text


def test_an_exchange_that_is_not_read_is_told_by_the_check(tmp_path: Path) -> None:
    """What `run` would refuse, `config check` refuses."""
    code, text = check(tmp_path, ACCOUNT.replace('"kraken"', '"binanze"'))
    assert code == 10
    assert "exchanges.main.id" in text


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    """A configuration that cannot be read is a configuration error, not one of usage."""
    ended = run("config", "check", "-c", tmp_path)
    assert ended.code == 10
    assert str(tmp_path) in ended.err


def test_the_home_of_nobody_is_a_configuration_error(tmp_path: Path) -> None:
    """A path that cannot be resolved is no internal error."""
    code, text = check(tmp_path, ACCOUNT + '[store]\npath = "~nobody-of-this-name/reconcile.db"\n')
    assert code == 10
    assert "home" in text


@pytest.mark.parametrize("key", ["retry_count", "timeout_seconds"])
def test_true_is_no_number(tmp_path: Path, key: str) -> None:
    """A switch where a number belongs is refused, not read as 1."""
    code, text = check(tmp_path, f"{ACCOUNT}[reconciliation]\n{key} = true\n")
    assert code == 10
    assert f"reconciliation.{key}" in text


@pytest.mark.parametrize("command", [("config", "check"), ("once",)])
@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('proxy = "junk"', "exchanges.main.proxy"),
        ('base_url = "http://127.0.0.1:9"\nca_file = "absent.pem"', "exchanges.main.ca_file"),
        ('ca_file = "config.toml"', "exchanges.main.ca_file"),
    ],
)
def test_what_no_request_could_use_is_told_at_once(
    tmp_path: Path, command: tuple[str, ...], line: str, key: str
) -> None:
    """A proxy that is none and a file without certificates are configuration errors, not exchanges that are down."""
    file = tmp_path / "config.toml"
    file.write_text(f"{ACCOUNT}{line}\n")
    ended = run(*command, "-c", file)
    assert ended.code == 10, ended.err
    assert key in ended.err
