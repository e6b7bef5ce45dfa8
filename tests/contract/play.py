"""One card on one rig, in a world of its own."""

from __future__ import annotations

from kedge.sim.loop import StormLoop
from tests.contract.cards import Card
from tests.contract.rig import Rig


def play(kind: type[Rig], card: Card) -> None:
    """Raises `AssertionError` where the card, or a law, does not hold."""

    async def main(rig: Rig) -> None:
        try:
            await card.play(rig)
        finally:
            await rig.down()
        rig.check_laws()

    with StormLoop(trace="off") as loop:
        loop.run_until_complete(main(kind(loop)))
        assert loop.complaints == []
