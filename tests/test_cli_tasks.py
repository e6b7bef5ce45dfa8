"""A trader's day on the command line: words in either order, options beside them, mistakes with the form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_port import FakePort
from test_cli import Shell, kedge, port

from kedge.model.exits import Exit

__all__ = ["kedge", "port"]  # fixtures


@pytest.mark.parametrize(
    ("line", "verb", "args"),
    [
        ("sell SBER 300000", "task.sell", {"ticker": "SBER", "sum": 300000}),
        ("buy 100 SBER", "task.buy", {"ticker": "SBER", "qty": 100}),
        ("buy 100 SBER --limit 250.5 --name mine", "task.buy", {"qty": 100, "limit": 250.5, "name": "mine"}),
        ("sell SBER --sum 5000", "task.sell", {"ticker": "SBER", "sum": 5000}),
        ("dump SBER", "task.dump", {"ticker": "SBER"}),
        (
            "spread SRZ6 SBER -2.5 10 buy",
            "task.spread",
            {"far": "SRZ6", "near": "SBER", "price": -2.5, "qty": 10, "side": "buy"},
        ),
        ("stops", "task.stops", {}),
        ("stops SBER,GAZP 50000 --levels 10,20", "task.stops", {"tickers": "SBER,GAZP", "sum": 50000}),
        ("shorts --expires none", "task.shorts", {"expires": "none"}),
        ("nuke SBER 400000", "task.nuke", {"ticker": "SBER", "sum": 400000}),
        ("amend s qty=5 price=-1.5", "task.amend", {"name": "s", "qty": 5, "price": -1.5}),
        ("stop --kind ladder", "task.stop", {"kind": "ladder"}),
        ("stash save night tinvest/main", "stash.save", {"name": "night", "account": "tinvest/main"}),
        ("stash restore night", "stash.restore", {"name": "night"}),
        ("list set whitelist SBER GAZP", "list.set", {"name": "whitelist", "items": "SBER GAZP"}),
        ("list add whitelist SBER,GAZP", "list.add", {"name": "whitelist", "items": "SBER,GAZP"}),
        ("list drop whitelist SBER", "list.drop", {"name": "whitelist", "items": "SBER"}),
    ],
)
def test_words_reach_the_engine(
    line: str, verb: str, args: dict[str, Any], kedge: Shell, port: FakePort
) -> None:
    ran = kedge(*line.split())
    assert ran.code == Exit.OK, ran.err
    assert port.commands[0].verb == verb
    given = json.loads(bytes(port.commands[0].args))
    assert {name: _number(given[name]) for name in args} == args


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("sell", "sell: write it like this: kedge sell <ticker> <sum> or <amount> <ticker>"),
        ("buy 1 2", "buy: write it like this: kedge buy <ticker> <sum>"),
        ("spread SRZ6 SBER x 1 2", "spread: write it like this: kedge spread <far> <near> <price> <amount>"),
        ("nuke SBER", "nuke: write it like this: kedge nuke <ticker> <sum>"),
        ("amend", "amend: write it like this: kedge amend <task>"),
        ("list add whitelist", "list add: write it like this: kedge list add <list> <items>"),
        ("spread SRZ6 SBER 1 1 --ratio x", "`ratio` must be a number, like 0.05"),
        ("buy 1 SBER --limit 250,5", "`limit` must be a number"),
    ],
)
def test_mistakes_show_the_form(line: str, form: str, kedge: Shell, port: FakePort) -> None:
    ran = kedge(*line.split())
    assert ran.code == Exit.USAGE, ran.out
    assert form in ran.sentence
    assert not port.commands


def test_what_looks_is_shown(kedge: Shell, port: FakePort) -> None:
    assert "hedge-1" in kedge("tasks").out
    assert "peg-1" in kedge("sellbuy").out
    assert "no spread is at work" in kedge("spreads").out
    assert "no spread is at work" in kedge("sprices").out
    assert "nothing is saved" in kedge("stashes").out
    port.rows["lists"] = [{"name": "whitelist", "items": "SBER", "actor": "ann", "set_ns": 1}]
    shown = kedge("lists").out
    assert "SBER" in shown
    assert "15, 20, 25" in shown
    assert kedge("tasks", "--json").json[0]["task"] == "hedge-1"
