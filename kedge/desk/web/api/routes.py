"""Everything the REST interface has: made from the deeds and the tables, and a few addresses of its own.

A deed that does something is a POST at its name (`bot stop` is /api/v1/bot/stop); what looks is a GET. A new
deed or table is here without a line of code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec import Struct

from kedge.desk.commands import DEEDS, KEPT, QUESTIONS, Deed, ExplainAsk, Nothing
from kedge.desk.deeds_tasks import ListsAsk, StashShowAsk
from kedge.desk.preorders.keeper import SourceState
from kedge.desk.web.api import doing, hedging, live, looking, markets, trading
from kedge.desk.web.api.door import Act, Route
from kedge.desk.web.api.shapes import (
    All,
    Figures,
    MarketData,
    Opened,
    Pages,
    Pong,
    Position,
    PositionData,
    PositionLine,
    Preorder,
    Rows,
    Said,
)
from kedge.journal.row_shapes import ListRow, StoryRow
from kedge.journal.rows import TABLES
from kedge.model.looks import BotLook, ListedLook, OrderLook, PositionLook, Preview, ScheduleLook, Status
from kedge.model.records import CommandTaken
from kedge.model.stash import SavedOrder

API = "/api/v1"
MAIN = "/main"

# Tables whose name is that of a deed which tells how things are now.
TABLE_PATHS = {"bots": "bot-history", "schedules": "schedule-history", "lists": "kept-lists"}
TABLE_HELP = {
    "position_minutes": "Positions as they stood at the end of each minute in which they changed.",
    "bots": "Every bot there ever was, with its parameters.",
    "story": "Every record in words, oldest first.",
    "instruments": "What the accounts trade: ticks, steps, bounds.",
    "lists": "Lists that people keep, as they stand.",
    "schedules": "Schedules as they are kept, with their last result.",
    "schedule_runs": "What schedules did, and what came of it.",
    "days": "Profit by day (UTC), bot and settlement asset.",
}
# What calls of deeds give.
CALLS: dict[str, tuple[Act, Any]] = {
    "status": (looking.status, Status),
    "bots": (looking.bots, All[BotLook]),
    "schedules": (looking.schedules, All[ScheduleLook]),
    **trading.GIVES,
}


# Rows that only the engine has, or that are more than their table.
OWN_READS: dict[str, tuple[Act, type[Struct], Any]] = {
    "stash": (trading.stash, StashShowAsk, All[SavedOrder]),
    "lists": (trading.lists, ListsAsk, All[ListRow]),
}


@lru_cache(maxsize=1)
def routes() -> tuple[Route, ...]:
    """Every address and method, in the order of the document."""
    return (*_deeds(), *_tables(), _listed(), _preview(), *_own(), *_main())


def _deeds() -> list[Route]:
    made: list[Route] = []
    for deed in DEEDS:
        if deed.read in OWN_READS:
            act, takes, gives = OWN_READS[deed.read]
            made.append(_get(deed.name.replace(" ", "/"), deed.help, takes, gives, act, (404, 409)))
        elif deed.read == "story":
            made.append(_get("explain", deed.help, ExplainAsk, All[StoryRow], looking.explain, (404, 409)))
        elif deed.call in CALLS:
            act, gives = CALLS[deed.call]
            made.append(_get(deed.name, deed.help, Nothing, gives, act))
        elif deed.call in QUESTIONS:
            gives = markets.GIVES[deed.call]
            act = markets.question(deed.call)
            made.append(_get(deed.name, deed.help, deed.args, gives, act, (409,)))
        elif not deed.read and deed.call not in KEPT:  # those are among our own
            made.append(_post(deed))
    return made


def _tables() -> list[Route]:
    helps = {deed.read: deed.help for deed in DEEDS if deed.read and deed.read != "story"}
    made: list[Route] = []
    for what, table in TABLES.items():
        positions = what == "positions"
        act = looking.positions if positions else looking.table_of(what)
        gives: Any = Rows[PositionLine] if positions else Rows[table.row]  # type: ignore[name-defined]
        path = TABLE_PATHS.get(what, what.replace("_", "-"))
        summary = helps.get(what) or TABLE_HELP[what]
        made.append(
            Route("GET", f"{API}/{path}", path, summary, looking.asks(what), gives, act, "Tables", csv=True)
        )
    return made


def _listed() -> Route:
    help = "Instruments as the engine has them now, whole, by the names of markets."
    return _get("listed", help, markets.ListedAsk, All[ListedLook], markets.listed)


def _preview() -> Route:
    return Route(
        "POST",
        f"{API}/preview",
        "preview",
        "What a command that starts a task would do; nothing is done.",
        trading.PreviewAsk,
        Preview,
        trading.preview,
        "Looking",
        "look",
        (409,),
    )


def _own() -> list[Route]:
    return [
        _get(
            "figures",
            "Money by asset, exposure by asset, what stands unhedged.",
            Nothing,
            Figures,
            looking.numbers,
        ),
        _get("held", "Positions as the engine has them now.", Nothing, All[PositionLook], looking.held),
        _get(
            "open-orders", "Orders as the engine has them now.", Nothing, All[OrderLook], looking.open_orders
        ),
        _get("ping", "Whether desk and engine are there, and who you are.", Nothing, Pong, looking.ping),
        Route(
            "POST",
            f"{API}/commands",
            "command",
            "Any command by its verb.",
            doing.CommandAsk,
            CommandTaken,
            doing.command,
            "Doing",
            "look",
            (409,),
        ),
        _get(
            "preorders",
            "Preorders, the newest first.",
            looking.PreordersAsk,
            Rows[Preorder],
            looking.preorder_list,
        ),
        _get(
            "preorders/{id}",
            "One preorder, by its number or id.",
            Nothing,
            Preorder,
            looking.preorder,
            (404,),
        ),
        _get(
            "preorder-sources",
            "Where preorders come from, and what came of the latest look.",
            Nothing,
            All[SourceState],
            looking.sources,
        ),
        Route(
            "GET",
            f"{API}/live",
            "live",
            "What happens, as it happens (server-sent events).",
            live.LiveAsk,
            None,
            live.live,
            "Looking",
            stream=True,
        ),
    ]


def _main() -> list[Route]:
    page = hedging.PagesAsk
    return [
        Route(
            "POST",
            f"{MAIN}/position-actions/",
            "position-actions",
            "Open a hedge, or close one.",
            hedging.PositionAction,
            Opened,
            hedging.act,
            "Hedge desk",
            "trade",
            (404, 409),
        ),
        _contract(
            "market-data",
            "Rate, position and wallet of the hedge market.",
            Nothing,
            MarketData,
            hedging.market_data,
        ),
        _contract(
            "position-data/{id}",
            "A position with its orders in and out.",
            Nothing,
            PositionData,
            hedging.position_data,
            (404,),
        ),
        _contract(
            "positions",
            "Positions, in pages; sortable by every column.",
            hedging.PositionsAsk,
            Pages[Position],
            hedging.position_list,
            (404,),
        ),
        _contract("positions/{id}", "One position.", Nothing, Position, hedging.position, (404,)),
        _contract("preorders", "Preorders, in pages.", page, Pages[Preorder], hedging.preorder_list, (404,)),
        _contract("preorders/{id}", "One preorder.", Nothing, Preorder, hedging.preorder, (404,)),
    ]


def _get(
    path: str, summary: str, takes: type[Struct], gives: Any, act: Act, errors: tuple[int, ...] = ()
) -> Route:
    name = path.replace("/{id}", "")
    one = f"{name}-one" if "{id}" in path else name
    return Route("GET", f"{API}/{path}", one, summary, takes, gives, act, "Looking", errors=errors)


def _contract(
    path: str, summary: str, takes: type[Struct], gives: Any, act: Act, errors: tuple[int, ...] = ()
) -> Route:
    name = "main-" + path.replace("/{id}", "-one")
    return Route(
        "GET", f"{MAIN}/{path}/", name, summary, takes, gives, act, "Hedge desk", errors=errors, numbers=True
    )


def _post(deed: Deed) -> Route:
    path = deed.name.replace(" ", "/")
    gives = CommandTaken if deed.verb else Said
    return Route(
        "POST",
        f"{API}/{path}",
        deed.name.replace(" ", "-"),
        deed.help,
        doing.body_of(deed),
        gives,
        doing.deed_act(deed),
        "Doing",
        deed.role,
        (409,),
    )
