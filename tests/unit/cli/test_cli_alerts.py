"""`alerts test` says of each sink what became of a test alert."""

from pathlib import Path

import pytest

from tests.unit.cli.cli_fakes import Cli, write_config
from tests.unit.sinks.alert_receiver import SECRET, receiving

HOOK = '\n[[alerts.sinks]]\nkind = "webhook"\nurl = "{url}"\nsecret_env = "HOOK_SECRET"\n'
LOG = '\n[[alerts.sinks]]\nkind = "log"\nmin_severity = "error"\n'


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)


def test_every_sink_is_tried(cli: Cli, tmp_path: Path) -> None:
    """The log and a webhook, whatever their minimum: both acknowledge, and the webhook's request is signed."""
    with receiving() as receiver:
        config = write_config(tmp_path, LOG + HOOK.format(url=receiver.url))
        ended = cli("alerts", "test", "-c", config, "--json")
    assert ended.code == 0
    assert ended.json["schema"] == "reconcile-actors/alerts-test/1"
    log, hook = ended.json["sinks"]
    assert (log["sink"], log["result"], hook["result"]) == ("log", "acknowledged", "acknowledged")
    assert "a test: alerts of this service arrive here" in ended.err
    (one,) = receiver.received
    assert one.is_signed
    assert (one.json["kind"], one.json["key"]) == ("test", f"test:{hook['sink']}")


def test_one_that_refuses_does_not_hide_the_others(cli: Cli, tmp_path: Path) -> None:
    """Each is tried, and one that does not acknowledge makes the exit code 1."""
    with receiving() as well, receiving() as refusing:
        refusing.always = 401
        config = write_config(tmp_path, HOOK.format(url=refusing.url) + HOOK.format(url=well.url))
        ended = cli("alerts", "test", "-c", config)
        well.always = 503
        later = cli("alerts", "test", "-c", config, "--json")
    assert (ended.code, later.code) == (1, 1)
    assert ended.out.splitlines()[1].split()[-2:] == ["failed", "http_401"]
    assert ended.out.splitlines()[2].split()[-2:] == ["acknowledged", "-"]
    assert [one["result"] for one in later.json["sinks"]] == ["failed", "postponed"]


def test_a_sink_without_its_secret_is_a_configuration_error(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told with the key that lacks it, before anything is sent."""
    monkeypatch.delenv("HOOK_SECRET")
    ended = cli("alerts", "test", "-c", write_config(tmp_path, HOOK.format(url="https://a.example")))
    assert ended.code == 10
    assert "alerts.sinks.0.secret_env: environment variable HOOK_SECRET is not set" in ended.err
