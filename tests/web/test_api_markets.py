"""Prices, instruments and scans by REST: the same answers as on the command line, and the same refusals."""

from __future__ import annotations

import pytest
from api_kit import Api, at_an_api
from fake_port import NOW
from market_kit import COINS, MOEX, Gate

from kedge.runtime.port import EngineAway


def test_scans_and_prices() -> None:
    async def run(api: Api) -> None:
        eve = await api.token("eve", "viewer")
        status, body = await api.get("/api/v1/scan?rate=18&asset=SBER", eve)
        assert status == 200
        assert (body["found"], body["pairs"], body["rate_pct"]) == (2, 3, "18")
        assert [row["far"] for row in body["rows"]] == [f"{MOEX}:SRH7", f"{MOEX}:SRZ6"]
        assert body["rows"][1]["margin"] == "35200"
        status, body = await api.get("/api/v1/scan?rate=900&limit=1", eve)
        assert (status, body["rows"], body["best"]["far"]) == (200, [], f"{MOEX}:SRH7")
        status, body = await api.get("/api/v1/dscan?threshold=0", eve)
        assert (status, body["interest_pct"], body["threshold_pct"]) == (200, "7.5", "0")
        status, body = await api.get(f"/api/v1/quotes?account={COINS}&symbols=BTC-PERP", eve)
        assert status == 200
        assert [(row["market"], row["bid"]) for row in body["rows"]] == [(f"{COINS}:BTC-PERP", "60010")]
        assert body["rows"][0]["now_ns"] == NOW

    at_an_api(run)


def test_instruments_whole_and_in_pages() -> None:
    async def run(api: Api) -> None:
        eve = await api.token("eve", "viewer")
        found, after = [], ""
        while True:
            status, body = await api.get(f"/api/v1/listed?limit=3&after={after}", eve)
            assert status == 200
            found += body["rows"]
            if len(body["rows"]) < 3:
                break
            after = found[-1]["market"]
        assert len(found) == sum(len(known) for known in Gate().listed.values())
        sber = next(one["instrument"] for one in found if one["market"] == f"{MOEX}:SBER")
        assert (sber["name"], sber["lot"], sber["sector"]) == ("Sber", "10", "share")

    at_an_api(run)


def test_refusals_are_told_with_their_number() -> None:
    async def run(api: Api) -> None:
        eve = await api.token("eve", "viewer")
        for where, number in (
            ("scan?rate=x", 400),
            ("scan?limit=0", 400),
            ("scan?strange=1", 400),
            ("quotes", 400),
            ("scan?asset=GAZP", 409),
        ):
            status, body = await api.get(f"/api/v1/{where}", eve)
            assert status == number, (where, body)
            assert body["error"]["says"]
        api.port.wrong = EngineAway("the desk is stopping")
        for where in ("scan", "dscan", f"quotes?account={COINS}", "listed"):
            status, body = await api.get(f"/api/v1/{where}", eve)
            assert (status, body["error"]["code"]) == (503, "away"), where

    at_an_api(run)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_changed_by_looking(method: str) -> None:
    async def run(api: Api) -> None:
        ann = await api.token("ann", "trader")
        assert (await api.raw(method, "/api/v1/scan", ann, body={})).status_code == 405

    at_an_api(run)
