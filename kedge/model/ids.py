"""Client order ids are provenance: 128 bits = desk · bot · life · counter.

An order found at a venue tells, with no database at hand, whether it is ours, which bot's, and from
which life of the desk. The life is durably raised at every start, so an id cannot be minted twice even
when an unsynced tail of the journal is lost. Venues get the same 128 bits in their own spelling.
"""

from __future__ import annotations

from msgspec import Struct

DESK_BITS, BOT_BITS, LIFE_BITS, COUNTER_BITS = 32, 24, 32, 40


class Provenance(Struct, frozen=True):
    desk: int
    bot: int
    life: int
    counter: int


def mint(desk: int, bot: int, life: int, counter: int) -> str:
    """The canonical id: 32 lower-case hex digits."""
    assert 0 < desk < 1 << DESK_BITS
    assert 0 <= bot < 1 << BOT_BITS
    assert 0 < life < 1 << LIFE_BITS
    assert 0 < counter < 1 << COUNTER_BITS
    return f"{desk:08x}{bot:06x}{life:08x}{counter:010x}"


def read(client_id: str) -> Provenance | None:
    """Who made this id; None when it is not of our making (another program's, or a person's)."""
    plain = client_id.removeprefix("0x").replace("-", "")
    if len(plain) != 32 or not all(c in "0123456789abcdef" for c in plain):
        return None
    return Provenance(int(plain[:8], 16), int(plain[8:14], 16), int(plain[14:22], 16), int(plain[22:], 16))


def as_hyperliquid(client_id: str) -> str:
    return "0x" + client_id


def as_uuid(client_id: str) -> str:
    c = client_id
    return f"{c[:8]}-{c[8:12]}-{c[12:16]}-{c[16:20]}-{c[20:]}"
