"""The webhook against a real server: what is sent, what each answer means, and what it never does."""

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from reconcile_actors.domain.alerts import alert_from, unknown_alert
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.sinks.port import Acknowledged, Failed, Notice, Postponed, Result
from reconcile_actors.sinks.webhook import RETRY_AFTER_MAX_SECONDS, WebhookSink, judge
from tests.unit.sinks.alert_receiver import SECRET, Receiver, receiving

NOW = 1_700_000_000.25
ALERT = alert_from(unknown_alert("main", "unreachable").body)
NOTICE = Notice("7-1700000000000000", 1_700_000_000_000_000, ALERT, "example.org/reconcile")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def sink(url: str, timeout_seconds: float = 30.0) -> WebhookSink:
    return WebhookSink(
        "hook",
        url,
        SecretStr(SECRET),
        min_severity=Severity.WARNING,
        timeout_seconds=timeout_seconds,
        utc=lambda: NOW,
    )


def deliver(url: str, notice: Notice = NOTICE, **options: float) -> Result:
    return asyncio.run(sink(url, **options).deliver(notice))


def test_what_is_sent(receiver: Receiver) -> None:
    """One POST with the whole alert as JSON, signed with its time, under its key and its event."""
    assert deliver(receiver.url) == Acknowledged()
    (one,) = receiver.received
    assert one.path == "/alerts"
    assert one.is_signed
    assert one.headers["X-Reconcile-Timestamp"] == "1700000000"
    assert one.headers["X-Reconcile-Event"] == NOTICE.event
    assert one.headers["Idempotency-Key"] == f"main:unknown#{NOTICE.event}"
    assert one.headers["Content-Type"] == "application/json"
    assert one.json == {
        "schema": "reconcile-actors/alert/1",
        "origin": "example.org/reconcile",
        "event": NOTICE.event,
        "key": "main:unknown",
        "phase": "firing",
        "reminder": False,
        "kind": "unknown",
        "severity": "warning",
        "account": "main",
        "id": None,
        "currency": None,
        "state": None,
        "cause": "unreachable",
        "value": None,
        "text": "main: has not been compared for long",
        "advice": "reconcile-actors status -c CONFIG",
        "at": "2023-11-14T22:13:20.000000Z",
    }


def test_the_signature_covers_time_and_body(receiver: Receiver) -> None:
    """Another body or another time has another signature, and the secret itself is nowhere in the request."""
    deliver(receiver.url)
    (one,) = receiver.received
    assert one.headers["X-Reconcile-Signature"].startswith("v1=")
    changed = type(one)(one.path, {**one.headers, "X-Reconcile-Timestamp": "1700000001"}, one.body)
    assert not changed.is_signed
    assert not type(one)(one.path, one.headers, one.body + b" ").is_signed
    assert SECRET not in json.dumps(dict(one.headers)) + one.body.decode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (200, Acknowledged()),
        (202, Acknowledged()),
        (301, Failed("http_301")),
        (400, Failed("http_400")),
        (401, Failed("http_401")),
        (404, Failed("http_404")),
        (408, Postponed("http_408")),
        (429, Postponed("http_429")),
        ((429, {"Retry-After": "7"}), Postponed("http_429", 7.0)),
        ((503, {"Retry-After": formatdate(NOW + 59.75, usegmt=True)}), Postponed("http_503", 59.75)),
        ((503, {"Retry-After": "99999999999999999999"}), Postponed("http_503", RETRY_AFTER_MAX_SECONDS)),
        ((503, {"Retry-After": "-5"}), Postponed("http_503")),
        ((503, {"Retry-After": "soon"}), Postponed("http_503")),
        (500, Postponed("http_500")),
    ],
)
def test_what_an_answer_means(receiver: Receiver, answer: int | tuple[int, dict[str, str]], expected: Result) -> None:
    """2xx has arrived; too many, too early and the other side's own faults may pass; the rest never will."""
    receiver.script.append(answer)
    assert deliver(receiver.url) == expected


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """What was signed for one place is sent to no other."""
    receiver.script.append((307, {"Location": receiver.url + "/elsewhere"}))
    assert deliver(receiver.url) == Failed("http_307")
    assert len(receiver.received) == 1


def test_a_receiver_that_hangs(receiver: Receiver) -> None:
    """The deadline of a try holds."""
    receiver.hangs = True
    assert deliver(receiver.url, timeout_seconds=0.2) == Postponed("timeout")


def test_nobody_listens() -> None:
    """A refused connection may be another day's."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert deliver(f"http://127.0.0.1:{taken.getsockname()[1]}/") == Postponed("connection")


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    """TLS is verified: a self-signed certificate gets nothing."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    self_signed(key, certificate)

    async def story() -> Result:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.read(100))
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            result = await sink(f"https://localhost:{port}/").deliver(NOTICE)
        assert asked == []
        return result

    assert asyncio.run(story()) == Postponed("certificate")


def self_signed(key_file: Path, certificate_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    certificate_file.write_bytes(certificate.public_bytes(encoding))


def test_a_key_of_any_text_makes_no_header(receiver: Receiver) -> None:
    """Line ends and other alphabets in a key are quoted in the header, and whole in the body."""
    alert = alert_from(unknown_alert("maïn\r\nX-Evil: 1", "busy").body)
    assert deliver(receiver.url, Notice("1-1", 1, alert, "o")) == Acknowledged()
    (one,) = receiver.received
    assert "X-Evil" not in one.headers
    assert one.headers["Idempotency-Key"] == "ma%C3%AFn%0D%0AX-Evil:%201:unknown#1-1"
    assert one.json["key"] == "maïn\r\nX-Evil: 1:unknown"


def test_judging_is_total() -> None:
    """Every status means something."""
    for status in range(100, 600):
        assert isinstance(judge(status, None, NOW), Acknowledged) == (200 <= status < 300)
