"""What the REST interface answers, as structs; the OpenAPI document is made from them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

from kedge.desk.figures import Exposure, Money
from kedge.model.records import CommandTaken

T = TypeVar("T")

Numbered = Annotated[int, Meta(ge=0)]


class AsOf(Struct, frozen=True):
    """How old the rows are: those of entry `seq`, while the engine has `behind` more."""

    seq: int
    behind: int
    trouble: str = ""


class Rows(Struct, Generic[T], frozen=True):
    """One page of a table. `next` goes into `after` for the page behind it; "" where there is none."""

    rows: list[T]
    total: int
    total_is_exact: bool
    next: str
    searched_all: bool
    as_of: AsOf


class All(Struct, Generic[T], frozen=True):
    """A list that is short enough to be whole."""

    rows: list[T]


class PositionLine(Struct, frozen=True, omit_defaults=True):
    """A position, with the mark and the profit at it where the engine is there to tell."""

    bot: str
    slot: str
    market: str
    qty: Decimal
    cost: Decimal
    average: Decimal
    realised: Decimal
    settle: str
    fees: dict[str, Decimal]
    ts_ns: int
    mark: Decimal | None = None
    unrealised: Decimal | None = None


class Figures(Struct, frozen=True):
    """What people ask first: money by asset, exposure by asset, what stands unhedged."""

    moneys: list[Money]
    exposures: list[Exposure]
    unhedged: Decimal


class Said(Struct, frozen=True):
    """What was done, in one sentence."""

    says: str


class Pong(Struct, frozen=True):
    """The desk is there; `engine` says whether the engine is, `away` why not."""

    engine: bool
    away: str
    person: str
    role: str


class Fault(Struct, frozen=True, omit_defaults=True):
    """`code` is one word for programs, `says` one sentence for people. `command_id`: ask again under it."""

    code: str
    says: str
    command_id: str = ""
    taken: CommandTaken | None = None


class Failed(Struct, frozen=True):
    error: Fault


class Opened(Struct, frozen=True):
    action: str
    position_id: str
    bot: str
    says: str
    command_id: str


class PreorderStage(Struct, frozen=True):
    status: str
    status_date: str | None
    comment: str


class Preorder(Struct, frozen=True):
    id: str
    preorder_id: int
    created_at: str
    sum_rub: str | None
    sum_usd: str | None
    sum_btc: str | None
    buyer: str
    location: str
    order_date: str | None
    finished_at: str | None
    product: str
    product_name: str
    size: str | None
    status: str
    status_text: str
    is_garant: bool
    garant_status: str
    stages: list[PreorderStage]


class Position(Struct, frozen=True):
    id: str
    r_id: str
    created_at: str
    closed_at: str | None
    status: str
    comment: str | None
    sum_btc: str
    btc_total_comissions: str
    order_in: str | None
    order_out: str | None
    btc_price_in: str | None
    btc_price_out: str | None
    is_by_hand: bool
    preorder: str | None
    h_preorder_id: int | None
    preorder_sum_rub: str | None
    is_preorder_garant: bool | None


class OrderData(Struct, frozen=True):
    id: str
    created_at: str
    order_id: str | None
    type: str
    status: str
    text: str
    sum_btc: str
    sum_usd: str
    price: str
    btc_rate: str
    usd_rate: str | None
    preorder: str | None
    position: str


# Numbers where the older desk sent numbers; in the document they are those.
Digits = Annotated[Any, Meta(extra_json_schema={"type": "number"})]
MaybeDigits = Annotated[Any, Meta(extra_json_schema={"type": ["number", "null"]})]


class Analytics(Struct, frozen=True):
    position_margin: Digits
    position_margin_str: str


class PositionData(Struct, frozen=True, omit_defaults=True):
    id: str
    status: str
    comment: str | None
    order_in_data: OrderData | None
    order_out_data: OrderData | None
    analytics: Analytics | None = None
    preorder_data: Preorder | None = None


class PositionInfo(Struct, frozen=True):
    size: Digits
    position_value: Digits
    leverage: MaybeDigits
    entry_price: Digits
    liq_price: MaybeDigits
    unrealised_pnl: Digits


class WalletInfo(Struct, frozen=True):
    available_balance: MaybeDigits
    wallet_balance: MaybeDigits


class MarketData(Struct, frozen=True):
    rate: MaybeDigits
    position_info: PositionInfo
    wallet_info: WalletInfo


class Pages(Struct, Generic[T], frozen=True):
    """The older desk's pages: `next` and `previous` are addresses."""

    count: int
    next: str | None
    previous: str | None
    results: list[T]
