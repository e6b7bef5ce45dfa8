"""Lets callers in through a socket file, and takes their name from the kernel, not from what they say.

The file is 0600 in a 0700 folder, and the peer's user is checked again by its credentials: the owner of
the desk or root, nobody else. The file is bound, narrowed and only then listened on, so there is no moment
at which a stranger could connect.
"""

from __future__ import annotations

import asyncio
import errno
import os
import pwd
import socket
import struct
import sys
from pathlib import Path

from kedge.model.exits import Exit, Halt
from kedge.model.frames import REQUEST_BYTES_MAX, Failed
from kedge.runtime.gate import Door, Guest

# What a socket file's name may measure on every system we know (Linux takes 107, macOS 103).
SOCKET_PATH_MAX = 103
# Connections waiting to be let in.
BACKLOG = 64
WRITE_BUFFER_BYTES = 64 * 1024
# How often the runtime looks whether its socket file is still there.
LOOK_S = 2.0


class GateShut(Halt):
    """The door cannot be opened; the text says why and what to do, in one sentence."""


class UnixGate:
    """One socket file. `open` and `close` are called by the runtime, once each."""

    def __init__(self, door: Door, path: Path) -> None:
        self._door, self._path = door, path
        self._server: asyncio.AbstractServer | None = None
        self._inode = 0
        self._met: dict[int, asyncio.Task[None]] = {}
        self._numbers = 0

    async def open(self) -> None:
        """Raises `GateShut`."""
        door = _bind(self._path)
        self._inode = os.stat(self._path).st_ino
        self._server = await asyncio.start_unix_server(
            self._meet, sock=door, limit=REQUEST_BYTES_MAX, backlog=BACKLOG
        )

    async def keep(self) -> None:
        """Make the socket file again when somebody deleted it: without it there is no kill switch."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                here = os.stat(self._path).st_ino == self._inode
            except FileNotFoundError:
                here = False
            if not here:
                await self._open_again()

    async def _open_again(self) -> None:
        old = self._server
        try:
            await self.open()
        except GateShut:
            return  # something else is in the way; look again later
        if old is not None:
            old.close()  # callers who are inside stay

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._door.close()
        for task in list(self._met.values()):
            task.cancel()
        # Only our own file: another engine may have taken the place of a frozen one.
        try:
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        except FileNotFoundError:
            pass

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._numbers += 1
        number = self._numbers
        task = asyncio.get_running_loop().create_task(
            self._let_in(reader, writer), name=f"gate {number} door"
        )
        self._met[number] = task

        def left(done: asyncio.Task[None]) -> None:
            del self._met[number]
            if not done.cancelled() and (bug := done.exception()) is not None:
                self._door.on_bug(bug)

        task.add_done_callback(left)

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        peer: socket.socket = writer.get_extra_info("socket")
        uid = peer_uid(peer)
        if uid not in (os.getuid(), 0):
            says = f"this desk belongs to {user_name(os.getuid())}; {user_name(uid)} may not speak to it"
            await self._door.turn_away(writer, Failed(0, "denied", says))
            return
        await self._door.serve(reader, writer, Guest(user_name(uid)))


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def peer_uid(peer: socket.socket) -> int:
    """Who is at the other end, as the kernel knows it."""
    if hasattr(socket, "SO_PEERCRED"):
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", raw)[1])
    if sys.platform == "darwin":  # struct xucred: version, uid, groups
        return int(struct.unpack_from("II", peer.getsockopt(0, 1, 76))[1])
    # Elsewhere the 0600 file in the 0700 folder is the check, and it lets in its owner (and root) alone.
    return os.getuid()


def _bind(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise GateShut(
            Exit.SETTINGS,
            f"the socket's name {path} is longer than {SOCKET_PATH_MAX} bytes;"
            " choose a shorter home with KEDGE_HOME",
        )
    _clear(path)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.bind(str(path))
        os.chmod(path, 0o600)
        door.setblocking(False)
    except OSError as error:
        door.close()
        raise GateShut(Exit.SETTINGS, f"the socket {path} cannot be made: {error.strerror}") from None
    return door


def _clear(path: Path) -> None:
    """Take away a dead engine's socket; refuse where one is alive (the lease should have said so before)."""
    if not path.exists():
        return
    if not path.is_socket():
        raise GateShut(Exit.SETTINGS, f"{path} is in the way and is not a socket; move it away")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.setblocking(False)
    try:
        refused = probe.connect_ex(str(path))
    finally:
        probe.close()
    if refused not in (errno.ECONNREFUSED, errno.ENOENT):
        raise GateShut(Exit.LEASE, f"another engine answers at {path}; stop it first")
    path.unlink(missing_ok=True)
