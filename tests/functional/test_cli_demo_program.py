"""The demo keeps its promise."""

from tests.functional.cli_programs import run


def test_the_demo_shows_all_that_it_promises() -> None:
    """Everything that it tells of was seen, nothing else was reported, its own log verifies, and it ends by itself."""
    ended = run("demo", "--ci", "--seconds", "5", "--json")
    assert ended.code == 0, ended.out + ended.err
    document = ended.json
    assert document["schema"] == "reconcile-actors/demo/1"
    assert document["as_wished"] is True
    assert all(one["seen"] for one in document["observations"].values())
    assert len(document["observations"]) == 13
    assert document["false_alarms"] == []
    assert {one["exchange"] for one in document["accounts"]} == {
        "kraken-main",
        "binance-main",
        "coinbase-main",
        "dydx-main",
    }
    assert document["audit"]["verdict"] == "verified"
