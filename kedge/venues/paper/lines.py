"""A byte stream cut into lines, with a bound. Pure."""

from __future__ import annotations


class Lines:
    """Cuts a byte stream into lines. A line that grows beyond `line_max` breaks the stream for good."""

    def __init__(self, line_max: int) -> None:
        self.line_max = line_max
        self.broken = False
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        if self.broken:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self.line_max or any(len(line) > self.line_max for line in lines):
            self.broken = True
            self._rest = b""
            return []
        return [line for line in lines if line.strip()]
