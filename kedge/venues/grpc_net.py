"""The real net of gRPC venues: `GrpcNet` is the `Calls` of a running desk. Here alone grpcio is known.

grpcio is kept from being helpful. No retries, not even those that it calls transparent; no proxy of the
environment; no configuration from name services. Before a call the connection must stand, and where it does
not within the time there is, the call certainly never left. After that nobody can tell, so every end that the
venue itself did not speak is a `NoReply` that is not `unsent`.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

# Nothing here logs, and the library below would, to the terminal; it reads this when it is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from grpc import aio

from kedge.venues.calls import OK, CallAsk, CallEars, CallMouth, CallSaid, StreamAsk
from kedge.venues.wires import NoReply

# The largest thing a venue has to say is its list of instruments.
MESSAGE_MAX: Final = 64 * 1024 * 1024
# Messages of ours that wait for the far end to read.
WAITING_MAX: Final = 1_000
# A connection with a call under way is asked so often whether it lives, and is dead without an answer.
ALIVE_EVERY_MS: Final = 30_000
ALIVE_WITHIN_MS: Final = 10_000

_OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.max_receive_message_length", MESSAGE_MAX),
    ("grpc.keepalive_time_ms", ALIVE_EVERY_MS),
    ("grpc.keepalive_timeout_ms", ALIVE_WITHIN_MS),
    ("grpc.primary_user_agent", "kedge"),
    # Every account has connections of its own.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)
# What grpcio itself says when the line, and not the venue, has ended a call.
_MADE_UP: Final = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL")


class GrpcNet:
    """All connections of one account. `roots` is a file of certificates to trust besides the usual ones."""

    def __init__(self, roots: str = "") -> None:
        self._roots = roots
        self._channels: dict[str, aio.Channel] = {}
        self._streams: dict[int, _Stream] = {}
        self._opened = 0

    async def unary(self, host: str, ask: CallAsk, timeout_s: float) -> CallSaid | NoReply:
        """One call, one attempt."""
        began_s = asyncio.get_running_loop().time()
        channel = await self._ready(host, timeout_s)
        if isinstance(channel, NoReply):
            return channel
        left_s = max(0.001, began_s + timeout_s - asyncio.get_running_loop().time())
        ask_it: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(ask.method)
        call = ask_it(ask.body, metadata=aio.Metadata(*ask.metadata), timeout=left_s)
        try:
            body = await call
            metadata = {**_words(await call.initial_metadata()), **_words(await call.trailing_metadata())}
        except aio.AioRpcError as error:
            return _ended(error, timeout_s)
        except aio.UsageError:
            return NoReply("the connection was closed by this side")
        return CallSaid(OK, bytes(body), metadata=metadata)

    async def stream(
        self, host: str, ask: StreamAsk, ears: CallEars, timeout_s: float
    ) -> CallMouth | NoReply:
        channel = await self._ready(host, timeout_s)
        if isinstance(channel, NoReply):
            return channel
        open_it: aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(ask.method)
        call = open_it(metadata=aio.Metadata(*ask.metadata))
        self._opened += 1
        number = self._opened
        stream = _Stream(call, ask, ears)
        self._streams[number] = stream
        stream.task.add_done_callback(lambda task: self._done(number, task))
        return stream

    async def close(self) -> None:
        for stream in list(self._streams.values()):
            stream.close()
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()

    def _done(self, number: int, task: asyncio.Task[None]) -> None:
        self._streams.pop(number, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # our own mistake, and nobody awaits it: say it
            context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)

    # ── connections ─────────────────────────────────────────────────────────────────────────────

    async def _ready(self, host: str, timeout_s: float) -> aio.Channel | NoReply:
        """The connection to this host, standing; or why it does not."""
        channel = self._channels.get(host)
        if channel is None:
            made = self._open(host)
            if isinstance(made, NoReply):
                return made
            channel = self._channels[host] = made
        try:
            async with asyncio.timeout(timeout_s):
                await _standing(channel)
        except TimeoutError:
            return NoReply(f"no connection to {_plain(host)} within {timeout_s:g} s", unsent=True)
        except aio.UsageError:
            return NoReply("the connection was closed by this side", unsent=True)
        return channel

    def _open(self, host: str) -> aio.Channel | NoReply:
        options: list[tuple[str, Any]] = list(_OPTIONS)
        if host.startswith("http://"):
            return aio.insecure_channel(_plain(host), options)
        try:
            roots = Path(self._roots).read_bytes() if self._roots else None
        except OSError as error:
            return NoReply(f"the certificates in {self._roots} cannot be read: {error.strerror}", unsent=True)
        return aio.secure_channel(_plain(host), grpc.ssl_channel_credentials(roots), options)


async def _standing(channel: aio.Channel) -> None:
    """Wait until it is connected; one that was idle is woken."""
    while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.SHUTDOWN:
            raise aio.UsageError("closed")
        await channel.wait_for_state_change(state)


class _Stream:
    """One stream: a task that listens, and a queue of what is to be said."""

    def __init__(self, call: aio.StreamStreamCall[bytes, bytes], ask: StreamAsk, ears: CallEars) -> None:
        self._call = call
        self._ears = ears
        self._over = False
        self._talks = ask.talks
        self._todo: deque[bytes] = deque([ask.body])
        self._woken = asyncio.Event()
        self._woken.set()
        loop = asyncio.get_running_loop()
        self.task = loop.create_task(self._listen(), name=f"grpc {ask.method}")
        self._writer = loop.create_task(self._write(), name=f"grpc {ask.method} writer")

    def say(self, message: bytes) -> bool:
        if self._over or not self._talks or len(self._todo) >= WAITING_MAX:
            return False
        self._todo.append(message)
        self._woken.set()
        return True

    def close(self) -> None:
        if not self._over:
            self._end(NoReply("closed by this side"))
            self._call.cancel()
            self._writer.cancel()

    async def _listen(self) -> None:
        try:
            while isinstance(message := await self._call.read(), bytes):
                if self._over:
                    return
                self._ears.heard(message)
            said = CallSaid(OK, metadata=_words(await self._call.trailing_metadata()))
            self._end(said)
        except aio.AioRpcError as error:
            self._end(_ended(error, 0))
        except (aio.UsageError, asyncio.InvalidStateError):
            self._end(NoReply("the connection was closed by this side"))
        except asyncio.CancelledError:
            # grpcio says in this way, too, that the call was cancelled below us.
            self._end(NoReply("the stream was cancelled"))
            raise
        finally:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._todo:
                    await self._call.write(self._todo.popleft())
                if not self._talks:
                    await self._call.done_writing()
                    return
        except (aio.AioRpcError, aio.UsageError, asyncio.InvalidStateError):
            return  # whoever listens is told how it ended

    def _end(self, how: CallSaid | NoReply) -> None:
        if not self._over:
            self._over = True
            self._ears.ended(how)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _ended(error: aio.AioRpcError, timeout_s: float) -> CallSaid | NoReply:
    """The venue's word, or what the transport made of its absence.

    What a server has ended carries its metadata (its headers have come, at least); what never reached one, or
    came back from none, has nothing of the kind.
    """
    status = error.code().name
    metadata = {**_words(error.initial_metadata()), **_words(error.trailing_metadata())}
    if status in _MADE_UP and not metadata:
        if status == "DEADLINE_EXCEEDED":
            return NoReply(f"no answer within {timeout_s:g} s")
        return NoReply(f"the connection was cut: {error.details() or status}")
    return CallSaid(status, words=error.details() or "", metadata=metadata)


def _words(metadata: Any) -> Mapping[str, str]:
    """Names and text; what is binary is none of our business."""
    pairs: Sequence[tuple[str, object]] = list(metadata or ())
    return {name.lower(): value for name, value in pairs if isinstance(value, str)}


def _plain(host: str) -> str:
    return host.partition("://")[2] or host
