"""Bare ccxt: a client with its markets loaded and its throttle off, whose answers nobody looks at."""

import ccxt.async_support as ccxt


async def open_client(base_url: str, key: str, secret: str) -> ccxt.kraken:
    """A client of an exchange at another address."""
    client = ccxt.kraken({"apiKey": key, "secret": secret, "enableRateLimit": False})
    client.urls["api"] = {"public": base_url, "private": base_url}
    await client.load_markets()
    return client


async def balances(client: ccxt.kraken) -> None:
    """All balances: one request."""
    await client.fetch_balance()


async def balances_and_ledger(client: ccxt.kraken) -> None:
    """All balances, and what moved in the last minute: two requests, one after the other for the sake of their nonces."""
    await client.fetch_balance()
    await client.fetch_ledger(since=client.milliseconds() - 60_000)
