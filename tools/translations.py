"""The catalogues of translations: brought up to date, compiled, checked.

    make translations                       new sentences are added (empty), dead ones go, .mo files are made
    python -m tools.translations --check    says what is missing, fuzzy, dead, or has other placeholders

Three sources of sentences: Python calls of gettext and its kin, templates, and what is said of commands and
of bots' parameters where they are declared (`Meta(description=...)`), which pages show through gettext too.
Three catalogues per language: `django` for pages, `telegram` for the bot, `notices` for what people are told.
"""

from __future__ import annotations

import argparse
import ast
import gettext
import re
import string
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog, Message

ROOT = Path(__file__).parent.parent
DESK = ROOT / "kedge" / "desk"
LANGUAGES = ("ru", "fr")
# A catalogue changes when its sentences do, and not because a day has passed.
MADE = datetime(2026, 1, 1, tzinfo=UTC)

# Name of a call to how many of its first arguments are context, one and many.
CALLS = {
    "gettext": (False, False),
    "gettext_lazy": (False, False),
    "gettext_noop": (False, False),
    "ngettext": (False, True),
    "ngettext_lazy": (False, True),
    "pgettext": (True, False),
    "pgettext_lazy": (True, False),
    "npgettext": (True, True),
    "npgettext_lazy": (True, True),
}
# How Telegram's own modules mark a sentence, and what they say by a name.
TELEGRAM_CALLS = dict.fromkeys(("say", "marked"), (False, False))
# Whoever takes the marking of notices from here is read for the sentences of notices.
SAID = "from kedge.desk.said import"
TELEGRAM_WORDS = ("sell", "buy", "This chat speaks English now.")


@dataclass(frozen=True)
class Sentence:
    one: str
    many: str = ""
    context: str = ""


@dataclass
class Domain:
    """One catalogue: its name, where it is kept, and where its sentences come from."""

    name: str
    folder: Path
    sentences: Callable[[], Iterator[tuple[Sentence, str]]]
    found: dict[Sentence, list[str]] = field(default_factory=dict)

    def collect(self) -> dict[Sentence, list[str]]:
        if not self.found:
            for sentence, where in self.sentences():
                places = self.found.setdefault(sentence, [])
                if where not in places:
                    places.append(where)
        return self.found

    def path(self, language: str, suffix: str = "po") -> Path:
        return self.folder / language / "LC_MESSAGES" / f"{self.name}.{suffix}"


# ── finding sentences ───────────────────────────────────────────────────────────────────────────


def of_pages() -> Iterator[tuple[Sentence, str]]:
    yield from of_python(DESK / "web")
    yield from of_templates(DESK / "web")
    yield from of_declarations()


def of_telegram() -> Iterator[tuple[Sentence, str]]:
    for path in sorted((DESK / "telegram").glob("*.py")):
        yield from calls_in(path, dict(TELEGRAM_CALLS))
    for word in TELEGRAM_WORDS:
        yield Sentence(word), "kedge/desk/telegram/office.py"


def of_notices() -> Iterator[tuple[Sentence, str]]:
    for path in sorted([*DESK.glob("*.py"), *(DESK / "post").glob("*.py")]):
        if SAID in path.read_text("utf-8"):
            yield from calls_in(path, {"say": (False, False)})


def of_python(folder: Path) -> Iterator[tuple[Sentence, str]]:
    for path in sorted(folder.rglob("*.py")):
        yield from calls_in(path, _imported(path))


