"""What a deed is: one thing a person can ask for. The deeds themselves are in `commands.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from kedge.model.commands import VERBS, Role, role_of

# What is told from the newest `Status`; and what else the gate is asked for.
Look = Literal["status", "bots", "schedules", "tasks", "sellbuy", "spreads", "sprices", "stashes"]
# What is reckoned from prices: `markets.answer`.
Question = Literal["quotes", "scan", "dscan"]
# What is in the people's database, of which the engine knows nothing.
Kept = Literal["preorders"]
Call = Literal[Look, Question, Kept, "reload", "backup"]
LOOKS: tuple[Look, ...] = (
    *("status", "bots", "schedules"),
    *("tasks", "sellbuy", "spreads", "sprices", "stashes"),
)

QUESTIONS: tuple[Question, ...] = ("quotes", "scan", "dscan")
KEPT: tuple[Kept, ...] = ("preorders",)

# The words of a person, in whatever order they come, as arguments. Raises `WordsWrong`.
Spoken = Callable[[Sequence[str]], dict[str, Any]]


class WordsWrong(ValueError):
    """What was said fits no form of the deed."""


class Deed(Struct, frozen=True):
    """One thing a person can ask for. Exactly one of `verb`, `read` and `call` is set."""

    name: str
    help: str
    args: type[Struct]
    role: Role = "look"
    verb: str = ""
    read: str = ""
    call: Call | Literal[""] = ""
    # Arguments that are not the person's to choose: `bot close` is `bot.tell` with the word close.
    fixed: dict[str, object] = field(default_factory=dict)
    # The verb under which it is journalled: what is done outside the engine has a beginning and an end.
    errand: str = ""
    # How people say its arguments where they need not be named, and the form to show them.
    spoken: Spoken | None = None
    form: str = ""


def verb_deed(name: str, verb: str, help: str, spoken: Spoken | None = None, form: str = "") -> Deed:
    return Deed(name, help, VERBS[verb], role_of(verb), verb=verb, spoken=spoken, form=form)


def told(deed: Deed) -> bool:
    """Whether it only looks."""
    return bool(deed.read) or deed.call in LOOKS or deed.call in QUESTIONS or deed.call in KEPT
