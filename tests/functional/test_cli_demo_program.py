"""The demo keeps its promise."""

from tests.functional.cli_programs import run


def test_the_demo_finds_the_forgotten_fill() -> None:
    """Found by cause and id, nothing else reported, its own log verified, and it ends by itself."""
    ended = run("demo", "--ci", "--seconds", "5", "--json")
    assert ended.code == 0, ended.out + ended.err
    document = ended.json
    assert document["schema"] == "reconcile-actors/demo/1"
    assert document["found"] is True
    assert document["false_alarms"] == []
    assert {one["cause"] for one in document["discrepancies"]} == {"missed_fill"}
    assert document["discrepancies"][0]["evidence"] == [document["omitted"]["id"]]
    assert document["audit"]["verdict"] == "verified"
