"""Words of the tables as people read them, in their language. Files and links keep the words themselves.

A word is translated with the family it belongs to: an order is "open" otherwise than a position is.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy as _

WORDS: dict[str, dict[str, Any]] = {
    "side": {"buy": _("side", "buy"), "sell": _("side", "sell")},
    "state": {
        "pending": _("order", "pending"),
        "open": _("order", "open"),
        "unknown": _("order", "unknown"),
        "filled": _("order", "filled"),
        "cancelled": _("order", "cancelled"),
        "expired": _("order", "expired"),
        "rejected": _("order", "rejected"),
        "lost": _("order", "lost"),
        "closed": _("order", "closed"),
    },
    "order_kind": {
        "limit": _("order kind", "limit"),
        "market": _("order kind", "market"),
        "stop": _("order kind", "stop"),
        "stop_limit": _("order kind", "stop limit"),
        "take": _("order kind", "take"),
        "take_limit": _("order kind", "take limit"),
    },
    "tif": {
        "gtc": _("order", "until cancelled"),
        "ioc": _("order", "at once or not"),
        "fok": _("order", "whole or not"),
        "post_only": _("order", "post only"),
    },
    "role": {"risk": _("role of an order", "risk"), "balance": _("role of an order", "balance")},
    "decision": {
        "place": _("decision", "place"),
        "amend": _("decision", "amend"),
        "cancel": _("decision", "cancel"),
        "refused": _("decision", "refused"),
    },
    "level": {
        "info": _("level", "info"),
        "warn": _("level", "warning"),
        "alarm": _("level", "alarm"),
    },
    "phase": {
        "running": _("bot", "running"),
        "paused": _("bot", "paused"),
        "stopping": _("bot", "stopping"),
        "stopped": _("bot", "stopped"),
        "parked": _("bot", "parked"),
        "killed": _("bot", "killed"),
        "there": _("bot", "still there"),
        "removed": _("bot", "removed"),
    },
    "fill_kind": {
        "trade": _("fill", "trade"),
        "liquidation": _("fill", "liquidation"),
        "adl": _("fill", "auto-deleveraging"),
        "delivery": _("fill", "delivery"),
    },
    "cash_kind": {
        "funding": _("cash", "funding"),
        "transfer": _("cash", "transfer"),
        "fee": _("cash", "fee"),
        "dust": _("cash", "dust"),
        "insurance": _("cash", "insurance"),
        "other": _("cash", "other"),
    },
    "position": {"open": _("position", "open"), "flat": _("position", "flat")},
    "result": {"done": _("result", "done"), "refused": _("result", "refused")},
    "instrument_kind": {
        "spot": _("instrument", "spot"),
        "linear": _("instrument", "linear"),
        "inverse": _("instrument", "inverse"),
        "bond": _("instrument", "bond"),
        "points": _("instrument", "in points"),
    },
    "instrument": {
        "trading": _("instrument", "trading"),
        "halted": _("instrument", "halted"),
        "closed": _("instrument", "closed"),
        "unlisted": _("instrument", "not listed"),
        "active": _("instrument", "active"),
        "inactive": _("instrument", "not active"),
    },
    "schedule": {"enabled": _("schedule", "enabled"), "disabled": _("schedule", "paused")},
    "missed": {
        "skip": _("missed", "skip them"),
        "once": _("missed", "run once, late"),
    },
    "guarantee": {"guaranteed": _("preorder", "guaranteed"), "other": _("preorder", "others")},
    "preorder": {"open": _("preorder", "open"), "closed": _("preorder", "closed")},
}


def word(family: str, value: str) -> str:
    """The word in the reader's language; one that is not listed stays as it is."""
    return str(WORDS[family].get(value, value))
