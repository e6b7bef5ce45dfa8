"""Lets callers in from other machines: TLS, and a token that gives them a name and a role.

Nothing is known of who knocks here, so little is given to them: so many strangers at once, so long to shake
hands and to greet, one line. Only who has shown a token is talked with, by the same `Door` and within the
same bounds as everybody, and a quarter of its places is kept for callers of the machine itself.

Without TLS it listens on this machine's own addresses alone (the end of a tunnel); the settings see to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import os
import socket
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from kedge.model.exits import Exit
from kedge.model.frames import REQUEST_BYTES_MAX, Failed, Hello
from kedge.runtime.gate import Door, Guest, greeting
from kedge.runtime.gate_tokens import Token, TokenFiles, digest_of, tokens_of
from kedge.runtime.gate_unix import BACKLOG, WRITE_BUFFER_BYTES, GateShut
from kedge.settings import GateSettings, Secrets, SettingsWrong

# Connections that have not shown a token yet: all together, and from one address.
STRANGERS_MAX = 32
STRANGERS_OF_ONE = 16
# A greeting is short; who says more has nothing to say here.
FIRST_LINE_MAX = 2048
# Whether the certificate was renewed is looked at so often; people are told of strangers no more often.
LOOK_S = 60.0
# A token that was revoked opens the gate no longer than this.
TOKENS_LOOK_S = 2.0
# No file handles left: somebody must leave first.
FULL_S = 0.5
# A peer that has vanished is noticed after about a minute.
ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000))

Warn = Callable[[str], None]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Afar(Guest, frozen=True):
    """Who came from another machine, and by which token: with it, they go."""

    token: Token | None = None


class Keys(Struct, frozen=True):
    """What is needed to listen, checked before anything else is started."""

    tokens: tuple[Token, ...]
    tls: ssl.SSLContext | None
    files: TokenFiles | None = None  # where tokens are read again

    def __repr__(self) -> str:
        return f"Keys({len(self.tokens)} tokens)"


def keys_of(settings: GateSettings, secrets: Secrets, files: TokenFiles | None = None) -> Keys | None:
    """None where it is not to listen at all. Raises `SettingsWrong`, `GateShut`."""
    if not settings.listen:
        return None
    if not settings.tokens:
        # Only at the start: while the gate is open, taking away the last section revokes the last token.
        raise SettingsWrong(
            "[gate] `tokens` is missing: without a [[gate.tokens]] nobody could come by `listen`"
        )
    return Keys(tokens_of(settings, secrets), _tls(settings) if settings.cert else None, files)


class TcpGate:
    """One listening address. `open`, `keep` and `close` are called by the runtime."""

    def __init__(self, door: Door, settings: GateSettings, keys: Keys, warn: Warn) -> None:
        self._door, self._settings, self._warn = door, settings, warn
        self._tokens, self._tls, self._files = keys.tokens, keys.tls, keys.files
        self._renewed = self._dates()
        self._ears: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._met: dict[int, asyncio.Task[None]] = {}
        self._strangers: dict[int, str] = {}  # where each comes from
        self._numbers = 0
        self._turned_away, self._last_why = 0, ""

    @property
    def address(self) -> str:
        """Where it listens, as a caller writes it."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        port = self._ears[0].getsockname()[1] if self._ears else self._settings.port
        return f"{'tls' if self._settings.cert else 'tcp'}://{host}:{port}"

    async def open(self) -> None:
        """Raises `GateShut`."""
        self._ears = _listen(self._settings)
        loop = asyncio.get_running_loop()
        for ear in self._ears:
            task = loop.create_task(self._accept(ear), name="gate accepts")
            task.add_done_callback(self._ended)
            self._accepting.append(task)

    async def keep(self) -> None:
        """Follow tokens and certificate as they are changed, and tell who was turned away."""
        loop = asyncio.get_running_loop()
        look_s = loop.time() + LOOK_S
        while True:
            await asyncio.sleep(min(TOKENS_LOOK_S, LOOK_S))
            self._renew_tokens()
            if loop.time() < look_s:
                continue
            look_s = loop.time() + LOOK_S
            self._tell()
            if self._tls is not None and (dates := self._dates()) != self._renewed:
                self._renewed = dates
                try:
                    self._tls = _tls(self._settings)
                except GateShut as shut:
                    self._warn(f"{shut}; the old certificate is still used")

    def _renew_tokens(self) -> None:
        """Take the tokens as their files are now; who came by one that is there no more is sent away."""
        if self._files is None:
            return
        before = self._tokens
        self._tokens, wrong = self._files.again(before)
        if wrong:
            self._warn(f"gate: {wrong}")
        gone = [token for token in before if token not in self._tokens]
        new = [token for token in self._tokens if token not in before]
        if not gone and not new:
            return
        left = self._door.send_away(
            lambda guest: isinstance(guest, Afar) and guest.token not in self._tokens,
            "your token was revoked or changed",
        )
        names = ", ".join(dict.fromkeys(token.name for token in (*gone, *new)))
        self._warn(f"gate: the tokens were changed ({names}); {left} conversations were ended")

    async def close(self) -> None:
        """Take no more. Callers who are inside are told by the door, which is closed first or after."""
        tasks = [*self._accepting, *self._met.values()]
        for task in self._accepting:
            task.cancel()
        for ear in self._ears:
            ear.close()
        await self._door.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tell()

    # ── knocking ────────────────────────────────────────────────────────────────────────────────

    async def _accept(self, ear: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                knocking, peer = await loop.sock_accept(ear)
            except OSError as error:
                if error.errno in (errno.EBADF, errno.EINVAL):
                    return  # closed
                await asyncio.sleep(FULL_S)
                continue
            self._meet(knocking, str(peer[0]))

    def _meet(self, knocking: socket.socket, peer: str) -> None:
        """One more stranger, or one too many: those are not even answered."""
        mine = sum(other == peer for other in self._strangers.values())
        if len(self._strangers) >= STRANGERS_MAX or mine >= STRANGERS_OF_ONE:
            knocking.close()
            self._refused(f"{peer}: too many at once")
            return
        self._numbers += 1
        number = self._numbers
        self._strangers[number] = peer
        task = asyncio.get_running_loop().create_task(
            self._let_in(number, knocking, peer), name=f"gate {number} from afar"
        )
        self._met[number] = task

        def left(done: asyncio.Task[None]) -> None:
            del self._met[number]
            self._strangers.pop(number, None)
            self._ended(done)

        task.add_done_callback(left)

    async def _let_in(self, number: int, knocking: socket.socket, peer: str) -> None:
        try:
            async with asyncio.timeout(self._settings.hello_s):
                opened = await self._shake_hands(knocking)
        except (OSError, TimeoutError):
            knocking.close()
            self._refused(f"{peer}: no TLS was agreed on" if self._tls else f"{peer}: it left at once")
            return
        reader, writer = opened
        try:
            async with asyncio.timeout(self._settings.hello_s):
                line = await reader.readline()
        except TimeoutError:
            line = b""
        except (OSError, ValueError):
            line = b"?"  # no greeting, whatever it was
        known = self._known(line)
        if isinstance(known, Failed):
            self._refused(f"{peer}: {known.says}")
            await self._door.turn_away(writer, known)
            return
        del self._strangers[number]
        await self._door.serve(reader, writer, known)

    async def _shake_hands(
        self, knocking: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        knocking.setblocking(False)
        _notice_the_dead(knocking)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=REQUEST_BYTES_MAX, loop=loop)
        bounds = self._settings
        times = (
            {"ssl_handshake_timeout": bounds.hello_s, "ssl_shutdown_timeout": max(bounds.farewell_s, 0.1)}
            if self._tls
            else {}
        )
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, knocking, ssl=self._tls, **times)
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _known(self, line: bytes) -> Afar | Failed:
        if not line:
            return Failed(0, "protocol", f"nothing was said for {self._settings.hello_s:g} s")
        if len(line) > FIRST_LINE_MAX or not line.endswith(b"\n"):
            return Failed(0, "malformed", f"the first line must be a Hello of at most {FIRST_LINE_MAX} bytes")
        greeted = greeting(line)
        if isinstance(greeted, Failed):
            return greeted
        if not greeted.token:
            return Failed(0, "denied", "who comes from another machine shows a token; none was shown")
        shown, found = digest_of(greeted.token), None
        for token in self._tokens:  # all of them, whichever fits: the time it takes tells nothing
            if hmac.compare_digest(token.digest, shown):
                found = token
        if found is None:
            return Failed(0, "denied", "the desk does not know this token")
        return Afar(found.name, found.role, Hello(greeted.protocol, greeted.via), found)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _refused(self, why: str) -> None:
        self._turned_away, self._last_why = self._turned_away + 1, why[:300]

    def _tell(self) -> None:
        if self._turned_away:
            self._warn(f"gate: {self._turned_away} callers were turned away, the last {self._last_why}")
        self._turned_away, self._last_why = 0, ""

    def _ended(self, done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (bug := done.exception()) is not None:
            self._door.on_bug(bug)

    def _dates(self) -> tuple[int, ...]:
        found: list[int] = []
        for name in (self._settings.cert, self._settings.key) if self._tls else ():
            with contextlib.suppress(OSError):  # being renewed at this moment
                found.append(os.stat(Path(name).expanduser()).st_mtime_ns)
        return tuple(found)


def _tls(settings: GateSettings) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    cert, key = Path(settings.cert).expanduser(), Path(settings.key).expanduser()
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise GateShut(Exit.SETTINGS, f"[gate]: {path} cannot be read: {error.strerror}") from None
    try:
        # A key with a password would have it asked for at the terminal.
        made.load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", "") or "the key has a password"
        raise GateShut(
            Exit.SETTINGS, f"[gate]: {cert} and {key} are no certificate and its key ({why})"
        ) from None
    return made


def _listen(settings: GateSettings) -> list[socket.socket]:
    where = settings.listen
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise GateShut(Exit.SETTINGS, f"[gate] listen {where}: {error.strerror}") from None
    ears: list[socket.socket] = []
    try:
        for family, address in _each_once((one[0], one[4]) for one in found):
            both = settings.host == "::" and socket.has_dualstack_ipv6()  # IPv4 too, as people mean by it
            ear = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
            ear.setblocking(False)
            ears.append(ear)
            if settings.port == 0:
                break  # any free port: one address is enough, two would be two ports
    except OSError as error:
        for ear in ears:
            ear.close()
        raise GateShut(
            Exit.SETTINGS, f"[gate] listen {where} cannot be had: {error.strerror}; choose another port"
        ) from None
    return ears


def _each_once(found: Iterable[tuple[int, tuple[object, ...]]]) -> list[tuple[int, tuple[str, int]]]:
    kept: dict[tuple[int, tuple[str, int]], None] = {}
    for family, address in found:
        kept[family, (str(address[0]), int(str(address[1])))] = None
    return list(kept)


def _notice_the_dead(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ALIVE:
        if hasattr(socket, name):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
