"""Raises programs of the command line: run with the descriptor of a socket over which each start is asked for.

It imports everything once and forks, for an interpreter that imports the service and ccxt costs two seconds of CPU, most of
what a test of a process would cost. It stays single-threaded, so that forking is sound. A start is one JSON packet
`{"arguments", "environ"}` with four descriptors: stdin, stdout, stderr, and a pipe that is told the exit code. The answer is the pid.
"""

import gc
import importlib
import json
import os
import select
import socket
import sys
from contextlib import suppress

from reconcile_actors.cli.main import COMMANDS, main

PACKET_BYTES = 1 << 20
STANDARD = 3  # stdin, stdout, stderr


def warm() -> None:
    """Imports what a program would import."""
    importlib.import_module("ccxt.async_support")
    importlib.import_module("reconcile_actors.exchanges.transport")
    for command in COMMANDS.values():
        importlib.import_module(f"reconcile_actors.cli.{command.module}")
    gc.freeze()


class Nursery:
    """The programs that live, by a descriptor that says when one has ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._living: dict[int, tuple[int, int]] = {}  # to its pid and the pipe that waits for its exit code

    def start_next(self) -> list[str] | None:
        """Serves until nobody asks any more (None). In a program that was just born: its arguments."""
        while True:
            ready, _, _ = select.select([self._control, *self._living], [], [])
            for ended in self._living.keys() & set(ready):
                self._tell_end(ended)
            if self._control not in ready:
                continue
            packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, STANDARD + 1)
            if not packet:
                return None
            wish = json.loads(packet)
            pid = os.fork()
            if pid == 0:
                self._leave(descriptors, wish["environ"])
                arguments: list[str] = wish["arguments"]
                return arguments
            for one in descriptors[:STANDARD]:
                os.close(one)
            self._living[os.pidfd_open(pid)] = (pid, descriptors[STANDARD])
            self._control.send(str(pid).encode())

    def _tell_end(self, descriptor: int) -> None:
        pid, pipe = self._living.pop(descriptor)
        _, status = os.waitpid(pid, 0)
        with suppress(BrokenPipeError):  # nobody waits for it any more
            os.write(pipe, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(pipe)
        os.close(descriptor)

    def _leave(self, descriptors: list[int], environ: dict[str, str]) -> None:
        """What an interpreter of its own would have: these descriptors, no others, and this environment."""
        for number, one in enumerate(descriptors[:STANDARD]):
            os.dup2(one, number)
        for one in (*descriptors, *self._living, *(pipe for _, pipe in self._living.values())):
            os.close(one)
        self._control.close()
        os.environ.clear()
        os.environ.update(environ)


def serve(descriptor: int) -> None:
    """The nursery's life; each program that is born here goes its own way from here."""
    with socket.socket(fileno=descriptor) as control:
        arguments = Nursery(control).start_next()
    if arguments is not None:
        sys.argv = ["reconcile-actors", *arguments]
        main()


if __name__ == "__main__":
    warm()
    serve(int(sys.argv[1]))
