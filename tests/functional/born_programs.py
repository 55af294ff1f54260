"""Programs that are born in a nursery: started, waited for and killed like any process."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from typing import IO, Final

_PACKET_BYTES: Final = 1 << 10
_END_SECONDS: Final = 60


class Program:
    """A process of the command line, as `subprocess.Popen` would show it."""

    def __init__(self, pid: int, ending: IO[bytes]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ending = ending  # says the exit code once the process is gone

    def poll(self) -> int | None:
        """The exit code, if it has ended; -N where signal N ended it."""
        return self._look(0)

    def wait(self, timeout_seconds: float) -> int:
        """Waits for the end. Raises TimeoutError."""
        code = self._look(timeout_seconds)
        if code is None:
            raise TimeoutError(f"the program lives after {timeout_seconds} s")
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, if it lives."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout_seconds: float) -> int | None:
        if self.returncode is None and select.select([self._ending], [], [], timeout_seconds)[0]:
            self.returncode = int(self._ending.read())
            self._ending.close()
        return self.returncode


class Nursery:
    """The process in which programs are born, one for each worker of the tests."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.functional.program_nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)

    def start(self, arguments: list[str], environ: dict[str, str], stdin: int, stdout: int, stderr: int) -> Program:
        """Starts `reconcile-actors ARGUMENTS` with these descriptors, which stay the caller's to close."""
        reading, writing = os.pipe()
        packet = json.dumps({"arguments": arguments, "environ": environ}).encode()
        socket.send_fds(self._control, [packet], [stdin, stdout, stderr, writing])
        os.close(writing)
        return Program(int(self._control.recv(_PACKET_BYTES)), os.fdopen(reading, "rb"))

    def close(self) -> None:
        """Ends it; what was born in it and still lives goes on."""
        self._control.close()
        assert self._process.wait(_END_SECONDS) == 0


@cache
def nursery() -> Nursery:
    """This worker's nursery, from the first start on."""
    return Nursery()


def close_nursery() -> None:
    """Ends this worker's nursery, if there is one."""
    if nursery.cache_info().currsize:
        nursery().close()
        nursery.cache_clear()
