"""One client's connection as the venue sees it: who it is, what it listens to, what was told to it."""

from __future__ import annotations

from typing import Protocol

from kedge.sim.paper import wire
from kedge.sim.paper.faults import MESSAGE_FAULTS, Case, Faults
from kedge.sim.paper.wire import Message

# What may wait for a reader that does not read.
BACKLOG_MAX = 8 << 20


class Writer(Protocol):
    def write(self, data: bytes, /) -> None: ...

    def close(self) -> None: ...


class Connection:
    def __init__(self, number: int, writer: Writer, challenge: str, now_s: float, faults: Faults) -> None:
        self.number = number
        self.challenge = challenge
        # "" until the client has signed in.
        self.account = ""
        self.private = False
        self.private_seq = 0
        self.watched: dict[str, None] = {}
        self.began_s = now_s
        self.heard_s = now_s
        self.bad_lines = 0
        # Half-open: what is said is not heard, in either direction.
        self.deaf = False
        self.closed = False
        self._writer = writer
        self._faults = faults
        # Messages that are to come after the next one of their stream.
        self._late: dict[str, Message] = {}

    def send(self, message: Message) -> None:
        """Say it, unless nobody can hear."""
        if self.closed or self.deaf:
            return
        self._write(message)
        late = self._late.pop(_stream(message), None) if self._late else None
        if late is not None:
            self._write(late)

    def tell(self, message: Message) -> None:
        """Say one message of a stream, weather permitting."""
        body = message.get(message["t"], message)
        known = body if isinstance(body, dict) else message
        case = Case(message["t"], self.account, known.get("client_id", ""), known.get("symbol", ""))
        fault = self._faults.draw(MESSAGE_FAULTS, case)
        if fault is None:
            self.send(message)
        elif fault.kind == "duplicate_message":
            self.send(message)
            self.send(message)
        elif fault.kind == "reorder_message":
            overtaken = self._late.setdefault(_stream(message), message)
            if overtaken is not message:
                self.send(message)

    def tell_private(self, message: Message) -> None:
        """Say one message of the private stream; it has its number whether it arrives or not."""
        if not self.private:
            return
        self.private_seq += 1
        self.tell({**message, "seq": self.private_seq})

    def close(self, code: str = "", text: str = "", retry_ns: int = 0) -> None:
        """Hang up, with a word where there is one."""
        if self.closed:
            return
        if code:
            self.send(wire.bye(code, text, retry_ns))
        self.closed = True
        self._writer.close()

    def _write(self, message: Message) -> None:
        transport = getattr(self._writer, "transport", None)
        if transport is not None and transport.get_write_buffer_size() > BACKLOG_MAX:
            self.closed = True
            transport.abort()
            return
        try:
            self._writer.write(wire.line(message))
        except OSError:
            self.closed = True


def _stream(message: Message) -> str:
    """What a message is in order with: its symbol's books, the private stream, its own kind."""
    kind = message["t"]
    if kind == "book":
        return f"book {message['symbol']}"
    return "private" if "seq" in message else str(kind)
