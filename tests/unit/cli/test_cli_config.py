"""`init` and `config`."""

import json
import stat
from pathlib import Path

import pytest

from reconcile_actors.cli.init import TEMPLATE
from tests.unit.cli.cli_fakes import Cli

EXAMPLE = Path(__file__).parents[3] / "config" / "example.toml"


def test_init_writes_what_check_accepts(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's first two commands work one after the other, with the default name too."""
    monkeypatch.chdir(tmp_path)
    assert cli("init").code == 0
    written = tmp_path / "reconcile.toml"
    assert written.read_bytes() == TEMPLATE.read_bytes()
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    ended = cli("config", "check", "-c", written)
    assert ended.code == 0
    assert ended.out.startswith("ok")


def test_init_never_overwrites(cli: Cli, tmp_path: Path) -> None:
    """What stands at the path stays."""
    path = tmp_path / "mine.toml"
    path.write_text("precious")
    assert cli("init", path).code == 2
    assert path.read_text() == "precious"
    assert cli("init", tmp_path).code == 0
    assert (tmp_path / "reconcile.toml").exists()
    assert cli("init", tmp_path / "none" / "a.toml").code == 2


def test_the_packaged_template_is_the_example() -> None:
    """One text: what `init` writes is what the repository shows."""
    assert TEMPLATE.read_bytes() == EXAMPLE.read_bytes()


def test_check_names_every_error_at_once(cli: Cli, tmp_path: Path) -> None:
    """File, key and what would be right, for each error, and the exit code 10."""
    path = tmp_path / "a.toml"
    path.write_text('[reconciliation]\nmode = "hope"\n[exchanges.main]\nid = "kraken"\nkey = "S3CRET"\n')
    ended = cli("config", "check", "-c", path)
    assert ended.code == 10
    assert ended.out == ""
    assert f"{path}: reconciliation.mode" in ended.err
    assert "exchanges.main.key: unknown key; known here: " in ended.err
    assert "S3CRET" not in ended.err
    assert cli("config", "check", "-c", tmp_path / "none.toml").code == 10


def test_show_tells_where_each_value_comes_from(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file, environment and command line; a secret is named and never resolved."""
    monkeypatch.setenv("RECONCILIATION_RETRY_COUNT", "5")
    monkeypatch.setenv("NO_SUCH_KEY", "S3CRET")
    ended = cli("config", "show", "-c", config, "--set", "timeout_seconds=12", "--json")
    assert ended.code == 0
    assert ended.json["schema"] == "reconcile-actors/config/1"
    values = {one["key"]: (one["value"], one["origin"]) for one in ended.json["values"]}
    assert values["reconciliation.retry_count"] == (5, "env RECONCILIATION_RETRY_COUNT")
    assert values["reconciliation.timeout_seconds"] == (12.0, "command line")
    assert values["reconciliation.threshold_usd"] == ("10", "default")
    assert values["exchanges.main.wallets"] == (["spot"], "file")
    assert values["exchanges.main.api_key_env"] == ("NO_SUCH_KEY", "file")
    assert "S3CRET" not in ended.out
    table = cli("config", "show", "-c", config)
    assert "reconciliation.retry_count" in table.out


@pytest.mark.parametrize("text", ["timeout_seconds", "=5"])
def test_set_wants_key_and_value(cli: Cli, config: Path, text: str) -> None:
    """Anything else is wrong usage."""
    assert cli("config", "show", "-c", config, "--set", text).code == 2


def test_schema_is_json_schema(cli: Cli) -> None:
    """Editors can check a configuration by it."""
    ended = cli("config", "schema")
    assert ended.json["$schema"].startswith("https://json-schema.org/")
    assert "reconciliation" in json.dumps(ended.json["properties"])
