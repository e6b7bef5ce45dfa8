"""One instrument as the protocol writes it, by kind."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from kedge.model.numbers import ONE
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import instruments_pb2 as pb
from kedge.sim.tinvest.board import NOMINAL, Kind, Paper, uuid_of
from kedge.sim.tinvest.calendar import DAY_NS, SECOND_NS
from kedge.sim.tinvest.shapes import money, quotation, stamp

TYPES: dict[Kind, common.InstrumentType] = {
    "bond": common.INSTRUMENT_TYPE_BOND,
    "share": common.INSTRUMENT_TYPE_SHARE,
    "currency": common.INSTRUMENT_TYPE_CURRENCY,
    "etf": common.INSTRUMENT_TYPE_ETF,
    "future": common.INSTRUMENT_TYPE_FUTURES,
}
WORDS: dict[Kind, str] = {
    "bond": "bond",
    "share": "share",
    "currency": "currency",
    "etf": "etf",
    "future": "futures",
}
FIRST_BAR_NS = (date(2024, 1, 3) - date(1970, 1, 1)).days * DAY_NS


def share(paper: Paper, status: int) -> pb.Share:
    return pb.Share(
        **_common(paper, status),
        isin=paper.isin,
        sector="other",
        nominal=money(ONE),
        div_yield_flag=bool(paper.dividend),
        share_type=pb.SHARE_TYPE_PREFERRED if paper.ticker.endswith("P") else pb.SHARE_TYPE_COMMON,
        asset_uid=paper.asset_uid,
        liquidity_flag=paper.shortable,
    )


def bond(paper: Paper, status: int, now_ns: int) -> pb.Bond:
    return pb.Bond(
        **_common(paper, status),
        isin=paper.isin,
        sector="government" if paper.class_code == "TQOB" else "other",
        coupon_quantity_per_year=2,
        maturity_date=stamp(paper.expires_ns),
        nominal=money(NOMINAL),
        initial_nominal=money(NOMINAL),
        aci_value=money(paper.accrued(now_ns)),
        asset_uid=paper.asset_uid,
        liquidity_flag=paper.class_code == "TQOB",
        risk_level=pb.RISK_LEVEL_LOW if paper.class_code == "TQOB" else pb.RISK_LEVEL_MODERATE,
    )


def etf(paper: Paper, status: int) -> pb.Etf:
    return pb.Etf(
        **_common(paper, status),
        isin=paper.isin,
        sector="other",
        focus_type="mixed_allocation",
        asset_uid=paper.asset_uid,
        liquidity_flag=paper.weekend,
    )


def currency(paper: Paper, status: int) -> pb.Currency:
    return pb.Currency(
        **_common(paper, status),
        nominal=money(ONE, paper.what),
        iso_currency_name=paper.what,
    )


def future(paper: Paper, status: int, margin: Decimal) -> pb.Future:
    kind = "DELIVERY" if paper.share and not paper.perpetual else "CASH_SETTLEMENT"
    owner = f"TQBR:{paper.share}" if paper.share else f"asset:{paper.asset}"
    return pb.Future(
        **_common(paper, status),
        first_trade_date=stamp(FIRST_BAR_NS),
        last_trade_date=stamp(paper.expires_ns - paper.expires_ns % DAY_NS),
        futures_type=f"DELIVERY_TYPE_{'PHYSICAL_DELIVERY' if kind == 'DELIVERY' else kind}",
        asset_type=paper.asset_kind,
        basic_asset=paper.asset,
        basic_asset_size=quotation(paper.asset_size),
        basic_asset_position_uid=uuid_of(f"position:{owner}"),
        sector=paper.asset_kind,
        expiration_date=stamp(paper.expires_ns),
        initial_margin_on_buy=money(margin),
        initial_margin_on_sell=money(margin),
        min_price_increment_amount=quotation(paper.tick_value),
    )


def instrument(paper: Paper, status: int) -> pb.Instrument:
    return pb.Instrument(
        **_common(paper, status),
        isin=paper.isin,
        instrument_type=WORDS[paper.kind],
        instrument_kind=TYPES[paper.kind],
        asset_uid=paper.asset_uid if paper.kind in ("share", "bond", "etf") else "",
    )


def short(paper: Paper) -> pb.InstrumentShort:
    return pb.InstrumentShort(
        isin=paper.isin,
        figi=paper.figi,
        ticker=paper.ticker,
        class_code=paper.class_code,
        instrument_type=WORDS[paper.kind],
        name=paper.name,
        uid=paper.uid,
        position_uid=paper.position_uid,
        instrument_kind=TYPES[paper.kind],
        api_trade_available_flag=paper.by_api,
        for_iis_flag=True,
        first_1min_candle_date=stamp(FIRST_BAR_NS + 10 * 3600 * SECOND_NS),
        first_1day_candle_date=stamp(FIRST_BAR_NS),
        for_qual_investor_flag=paper.qualified,
        weekend_flag=paper.weekend,
        lot=paper.lot,
    )


def _common(paper: Paper, status: int) -> dict[str, Any]:
    """What all kinds have."""
    rate = quotation(paper.margin_rate)
    return {
        "figi": paper.figi,
        "ticker": paper.ticker,
        "class_code": paper.class_code,
        "lot": paper.lot,
        "currency": paper.currency,
        "dlong": rate,
        "dshort": rate,
        "dlong_min": rate,
        "dshort_min": rate,
        "dlong_client": rate,
        "dshort_client": rate,
        "short_enabled_flag": paper.shortable,
        "name": paper.name,
        "exchange": paper.schedule,
        "country_of_risk": "RU",
        "country_of_risk_name": "Российская Федерация",
        "trading_status": status,
        "buy_available_flag": paper.by_api,
        "sell_available_flag": paper.by_api,
        "min_price_increment": quotation(paper.tick),
        "api_trade_available_flag": paper.by_api,
        "uid": paper.uid,
        "real_exchange": common.REAL_EXCHANGE_MOEX,
        "position_uid": paper.position_uid,
        "for_iis_flag": True,
        "for_qual_investor_flag": paper.qualified,
        "weekend_flag": paper.weekend,
        "first_1min_candle_date": stamp(FIRST_BAR_NS + 10 * 3600 * SECOND_NS),
        "first_1day_candle_date": stamp(FIRST_BAR_NS),
    }
