"""Reads what strace saw: was the WAL synced between a commit's last write and its acknowledgement?"""

import re
from collections.abc import Iterable

_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")


def violations(lines: Iterable[str]) -> list[str]:
    """Acknowledgements (`ack N` on descriptor 1) that came before their bytes were on disk, of all between the first and the last.

    A write to the WAL counts from its beginning and a sync from its successful end, so that no interleaving of threads hides one.
    """
    found: list[str] = []
    unfinished: dict[str, str] = {}
    unsynced, synced = False, False
    for line in lines:
        call = _CALL.match(line)
        resumed = _RESUMED.match(line)
        if call and "<unfinished" in line:
            unfinished[call["pid"]] = call["rest"]
        name = (call or resumed)["name"] if call or resumed else ""
        rest = call["rest"] if call else (unfinished.pop(resumed["pid"], "") + resumed["rest"] if resumed else "")
        if name in {"pwrite64", "write"} and call and "-wal>" in rest:
            unsynced = True
        elif name in {"fdatasync", "fsync"} and "-wal>" in rest and rest.rstrip().endswith("= 0"):
            unsynced, synced = False, True
        elif name == "write" and call and rest.startswith("1<"):
            word = re.search(r'"(begin|ack \d+)', rest)
            if word and word[1] != "begin" and (unsynced or not synced):
                found.append(word[1])
            synced = False
    return found


def acknowledgements(lines: Iterable[str]) -> int:
    """How many acknowledgements were seen at all."""
    return sum(1 for line in lines if re.search(r'write\(1<.*"ack \d+', line))
