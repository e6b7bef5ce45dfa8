"""A line as a picture: PNG made with nothing but zlib.

One curve, a zero line, the extremes and the two ends in digits. A plotting library would bring fifty
megabytes and a second of start-up to a small machine for this one picture. Floats are fine here: nothing
decides by a pixel.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

Colour = tuple[int, int, int]

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 24, 24, 56, 48
PAPER: Colour = (255, 255, 255)
INK: Colour = (38, 50, 56)
FAINT: Colour = (207, 216, 220)
UP: Colour = (0, 121, 84)
DOWN: Colour = (198, 40, 40)

# Five by seven dots per sign; what is not here is left blank.
_GLYPHS = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11110 00001 00001 01110 00001 00001 11110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    "-": "00000 00000 00000 11111 00000 00000 00000",
    "+": "00000 00100 00100 11111 00100 00100 00000",
    ".": "00000 00000 00000 00000 00000 01100 01100",
    ":": "00000 01100 01100 00000 01100 01100 00000",
    "/": "00001 00010 00010 00100 01000 01000 10000",
}
_LETTERS = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "01110 00100 00100 00100 00100 00100 01110",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 10101 10011 10001 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "Q": "01110 10001 10001 10001 10101 10010 01101",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "V": "10001 10001 10001 10001 10001 01010 00100",
    "W": "10001 10001 10001 10101 10101 11011 10001",
    "X": "10001 10001 01010 00100 01010 10001 10001",
    "Y": "10001 10001 01010 00100 00100 00100 00100",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
}
GLYPHS = {sign: dots.split() for sign, dots in (_GLYPHS | _LETTERS).items()}


def picture(title: str, values: Sequence[float], first: str, last: str, shown: Sequence[str]) -> bytes:
    """A PNG of the values over equal steps. `shown`: the least, the greatest and the last, in digits."""
    assert values
    canvas = _Canvas()
    low, high = min(*values, 0.0), max(*values, 0.0)
    reach = (high - low) or 1.0
    across = max(1, len(values) - 1)

    def place(step: int, value: float) -> tuple[int, int]:
        x = LEFT + round((WIDTH - LEFT - RIGHT) * step / across)
        return x, TOP + round((HEIGHT - TOP - BOTTOM) * (high - value) / reach)

    colour = UP if values[-1] >= 0 else DOWN
    zero = place(0, 0.0)[1]
    for level in {0: high, 1: (high + low) / 2, 2: low}.values():
        canvas.line((LEFT, place(0, level)[1]), (WIDTH - RIGHT, place(0, level)[1]), FAINT, 1)
    points = [place(step, value) for step, value in enumerate(values)]
    points = points if len(points) > 1 else [points[0], (WIDTH - RIGHT, points[0][1])]
    canvas.shade(points, zero, colour)
    canvas.line((LEFT, zero), (WIDTH - RIGHT, zero), INK, 1)
    for before, after in pairwise(points):
        canvas.line(before, after, colour, 3)
    least, greatest, now = shown
    canvas.word(title, LEFT, 16, INK, 3)
    canvas.word(now, WIDTH - RIGHT - canvas.width_of(now, 3), 16, colour, 3)
    canvas.word(greatest, LEFT + 4, TOP + 4, INK, 2)
    canvas.word(least, LEFT + 4, HEIGHT - BOTTOM - 18, INK, 2)
    canvas.word(first, LEFT, HEIGHT - 28, INK, 2)
    canvas.word(last, WIDTH - RIGHT - canvas.width_of(last, 2), HEIGHT - 28, INK, 2)
    return canvas.png()


class _Canvas:
    def __init__(self) -> None:
        self._rows = [bytearray(bytes(PAPER) * WIDTH) for _ in range(HEIGHT)]

    def dot(self, x: int, y: int, colour: Colour) -> None:
        if 0 <= x < WIDTH and 0 <= y < HEIGHT:
            self._rows[y][3 * x : 3 * x + 3] = bytes(colour)

    def line(self, start: tuple[int, int], end: tuple[int, int], colour: Colour, thick: int) -> None:
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        half = thick // 2
        for step in range(steps + 1):
            x, y = x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)
            for dx in range(-half, half + 1):
                for dy in range(-half, half + 1):
                    self.dot(x + dx, y + dy, colour)

    def shade(self, points: Sequence[tuple[int, int]], zero: int, colour: Colour) -> None:
        """Between the curve and zero, lightly."""
        light: Colour = tuple(part + (255 - part) * 4 // 5 for part in colour)  # type: ignore[assignment]
        for (x0, y0), (x1, y1) in pairwise(points):
            for x in range(x0, x1 + 1):
                y = y0 + round((y1 - y0) * (x - x0) / max(1, x1 - x0))
                for between in range(min(y, zero), max(y, zero)):
                    self.dot(x, between, light)

    def word(self, said: str, x: int, y: int, colour: Colour, size: int) -> None:
        for number, sign in enumerate(said.upper()):
            for row, dots in enumerate(GLYPHS.get(sign, ())):
                for column, dot in enumerate(dots):
                    if dot == "1":
                        self._square(x + (number * 6 + column) * size, y + row * size, size, colour)

    def width_of(self, said: str, size: int) -> int:
        return len(said) * 6 * size

    def png(self) -> bytes:
        raw = b"".join(b"\0" + bytes(row) for row in self._rows)
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(raw, 6)), _chunk(b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    def _square(self, x: int, y: int, size: int, colour: Colour) -> None:
        for dx in range(size):
            for dy in range(size):
                self.dot(x + dx, y + dy, colour)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
