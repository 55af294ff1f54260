"""What rules an answer out before anything is read from it: no object, a key that is named twice, a page that is not the last."""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.decoding import RepeatedKeys
from reconcile_actors.exchanges.rows import Rejected

# More than any account has: what is bounded here is not bounded again in all that follows (I12).
_DEPTH_MAX: Final = 32
_NODES_MAX: Final = 400_000
_CODE = re.compile(r"(?=.*[A-Z])[A-Z0-9][A-Z0-9$._+-]{0,23}", re.ASCII)
# What an answer says of itself and not of the account.
_ENVELOPE: Final = frozenset(
    {"code", "retcode", "rc", "errorcode", "error", "errors", "msg", "retmsg", "mc", "message", "errormessage", "id"}
    | {"success", "status", "ok", "time", "timestamp", "ts", "requesttime", "servertime", "jsonrpc"}
)
# Where an answer says that it goes on, ccxt may have read its first page only.
_GOES_ON: Final = frozenset(
    {"cursor", "hasmore", "hasnext", "more", "nextcursor", "nextpage", "nextpagecursor", "nextstartingafter", "nexturi"}
)
_NOTHING_MORE: Final = (None, "", False, 0, "0", "false", "-1", -1)


def at_first_sight(codes: AbstractSet[str], contents: Sequence[object]) -> Rejected | None:
    """What rules out a result with these currencies that was made of these decoded answers; None where they may be looked into."""
    for content in contents:
        problem = _problem(content, says_something=bool(codes))
        if problem is not None:
            return problem
    if not all(_CODE.fullmatch(code) for code in codes):
        return _bad("not_a_currency")
    return None


def _problem(content: object, *, says_something: bool) -> Rejected | None:
    """`says_something` asks that the answer says more than that it is one."""
    if not isinstance(content, dict | list | RepeatedKeys):
        return _bad("answer_not_an_object")
    says = False
    for number, (depth, key, node) in enumerate(_nodes(content)):
        if depth > _DEPTH_MAX or number > _NODES_MAX:
            return _bad("too_much")
        if isinstance(node, RepeatedKeys):
            return Rejected(UnknownReason.CODE_COLLISION, "key_twice")
        if not isinstance(node, dict | list):
            if key in _GOES_ON and node not in _NOTHING_MORE:
                return Rejected(UnknownReason.INCOMPLETE_PAGE, "goes_on")
            says = says or (node not in (None, "") and key not in _ENVELOPE)
    # of a bare success ccxt may have concluded that the account is of another kind
    return None if says or not says_something else _bad("answer_empty")


def _nodes(content: object) -> Iterator[tuple[int, str, object]]:
    """Every node with its depth and the key that it, or the list that it is in, stands under. No deeper than the bound and one."""
    left: list[tuple[int, str, object]] = [(0, "", content)]
    while left:
        depth, key, node = left.pop()
        yield depth, key, node
        if isinstance(node, dict):
            left.extend((depth + 1, name.lower().replace("_", ""), child) for name, child in node.items())
        elif isinstance(node, list):
            left.extend((depth + 1, key, child) for child in node)


def _bad(detail: str) -> Rejected:
    return Rejected(UnknownReason.BAD_SHAPE, detail)
