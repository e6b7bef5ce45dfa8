"""Released journals are replayed for ever: what a desk of an older version did must read the same today.

Each `tests/golden/journal-*.jsonl` holds the entries of one desk as that version wrote them, and the file
beside it the facts they came to. A change that reads them otherwise needs a migration, not a new file.
`KEDGE_WRITE_PAGES=1` writes the facts anew for files that have none yet.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kedge.engine.apply import apply
from kedge.engine.state import Desk, decode_desk, digest, encode_desk
from kedge.model.numbers import text
from kedge.model.records import Entry

GOLDEN = sorted((Path(__file__).parent / "golden").glob("journal-*.jsonl"))


def facts(desk: Desk) -> dict[str, Any]:
    """What matters whatever shape the state has."""
    return {
        "desk": desk.desk,
        "life": desk.life,
        "killed": desk.killed,
        "nets": {market: text(net) for market, net in sorted(desk.nets.items())},
        "orders": {
            order.client_id: [str(order.state), text(order.filled), text(order.told), order.slot]
            for account in desk.accounts.values()
            for order in account.orders.values()
        },
        "bots": {
            bot.name: {
                "phase": bot.phase,
                "slots": {
                    slot.name: [
                        text(slot.tally.bought),
                        text(slot.tally.sold),
                        text(slot.position.qty),
                        text(slot.position.realised),
                        {asset: text(fee) for asset, fee in sorted(slot.position.fees.items())},
                    ]
                    for slot in bot.slots.values()
                },
            }
            for bot in desk.bots.values()
        },
        "commands": {key: list(value) for key, value in sorted(desk.commands.items())},
        "fills": {name: len(account.seen) for name, account in sorted(desk.accounts.items())},
    }


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_old_journal_comes_to_the_same(path: Path) -> None:
    desk = Desk()
    for line in path.read_bytes().splitlines():
        entry = msgspec.json.decode(line, type=Entry)
        apply(desk, entry.record, entry.ts_ns)
    assert digest(decode_desk(encode_desk(desk))) == digest(desk)
    kept = path.with_suffix(".facts.json")
    if os.environ.get("KEDGE_WRITE_PAGES") and not kept.exists():
        kept.write_bytes(msgspec.json.format(msgspec.json.encode(facts(desk)), indent=1) + b"\n")
    assert facts(desk) == msgspec.json.decode(kept.read_bytes())


def test_there_is_an_old_journal() -> None:
    assert len(GOLDEN) >= 2
