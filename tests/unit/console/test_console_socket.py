"""Where the daemon listens: modes, long paths, what is left behind, and who is at the other end."""

import asyncio
import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from reconcile_actors.console import address
from reconcile_actors.console.address import connect, listen
from reconcile_actors.console.peer import peer_of, this_user, user_name
from reconcile_actors.console.server import ConsoleServer
from reconcile_actors.errors import AlreadyRunningError, ConfigError
from tests.unit.console.console_fakes import FakeSystem, settings_in


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 from the first instant, in a directory that is made."""
    path = tmp_path / "deep" / "a.sock"
    with listen(path):
        assert _mode(path) == 0o600


def test_a_group_may_be_let_in(tmp_path: Path) -> None:
    """With a group the mode is 0660 and the file is the group's."""
    group = grp.getgrgid(os.getgid())
    with listen(tmp_path / "a.sock", group=group.gr_name):
        assert _mode(tmp_path / "a.sock") == 0o660
        assert (tmp_path / "a.sock").stat().st_gid == group.gr_gid


def test_an_unknown_group_is_a_configuration_error(tmp_path: Path) -> None:
    """It is named, with what to do, before anything listens."""
    with pytest.raises(ConfigError, match=r"socket\.group.*getent"):
        listen(tmp_path / "a.sock", group="no-such-group-here")


def test_long_paths_work_at_both_ends(tmp_path: Path) -> None:
    """A path of several hundred bytes is bound and reached, though an address holds 107."""
    path = tmp_path / ("d" * 200) / ("e" * 100) / "a.sock"
    with listen(path) as listener, connect(path, timeout_seconds=5) as client:
        assert path.is_socket()
        listener.setblocking(True)
        server, _ = listener.accept()
        with server:
            client.sendall(b"hello")
            assert server.recv(5) == b"hello"


def test_a_name_that_no_address_can_hold_is_refused(tmp_path: Path) -> None:
    """A file name by itself must fit."""
    with pytest.raises(ConfigError, match="at most 80 bytes"):
        listen(tmp_path / ("n" * 100))


def test_what_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    """A socket file that nobody listens on does not keep the next daemon from starting."""
    path = tmp_path / "a.sock"
    listen(path).close()
    assert path.is_socket()
    with listen(path), connect(path, timeout_seconds=5):
        assert path.is_socket()


def test_a_living_daemon_is_not_replaced(tmp_path: Path) -> None:
    """Where somebody answers, starting fails."""
    with listen(tmp_path / "a.sock"), pytest.raises(AlreadyRunningError):
        listen(tmp_path / "a.sock")


def test_somebodys_file_is_not_replaced(tmp_path: Path) -> None:
    """A file that is no socket is left as it is."""
    path = tmp_path / "a.sock"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="cannot listen there"):
        listen(path)
    assert path.read_text() == "precious"


def test_a_failing_probe_is_no_reason_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be told whether somebody listens, the socket is not taken over."""
    path = tmp_path / "a.sock"
    listen(path).close()

    def interrupted(*_: object, **__: object) -> socket.socket:
        raise KeyboardInterrupt

    monkeypatch.setattr(address, "connect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        listen(path)
    assert path.is_socket()


def test_the_kernel_says_who_connected() -> None:
    """Process, user and group come from the socket."""
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        peer = peer_of(left)
    assert (peer.pid, peer.uid, peer.gid, peer.user) == (os.getpid(), os.getuid(), os.getgid(), this_user())


def test_a_user_without_a_name_is_a_number() -> None:
    """A container may run as a user that nobody has named."""
    assert user_name(4_000_000_123) == "uid:4000000123"


def test_the_servers_end_removes_its_own_socket_only(tmp_path: Path) -> None:
    """A path that another daemon has taken meanwhile stays."""

    async def play() -> None:
        console = ConsoleServer(FakeSystem(settings_in(tmp_path)))
        async with console:
            console.path.unlink()
            other = listen(console.path)
        assert console.path.is_socket()
        other.close()

    asyncio.run(play())


def test_wait_returns_when_the_server_has_ended(tmp_path: Path) -> None:
    """The runner learns that its server is gone."""

    async def play() -> None:
        async with ConsoleServer(FakeSystem(settings_in(tmp_path))) as console:
            assert console._server is not None
            console._server.should_exit = True
            await console.wait()

    asyncio.run(play())
