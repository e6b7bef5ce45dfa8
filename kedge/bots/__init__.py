"""The bots that come with Kedge: one file each, found here by kind."""

from __future__ import annotations

from typing import Any

from kedge.bots.hedge import Hedge
from kedge.bots.ladder import Ladder
from kedge.bots.pair import Pair
from kedge.bots.peg import Peg
from kedge.bots.spread import Spread
from kedge.bots.stash import Stash
from kedge.engine.bot import Bot

BUILT_IN: dict[str, Bot[Any, Any]] = {
    bot.kind: bot for bot in (Hedge(), Peg(), Pair(), Spread(), Ladder(), Stash())
}
