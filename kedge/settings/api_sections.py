"""The sections of the settings that programs of people's own meet: REST, the hedge desk, preorders.

The engine reads none of them.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from kedge.model.numbers import ONE, ZERO
from kedge.model.order import Side

SOURCES_MOST = 32

_SECRET = re.compile(r"^[A-Z][A-Z0-9_]{1,63}$")
_NAME = re.compile(r"^[a-z][a-z0-9-]{0,31}$")
_OWN_SOURCE = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class ApiSettings(_Section, frozen=True):
    """The REST interface."""

    per_minute: Annotated[
        int, Meta(ge=1, le=1_000_000, description="So many requests a minute may come with one token.")
    ] = 600
    burst: Annotated[
        int, Meta(ge=1, le=100_000, description="So many of them may come at once, after a while of rest.")
    ] = 120
    streams: Annotated[
        int, Meta(ge=1, le=64, description="So many live streams may be open at once, all people together.")
    ] = 16


class HedgeSettings(_Section, frozen=True):
    """How a hedge is opened of which only the amount was said: `kedge.open_hedge`, `/main/`, preorders."""

    market: Annotated[str, Meta(description="The perpetual, as account:SYMBOL.")] = "paper/main:BTC-PERP"
    side: Annotated[Side, Meta(description="sell opens a short, buy opens a long.")] = "sell"
    through: Annotated[
        Decimal, Meta(description="How far through the touch the order is priced, in quote money.")
    ] = ONE
    slippage: Annotated[
        Decimal,
        Meta(description="The worst price, as a fraction of the price at which it began."),
    ] = Decimal("0.01")
    reprice_s: Annotated[
        Decimal, Meta(description="Seconds between two re-pricings of an unfilled order, at least.")
    ] = ONE
    deadline_s: Annotated[int, Meta(ge=1, description="After so many seconds it says what is left.")] = 220
    then: Annotated[
        Literal["chase", "cross", "cancel"],
        Meta(description="At the deadline: keep chasing, cross the book, or cancel the rest."),
    ] = "chase"

    def __post_init__(self) -> None:
        if self.through < 0 or self.reprice_s < 0:
            raise ValueError("`through` and `reprice_s` must not be negative")
        if not ZERO < self.slippage < ONE:
            raise ValueError("`slippage` is a fraction: 0.01 is one per cent")
        account, colon, symbol = self.market.partition(":")
        if not account or not colon or not symbol:
            raise ValueError(
                f"`market` is written account:SYMBOL, like paper/main:BTC-PERP; it is {self.market!r}"
            )


class SourceSettings(_Section, frozen=True):
    """One place preorders come from."""

    name: Annotated[str, Meta(description="What it is called in the log. Small letters, digits, `-`.")]
    kind: Annotated[
        str,
        Meta(description="http (JSON by GET), csv (files in a folder), or module:Class of your own."),
    ]
    url: Annotated[str, Meta(description="For http: where the JSON is.")] = ""
    token: Annotated[
        str, Meta(description="For http: NAME of the secret that is sent as `Authorization: Bearer ...`.")
    ] = ""
    folder: Annotated[str, Meta(description="For csv: the folder whose *.csv files are read.")] = ""
    every_s: Annotated[int, Meta(ge=1, le=86_400, description="Seconds between two looks.")] = 60
    options: Annotated[
        dict[str, str], Meta(description="What a source of your own is given, as name = text.")
    ] = {}

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"`name` must be small letters, digits and `-`, like shop; it is {self.name!r}")
        if self.token and not _SECRET.match(self.token):
            raise ValueError("`token` must be the NAME of a secret, like SHOP_TOKEN")
        if self.kind == "http":
            if not self.url.startswith(("https://", "http://")):
                raise ValueError("`url` of a source of kind http begins with https:// or http://")
        elif self.kind == "csv":
            if not self.folder:
                raise ValueError("`folder` is missing; a source of kind csv reads the *.csv files in it")
        elif not _OWN_SOURCE.match(self.kind):
            raise ValueError(f"`kind` is http, csv or module:Class of your own; it is {self.kind!r}")


class PreorderSettings(_Section, frozen=True):
    """Where preorders come from: any number of `[[preorders.sources]]`."""

    sources: Annotated[
        tuple[SourceSettings, ...],
        Meta(
            max_length=SOURCES_MOST,
            description="Each has name and kind (http, csv or module:Class of your own); url and token,"
            " or folder; every_s; options: docs/how-to/hedge-as-before.md.",
        ),
    ] = field(default=())

    def __post_init__(self) -> None:
        names = [source.name for source in self.sources]
        twice = next((name for at, name in enumerate(names) if name in names[:at]), "")
        if twice:
            raise ValueError(f"two sources are called {twice!r}; every one needs a name of its own")
