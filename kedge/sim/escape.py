"""The doors of asyncio that lead out of a world: each of them raises `Escape`.

A thread, a socket, a signal or another program has its own time, so a run that used one could not be
repeated from its seed. `StormLoop` fills in the rest of the event loop.
"""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn


class Escape(RuntimeError):
    """Code reached for a thread, a socket, a signal or another program: it cannot be simulated."""


def _refuse(door: str) -> Any:
    def refuse(self: SealedLoop, *args: Any, **options: Any) -> NoReturn:
        self._escape(door)

    refuse.__name__ = door
    return refuse


class SealedLoop(asyncio.AbstractEventLoop):
    """An event loop without an outside."""

    def _escape(self, what: str) -> NoReturn:
        raise Escape(f"{what}: a storm cannot simulate this; keep it behind a seam that has a fake")

    add_reader: Any = _refuse("add_reader")
    add_signal_handler: Any = _refuse("add_signal_handler")
    add_writer: Any = _refuse("add_writer")
    connect_accepted_socket: Any = _refuse("connect_accepted_socket")
    connect_read_pipe: Any = _refuse("connect_read_pipe")
    connect_write_pipe: Any = _refuse("connect_write_pipe")
    create_connection: Any = _refuse("create_connection")
    create_datagram_endpoint: Any = _refuse("create_datagram_endpoint")
    create_server: Any = _refuse("create_server")
    create_unix_connection: Any = _refuse("create_unix_connection")
    create_unix_server: Any = _refuse("create_unix_server")
    getaddrinfo: Any = _refuse("getaddrinfo")
    getnameinfo: Any = _refuse("getnameinfo")
    remove_reader: Any = _refuse("remove_reader")
    remove_signal_handler: Any = _refuse("remove_signal_handler")
    remove_writer: Any = _refuse("remove_writer")
    run_in_executor: Any = _refuse("run_in_executor")
    sendfile: Any = _refuse("sendfile")
    set_default_executor: Any = _refuse("set_default_executor")
    sock_accept: Any = _refuse("sock_accept")
    sock_connect: Any = _refuse("sock_connect")
    sock_recv: Any = _refuse("sock_recv")
    sock_recv_into: Any = _refuse("sock_recv_into")
    sock_recvfrom: Any = _refuse("sock_recvfrom")
    sock_recvfrom_into: Any = _refuse("sock_recvfrom_into")
    sock_sendall: Any = _refuse("sock_sendall")
    sock_sendfile: Any = _refuse("sock_sendfile")
    sock_sendto: Any = _refuse("sock_sendto")
    start_tls: Any = _refuse("start_tls")
    subprocess_exec: Any = _refuse("subprocess_exec")
    subprocess_shell: Any = _refuse("subprocess_shell")
