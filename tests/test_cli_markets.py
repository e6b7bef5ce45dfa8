"""Scans, prices and instruments on the command line, against a fake engine behind the real gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_port import FakePort, desk_in_a_thread
from market_kit import COINS, MOEX, Gate
from test_cli import Shell, kedge

from kedge.model.exits import Exit
from kedge.runtime.port import EngineAway

assert kedge  # the fixture is used by its name


class Port(FakePort):
    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    async def read(self, what: str, args: dict[str, object]) -> Any:
        if what not in ("listed", "quotes"):
            return await super().read(what, args)
        self._maybe_wrong()
        return self.gate.rows(what, args)


@pytest.fixture
def port(kedge: Shell) -> Iterator[Port]:
    fake = Port()
    with desk_in_a_thread(fake, kedge.home / "main.sock"):
        yield fake


def test_a_scan_for_people_and_for_programs(kedge: Shell, port: Port) -> None:
    ran = kedge("scan", "18", "SBER")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert "SRZ6" in ran.out
    assert "2 of 3 pairs yield more than 18 % a year on the margin" in ran.out
    told = kedge("scan", "--rate", "18", "--asset", "SBER", "--json").json
    assert [row["far"] for row in told["rows"]] == [f"{MOEX}:SRH7", f"{MOEX}:SRZ6"]
    assert (told["found"], told["pairs"], told["rows"][1]["delta"]) == (2, 3, "600")
    assert "5 pairs yield" in kedge("scan").out
    assert kedge("scan", "--limit", "1", "18", "--json").json["found"] == 2


def test_dividends_prices_and_instruments(kedge: Shell, port: Port) -> None:
    assert "0 pairs imply a dividend of 1 % or more" in kedge("dscan", "10").out
    ran = kedge("quotes", COINS, "BTC-PERP", "BTC-USD")
    assert (ran.code, "60011" in ran.out, "26MAR27" in ran.out) == (Exit.OK, True, False)
    assert len(kedge("quotes", MOEX, "--json").json) == 3
    fields: dict[str, Any] = {"account": MOEX, "market": f"{MOEX}:SRZ6", "ts_ns": 1, "active": True}
    instrument = port.gate.listed[MOEX][2]
    fields |= {name: getattr(instrument, name) for name in instrument.__struct_fields__}
    port.rows["instruments"] = [fields]
    assert "5000/5200" in kedge("instruments", "SRZ6").out
    assert port.asked[-1] == (
        "instruments",
        {"text": "SRZ6", "sort": "market", "limit": 200, "offset": 0},
    )


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("scan", "x", "y"), Exit.USAGE, "write it like this: kedge scan [rate] [asset]"),
        (("scan", "--rate", "much"), Exit.USAGE, "`rate`: 'much' is not a number"),
        (("scan", "--limit", "0"), Exit.USAGE, "limit"),
        (("scan", "5", "GAZP"), Exit.REFUSED, "there are no dated futures on GAZP"),
        (("quotes",), Exit.USAGE, "write it like this: kedge quotes <account> [symbols]"),
        (("quotes", "nowhere"), Exit.USAGE, "there is no account `nowhere`"),
    ],
)
def test_mistakes_are_one_sentence(
    argv: tuple[str, ...], code: Exit, words: str, kedge: Shell, port: Port
) -> None:
    ran = kedge(*argv)
    assert (ran.code, words in ran.sentence) == (code, True), ran.err


def test_an_engine_that_is_away_is_said(kedge: Shell, port: Port) -> None:
    port.wrong = EngineAway("the desk is stopping")
    for argv in (("scan",), ("dscan",), ("quotes", COINS)):
        ran = kedge(*argv)
        assert ran.code == Exit.AWAY
        assert "the desk is stopping" in ran.sentence


def test_without_a_desk_nothing_is_scanned(kedge: Shell) -> None:
    ran = kedge("scan")
    assert ran.code == Exit.AWAY
    assert "start it with: kedge up" in ran.sentence
