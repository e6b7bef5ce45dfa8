"""Translations: the catalogues are whole, and every page says what it says through them.

A page is drawn in a language that is none: each sentence that goes through gettext comes out in ⟦brackets⟧.
Whatever other words stand on the page are data (in an element with translate="no", or code, time ...) or were
forgotten. How to mark up data is in docs/how-to/translate.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest
from asgiref.sync import sync_to_async
from desk_kit import Web
from list_kit import MARKET, at_the_lists, order_id

from kedge.desk.web.lists import preorders as _joined
from kedge.desk.web.lists.listings import LISTS
from tools import translations

assert _joined.NAME in LISTS
PAGES = (
    *("/", "/bots/", "/bots/hedge-1/", "/bots/new/", "/bots/new/hedge/", "/bots/new/pair/", "/bots/new/peg/"),
    *(f"/{name}/" for name in LISTS),
    *(f"/orders/{order_id(4)}/", f"/orders/{order_id(59)}/", f"/instruments/at/{MARKET}/", "/journal/3/"),
    *("/schedules/", "/schedules/new/", "/schedules/new/?deed=backup", "/schedules/of/nightly/", "/people/"),
    *("/you/", "/you/password/", "/you/two-factor/", "/you/tokens/"),
    *("/do/kill/", "/do/bot-stop/?name=hedge-1", "/do/cancel/", "/orders/?state=opn", "/no-such-page/"),
    "/preorders/7/",
    *("/tasks/", "/tasks/?of=spreads", "/tasks/new/sell/", "/tasks/new/spread/", "/tasks/new/stops/"),
    *(
        "/tasks/hedge-1/amend/",
        "/stashes/",
        "/stashes/night/",
        "/lists/",
        "/scan/?rate=1",
        "/scan/dividends/",
    ),
)


# ── catalogues ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("domain", translations.DOMAINS, ids=lambda domain: domain.name)
@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_catalogues_are_whole(domain: translations.Domain, language: str) -> None:
    assert translations.wrong(domain, language) == [], "run `make translations`, then translate what is empty"
    assert not translations.stale(domain, language), "run `make translations`"


def test_a_catalogue_that_is_not_whole_is_noticed() -> None:
    from babel.messages.catalog import Message

    def said(one: object, string: object, plurals: int = 3) -> list[str]:
        return translations.faults(Message(one, string), plurals)

    assert said("Time", "Время") == []
    assert said("Time", "") == ["not translated: 'Time'"]
    assert said("%(n)s of %(m)s", "%(m)s: %(n)s") == []
    assert "other placeholders" in said("%(n)s rows", "строки")[0]
    assert "other placeholders" in said("Close {names}?", "Закрыть {name}?")[0]
    assert "no full stop" in said("It is done.", "Сделано")[0]
    assert "other spaces" in said("and ", "и")[0]
    assert said(("%(n)s row", "%(n)s rows"), ("%(n)s строка", "%(n)s строки", "%(n)s строк")) == []
    assert "not translated" in said(("%(n)s row", "%(n)s rows"), ("%(n)s строка", "%(n)s строки"))[0]


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def in_brackets() -> Iterator[None]:
    """Every sentence of ours comes out of gettext in brackets. Django's own too: all of them are fine."""
    from django.utils import translation

    real = translation._trans  # type: ignore[attr-defined]
    names = {name: getattr(real, name) for name in ("gettext", "ngettext", "pgettext", "npgettext")}
    real.gettext = lambda message: f"⟦{message}⟧" if message else message
    real.ngettext = lambda one, many, n: f"⟦{one if n == 1 else many}⟧"
    real.pgettext = lambda context, message: f"⟦{message}⟧"
    real.npgettext = lambda context, one, many, n: f"⟦{one if n == 1 else many}⟧"
    try:
        yield
    finally:
        for name, function in names.items():
            setattr(real, name, function)


class Words(HTMLParser):
    """Text and attributes that people read, with what marks them as data left out."""

    VOID = ("meta", "link", "input", "br", "img", "hr", "source", "wbr", "col")
    DATA = ("code", "time", "pre", "kbd", "script", "style", "option", "title", "svg", "textarea")
    READ = ("title", "aria-label", "placeholder", "alt", "data-empty")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, bool]] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        is_data = bool(self.stack and self.stack[-1][1]) or tag in self.DATA
        if given.get("translate") in ("no", "yes"):
            is_data = given["translate"] == "no"
        if not is_data:
            self.found += [given[name] or "" for name in self.READ if given.get(name)]
        if tag not in self.VOID:
            self.stack.append((tag, is_data))

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self.stack and self.stack[-1][1]):
            self.found.append(data)


# Names that are the same in every language.
NAMES = re.compile(
    r"\b(Kedge|ann|desk|main|UTC|UNKNOWN|English|Русский|Français|TradingView.*|\d+ (s|min))\b"
)


def forgotten(text: str) -> list[str]:
    words = Words()
    words.feed(text)
    whole, before = "\x1f".join(" ".join(piece.split()) for piece in words.found), ""
    while whole != before:  # sentences stand in sentences, and elements within a sentence
        before, whole = whole, re.sub(r"⟦[^⟦⟧]*⟧", " ", whole)
    left = []
    for bare in whole.split("\x1f"):
        if re.search(r"[^\W\d_]{3,}", NAMES.sub(" ", bare)):
            left.append(bare.strip())
    return left


async def some_data() -> None:
    from django.utils import timezone

    from kedge.desk.web.preorders.models import Preorder

    await sync_to_async(Preorder.objects.create)(preorder_id=7, created_at=timezone.now(), sum_btc=1)


def test_every_page_speaks_through_the_catalogues() -> None:
    async def run(web: Web) -> None:
        await some_data()
        await web.sign_in("ann", "owner")
        said: list[str] = []
        with in_brackets():
            for where in PAGES:
                page = await web.get(where)
                assert page.status < 500, where
                said += [f"{where}: {words}" for words in dict.fromkeys(forgotten(page.text))]
        assert said == [], "\n".join(said)

    at_the_lists(run)


@pytest.mark.parametrize("language", ["ru", "fr"])
def test_every_page_can_be_read_in_another_language(language: str) -> None:
    words = {"ru": ("Ордера", "Выйти", "Обзор"), "fr": ("Ordres", "Se déconnecter", "Vue d&#x27;ensemble")}

    async def run(web: Web) -> None:
        from kedge.desk.web.models import Profile

        await some_data()
        await web.sign_in("ann", "owner")
        change = {"language": language, "zone": "Europe/Paris"}
        await sync_to_async(lambda: Profile.objects.update(**change))()
        for where in PAGES:
            page = await web.get(where)
            assert page.status < 500, where
            assert f'<html lang="{language}"' in page.text, where
        text = (await web.get("/orders/")).text
        assert all(word in text for word in words[language])
        assert "60050" in text, "numbers are the same in every language"
        assert (await web.get("/admin/")).status == 200

    at_the_lists(run)


def test_numbers_and_dates_are_international_in_every_language() -> None:
    from django.utils import formats, timezone, translation

    for language in ("en", "ru", "fr"):
        with translation.override(language), timezone.override("UTC"):
            assert formats.localize(1234567.5, use_l10n=True) == "1234567.5"
            assert formats.date_format(timezone.now(), "DATE_FORMAT")[4] == "-"