def calls_in(path: Path, names: dict[str, tuple[bool, bool]]) -> Iterator[tuple[Sentence, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        sentence = _sentence(node, *names[name]) if name in names else None
        if sentence is not None:
            yield sentence, path.relative_to(ROOT).as_posix()


def _imported(path: Path) -> dict[str, tuple[bool, bool]]:
    """What the file calls gettext and its kin: `from django.utils.translation import gettext as _`."""
    names: dict[str, tuple[bool, bool]] = {}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names |= {a.asname or a.name: CALLS[a.name] for a in node.names if a.name in CALLS}
    return names


def _sentence(call: ast.Call, has_context: bool, has_many: bool) -> Sentence | None:
    wanted = 1 + has_context + has_many
    words = [arg.value for arg in call.args[:wanted] if isinstance(arg, ast.Constant)]
    texts = [word for word in words if isinstance(word, str)]
    if len(texts) < wanted or not all(texts):
        return None
    context = texts.pop(0) if has_context else ""
    return Sentence(texts[0], texts[1] if has_many else "", context)


_CALL = re.compile(r"\b(n?p?gettext(?:_noop)?|_)\(")


def of_templates(folder: Path) -> Iterator[tuple[Sentence, str]]:
    from django.utils.translation.template import templatize

    for path in sorted(folder.rglob("*.html")):
        code = templatize(path.read_text("utf-8"), origin=str(path))
        for match in _CALL.finditer(code):
            call = _call_at(code, match.start())
            sentence = _sentence(call, *CALLS.get(match[1], CALLS["gettext"])) if call else None
            if sentence is not None:
                yield sentence, path.relative_to(ROOT).as_posix()


def _call_at(code: str, start: int) -> ast.Call | None:
    """The call that begins here; `templatize` leaves Python calls among crossed-out text."""
    for end in re.finditer(r"\)", code[start : start + 4000]):
        try:
            node = ast.parse(code[start : start + end.end()].replace("\n", "\\n"), mode="eval").body
        except SyntaxError:
            continue
        return node if isinstance(node, ast.Call) else None
    return None


def of_declarations() -> Iterator[tuple[Sentence, str]]:
    """What commands and bots say of themselves."""
    from kedge.bots import BUILT_IN
    from kedge.desk.commands import DEEDS, arguments
    from kedge.desk.web.people import GROUPS
    from kedge.model.forms import form

    for deed in DEEDS:
        yield Sentence(deed.help), "kedge/desk/commands.py"
        for entry in arguments(deed):
            yield Sentence(entry.help), "kedge/desk/commands.py"
    for bot in BUILT_IN.values():
        where = f"{bot.__module__.replace('.', '/')}.py"
        yield Sentence(bot.summary), where
        for word in bot.words.values():
            yield Sentence(word), where
        for entry in form(bot.Config):
            if entry.help:
                yield Sentence(entry.help), where
    for group in GROUPS:
        yield Sentence(group), "kedge/desk/web/people.py"


# ── catalogues ──────────────────────────────────────────────────────────────────────────────────


def read(path: Path, language: str) -> Catalog:
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return pofile.read_po(file, locale=language)


def renewed(domain: Domain, language: str) -> Catalog:
    """The catalogue with exactly the sentences there are, and the translations it had."""
    before = read(domain.path(language), language)
    made = Catalog(
        locale=language,
        project="Kedge",
        version="",
        copyright_holder="",
        msgid_bugs_address="",
        creation_date=MADE,
        revision_date=MADE,
        last_translator="",
        language_team=language,
        charset="utf-8",
        fuzzy=False,
        header_comment=f"# {domain.name}: {language}. `make translations` keeps this file; translate in it.",
    )
    for sentence, places in domain.collect().items():
        old = before.get(
            (sentence.one, sentence.many) if sentence.many else sentence.one, sentence.context or None
        )
        flags = {"python-format"} if "%(" in sentence.one else set()
        if old is not None and old.fuzzy:
            flags.add("fuzzy")
        made.add(
            (sentence.one, sentence.many) if sentence.many else sentence.one,
            old.string if old is not None and old.pluralizable == bool(sentence.many) else None,
            locations=[(place, 0) for place in sorted(places)],
            flags=flags,
            context=sentence.context or None,
        )
    return made


def write(domain: Domain, language: str, catalog: Catalog) -> None:
    path = domain.path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pofile.write_po(file, catalog, width=110, sort_by_file=True, include_lineno=False)
    if domain.name == "django":
        with domain.path(language, "mo").open("wb") as file:
            mofile.write_mo(file, catalog)


# ── checking ────────────────────────────────────────────────────────────────────────────────────


def wrong(domain: Domain, language: str) -> list[str]:
    """What a reader of this language would miss, one line each."""
    kept, there = read(domain.path(language), language), domain.collect()
    said: list[str] = []
    known: set[Sentence] = set()
    for message in kept:
        if not message.id:
            continue
        one, many = message.id if message.pluralizable else (message.id, "")
        sentence = Sentence(one, many, message.context or "")
        known.add(sentence)
        if sentence not in there:
            said.append(f"nobody says it any more: {one!r}")
        elif message.fuzzy:
            said.append(f"fuzzy: {one!r}")
        else:
            said += faults(message, kept.num_plurals)
    said += [f"not in the catalogue: {sentence.one!r}" for sentence in there if sentence not in known]
    return [f"{domain.path(language).relative_to(ROOT)}: {line}" for line in said]


def faults(message: Message, plurals: int) -> list[str]:
    one = message.id[0] if message.pluralizable else message.id
    strings = list(message.string) if message.pluralizable else [message.string]
    if not all(strings) or (message.pluralizable and len(strings) != plurals):
        return [f"not translated: {one!r}"]
    said: list[str] = []
    ids = message.id if message.pluralizable else (message.id,)
    wanted = [placeholders(text) for text in ids]
    for text in strings:
        if placeholders(text) not in wanted:
            said.append(f"other placeholders: {one!r} -> {text!r}")
        if (text[:1].isspace(), text[-1:].isspace()) != (one[:1].isspace(), one[-1:].isspace()):
            said.append(f"other spaces at an end: {one!r} -> {text!r}")
        if one.rstrip().endswith(".") and not text.rstrip().endswith((".", "…", "!", "?")):
            said.append(f"no full stop: {one!r} -> {text!r}")
    return said


def placeholders(text: str) -> tuple[str, ...]:
    """%(name)s and {name}, whatever their order."""
    percent = re.findall(r"%\(\w+\)[sd]", text)
    try:
        braces = [f"{{{name}}}" for _, name, _, _ in string.Formatter().parse(text) if name]
    except ValueError:
        braces = []
    return tuple(sorted(percent + braces))


def stale(domain: Domain, language: str) -> bool:
    """Whether the compiled catalogue says something else than its source."""
    if domain.name != "django":
        return False
    path = domain.path(language, "mo")
    if not path.exists():
        return True
    with path.open("rb") as file:
        compiled: dict[object, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    source = read(domain.path(language), language)
    return {key: said for key, said in compiled.items() if key} != _said(source)


def _said(catalog: Catalog) -> dict[object, str]:
    """As gettext's own reader has it."""
    found: dict[object, str] = {}
    for message in catalog:
        if not message.id or message.fuzzy:
            continue
        one = message.id[0] if message.pluralizable else message.id
        key = f"{message.context}\4{one}" if message.context else one
        if message.pluralizable:
            found |= {(key, at): said for at, said in enumerate(message.string) if said}
        elif message.string:
            found[key] = message.string
    return found


DOMAINS = (
    Domain("django", DESK / "web" / "locale", of_pages),
    Domain("telegram", DESK / "locale", of_telegram),
    Domain("notices", DESK / "locale", of_notices),
)


def prepare() -> None:
    """Django wants to be configured before anything of it is imported."""
    import tempfile

    from kedge.desk.web import project
    from kedge.home import Home
    from kedge.settings import Settings

    project.configure(Home(Path(tempfile.mkdtemp(prefix="kedge-words-"))), Settings())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.translations", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; end with 1 if something is missing"
    )
    parser.add_argument(
        "--fill", type=Path, help="a JSON file {language: {sentence: translation}} to take in first"
    )
    given = parser.parse_args(arguments)
    prepare()
    said: list[str] = []
    for domain in DOMAINS:
        for language in LANGUAGES:
            if not given.check:
                catalog = renewed(domain, language)
                if given.fill:
                    fill(catalog, msgspec.json.decode(given.fill.read_bytes()).get(language, {}))
                write(domain, language, catalog)
            said += wrong(domain, language)
            if stale(domain, language):
                said.append(f"{domain.path(language, 'mo').relative_to(ROOT)} is older than its source")
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return 1 if said else 0


def fill(catalog: Catalog, given: dict[str, str | list[str]]) -> None:
    """Translations from elsewhere; a key may begin with its context and a bar."""
    for message in catalog:
        if not message.id:
            continue
        one = message.id[0] if message.pluralizable else message.id
        found = given.get(f"{message.context}|{one}") if message.context else None
        found = found or given.get(one)
        if found:
            message.string = tuple(found) if isinstance(found, list) else found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
