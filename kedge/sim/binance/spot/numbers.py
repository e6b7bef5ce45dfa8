"""Numbers that only rise: of trades, reports, book updates, order lists; and ids made from them.

They are written along with what must be on disk anyway. A life that ends without a word may have given
numbers that were not: so the next one begins a million further on, and no number is given twice.
"""

from __future__ import annotations

import hashlib

from msgspec import Struct

from kedge.sim.testnet.keeper import Facts, Keeper

LEAP = 1_000_000
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
WORD = 22


class Counter(Struct):
    value: int


class Numbers:
    def __init__(self, keeper: Keeper[Facts], name: str) -> None:
        self._birth = keeper.birth
        self._kept = keeper.drawer(name, Counter, soft=True)
        for counter in self._kept.values():
            counter.value += LEAP

    def next(self, name: str, by: int = 1) -> int:
        """The last of the `by` numbers that are taken now."""
        counter = self._kept.get(name) or Counter(LEAP)
        counter.value += by
        self._kept.put(name, counter)
        return counter.value

    def word(self) -> str:
        """An id as the venue makes them where a client gives none: 22 letters and digits, never twice."""
        number = self.next("word")
        rest = int.from_bytes(hashlib.sha256(f"{self._birth}:{number}".encode()).digest(), "big")
        letters = []
        for _ in range(WORD):
            rest, digit = divmod(rest, len(ALPHABET))
            letters.append(ALPHABET[digit])
        return "".join(letters)
