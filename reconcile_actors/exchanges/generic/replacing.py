"""The same answer with other amounts."""

from collections.abc import Mapping

from reconcile_actors.exchanges.generic.tables import Path


def replaced(content: object, values: Mapping[Path, object]) -> object:
    """The same answer with other scalars at some places."""
    copy: object = _copy(content)
    for place, value in values.items():
        _put(copy, place, value)
    return copy


def _copy(node: object) -> object:
    if isinstance(node, dict):
        return {key: _copy(child) for key, child in node.items()}
    return [_copy(child) for child in node] if isinstance(node, list) else node


def _put(node: object, place: Path, value: object) -> None:
    # places come from the answer itself, so every step is there
    for key in place[:-1]:
        node = node[key]  # type: ignore[index] # an object or a list, by its key or its index
    node[place[-1]] = value  # type: ignore[index] # the same
