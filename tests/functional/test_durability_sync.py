"""Acknowledged means synced: a kill proves nothing about that, since the kernel keeps what a dead process wrote (I8)."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from durability_trace import acknowledgements, violations

COMMITS = 20
STRACE = ["strace", "-f", "-y", "-s", "64", "-e", "trace=write,pwrite64,fdatasync,fsync"]

SOUND = """\
10 write(1<pipe:[5]>, "begin\\n", 6) = 6
11 pwrite64(7</x/book.db-wal>, "..."..., 4096, 32) = 4096
11 fdatasync(7</x/book.db-wal> <unfinished ...>
10 write(2</dev/null>, "x", 1) = 1
11 <... fdatasync resumed>) = 0
10 write(1<pipe:[5]>, "ack 1\\n", 6) = 6
""".splitlines()


@cache
def can_trace() -> bool:
    """Whether strace is there and permitted (CI has both)."""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_the_checker_itself() -> None:
    """The checker sees a missing sync, a sync that failed, one that came late, and one before the last write."""
    assert violations(SOUND) == []
    assert acknowledgements(SOUND) == 1
    assert violations([line for line in SOUND if "fdatasync" not in line]) == ["ack 1"]
    assert violations([line.replace(") = 0", ") = -1 EIO") for line in SOUND]) == ["ack 1"]
    assert violations([*SOUND[:4], SOUND[5], SOUND[4]]) == ["ack 1"]
    assert violations([SOUND[0], *SOUND[2:5], SOUND[1], SOUND[5]]) == ["ack 1"]
    assert violations([*SOUND, '10 write(1<pipe:[5]>, "ack 2\\n", 6) = 6']) == ["ack 2"]


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL", "OFF"])
def test_every_acknowledgement_follows_a_sync(tmp_path: Path, synchronous: str) -> None:
    """strace sees the WAL synced before each acknowledgement; with a weaker setting the same check reports every one of them.

    Where strace is lacking, what is left to check is that the store runs with the setting whose effect CI traces.
    """
    committer = Path(__file__).with_name("durability_committer.py")
    command = [sys.executable, str(committer), str(tmp_path), synchronous, str(COMMITS)]
    trace = tmp_path / "trace"
    if can_trace():
        command = [*STRACE, "-o", str(trace), *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    setting = {"FULL": 2, "NORMAL": 1, "OFF": 0}[synchronous]
    assert f"settings ('wal', {setting})" in done.stderr
    if can_trace():
        lines = trace.read_text(errors="replace").splitlines()
        assert acknowledgements(lines) == COMMITS
        late = violations(lines)
        assert late == ([] if synchronous == "FULL" else [f"ack {number}" for number in range(1, COMMITS + 1)])
