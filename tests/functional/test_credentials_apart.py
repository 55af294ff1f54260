"""Each gateway reaches the keys of its own account and no other's, and keys from the environment stay where they are used."""

import asyncio
import base64
import gc
import os
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from loguru import logger

from reconcile_actors import ReconciliationSystem
from reconcile_actors.config import Settings
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.messages import GetPortfolio, GetStatus, ReconcileAll
from tests.unit.exchanges.http_server import serving

# Exchange ids by account: every adapter, two accounts of one exchange, and two of those that nobody described.
ACCOUNTS = {
    "kraken-a": "kraken",
    "kraken-b": "kraken",
    "binance-a": "binance",
    "coinbase-a": "coinbase",
    "bitstamp-a": "bitstamp",
    "okx-a": "okx",
    "okx-b": "okx",
}
_PLAIN = (dict, list, tuple, set, frozenset, types.CellType, types.MethodType)
_OURS = ("reconcile_actors.", "ccxt.", "pydantic.types")


@cache
def pem() -> str:
    """A private key as Coinbase hands it out."""
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def secrets_of(name: str) -> dict[str, str]:
    """The made-up key, secret and passphrase of an account: none is part of another, or of another account's."""
    mark = name.upper().replace("-", "")
    secret = base64.b64encode(f"{mark} secret canary".encode() * 2).decode()
    return {
        "API_KEY": f"{mark}-KEY-CANARY",
        "SECRET": pem() if ACCOUNTS[name] == "coinbase" else secret,
        "PASSWORD": f"{mark}-PHRASE-CANARY",
    }


def marks_of(name: str) -> list[str]:
    """What may not be found elsewhere: each of an account's secrets as it is written, a line of it, or what base64 hides."""
    api_key, secret, password = secrets_of(name).values()
    inside = secret.splitlines()[1] if secret == pem() else base64.b64decode(secret).decode()
    return [api_key, secret, password, inside]


def variables_of(name: str) -> dict[str, str]:
    """The environment of an account."""
    return {f"{name.upper().replace('-', '_')}_{what}": value for what, value in secrets_of(name).items()}


def configured(directory: Path, base_url: str) -> Path:
    """A configuration whose keys all come from the environment."""
    parts = ['[store]\npath = "book.db"\n[audit]\nkey_file = "audit.key"\ntrusted_head_file = "head"\n']
    for name, id_ in ACCOUNTS.items():
        api_key, secret, password = variables_of(name)
        parts.append(
            f'[exchanges.{name}]\nid = "{id_}"\nbase_url = "{base_url}"\n'
            f'api_key_env = "{api_key}"\nsecret_env = "{secret}"\npassword_env = "{password}"\n'
        )
    path = directory / "config.toml"
    path.write_text("\n".join(parts))
    return path


def reachable(start: object) -> Iterator[object]:
    """Everything that an object holds, through containers, closures and the objects of this project and of ccxt."""
    seen, left = set(), [start]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, types.FunctionType):
            left += [*(one.__closure__ or ()), *(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values()]
        elif isinstance(one, _PLAIN) or (type(one).__module__.startswith(_OURS) and not isinstance(one, type)):
            left += gc.get_referents(one)


def texts(start: object) -> set[str]:
    """Every text that an object holds; bytes as text too."""
    found = set()
    for one in reachable(start):
        if isinstance(one, str):
            found.add(one)
        elif isinstance(one, bytes | bytearray):
            found.add(bytes(one).decode("latin-1"))
    return found


async def say_nothing(request: web.Request) -> web.Response:
    """An exchange that answers, and says nothing."""
    return web.Response(text="{}", content_type="application/json")


def test_no_gateway_reaches_another_accounts_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an open system with every adapter, a walk through all that a gateway holds finds its own keys alone, and no settings."""
    for name in ACCOUNTS:
        for variable, value in variables_of(name).items():
            monkeypatch.setenv(variable, value)

    async def main() -> dict[str, tuple[set[str], bool]]:
        async with (
            serving(say_nothing) as server,
            ReconciliationSystem.open(configured(tmp_path, server.url)) as system,
        ):
            await system.ask(ReconcileAll(), timeout=60)
            opened: dict[str, ExchangeGateway] = dict(system._gateways._open)
            return {
                name: (texts(gateway), any(isinstance(one, Settings) for one in reachable(gateway)))
                for name, gateway in opened.items()
            }

    found = asyncio.run(main())
    assert found.keys() == ACCOUNTS.keys()
    for name, (held, settings) in found.items():
        assert not settings, name
        assert secrets_of(name)["API_KEY"] in held, f"{name}: the walk does not find what is there"
        for other in ACCOUNTS.keys() - {name}:
            for mark in marks_of(other):
                assert not any(mark in text for text in held), f"{name} reaches a credential of {other}"


def test_keys_of_the_environment_stay_out_of_logs_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a log at its finest, nor status, nor a report, nor the store holds what the environment gave."""
    for name in ACCOUNTS:
        for variable, value in variables_of(name).items():
            monkeypatch.setenv(variable, value)
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level=0, format="{message} {extra}", diagnose=True)

    async def main() -> list[str]:
        async with (
            serving(say_nothing) as server,
            ReconciliationSystem.open(configured(tmp_path, server.url)) as system,
        ):
            answers = [await system.ask(one, timeout=60) for one in (ReconcileAll(), GetStatus(), GetPortfolio())]
            return [repr(answer) for answer in answers]

    try:
        said = asyncio.run(main())
    finally:
        logger.remove(sink)
    stored = [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir() if path.is_file()]
    everything = "\n".join([*said, *lines, *stored])
    assert "kraken-a" in everything
    for name in ACCOUNTS:
        assert os.environ[next(iter(variables_of(name)))] == secrets_of(name)["API_KEY"]
        for mark in marks_of(name):
            assert mark not in everything, name
