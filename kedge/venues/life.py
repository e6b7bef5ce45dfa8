"""An account's link as the engine sees it: up when every vital part is up, down once when any of them is not.

An adapter has several parts (REST that knows us, a private line, a line for orders); each says for itself
whether it is up. What the parts add up to is told here, and everything else an adapter tells goes through
`say`, so that the law of the link cannot be broken:

    LinkUp  everything else…  LinkDown  nothing  LinkUp  …

What is odd about a link that is up (`trouble`) is a `LinkOdd` whenever it changes. Between two links only
one more thing may be said: a `LinkDown` with another reason, because the part that was cut was tried again
and in vain, because a person has to mend something (`refused`), because nobody will try again (`stopped`), or
because a person asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kedge.model.events import Event, LinkDown, LinkOdd, LinkUp
from kedge.model.venue import Rules
from kedge.venues.silence import sentence
from kedge.venues.venue import Emit


class Life:
    """`greet` is called right after each `LinkUp`: instruments are told then, and the books anew."""

    def __init__(self, account: str, rules: Rules, parts: Sequence[str], greet: Callable[[], None]) -> None:
        assert parts
        self.account = account
        self.rules = rules
        self.up = False
        self.stopped = False
        self._trouble = "not opened"
        self._parts = dict.fromkeys(parts, False)
        self._greet = greet
        self._emit: Emit | None = None
        self._told = ""
        self._cut = ""  # the part whose end ended the link, until it was tried again

    @property
    def trouble(self) -> str:
        """Why there is no link, or what is odd about it; "" when nothing is."""
        return self._trouble

    @trouble.setter
    def trouble(self, says: str) -> None:
        changed, self._trouble = says != self._trouble, says
        if changed:
            self.say(LinkOdd(self.account, sentence(says)))

    def open(self, emit: Emit) -> None:
        assert self._emit is None, "opened twice"
        self._emit = emit
        self.trouble = "connecting"

    def close(self) -> None:
        """Nothing is told from here on."""
        self._emit = None
        self.up = False
        self.trouble = "closed"
        self._parts = dict.fromkeys(self._parts, False)

    def part_up(self, part: str, oddity: str = "") -> None:
        """This part works. `oddity`: it works, and yet people should know something."""
        assert part in self._parts, part
        self._parts[part] = True
        if self.up:
            self.trouble = oddity or self.trouble
        elif all(self._parts.values()) and self._emit is not None:
            self.up, self.stopped, self._told, self._trouble = True, False, "", ""
            self._emit(LinkUp(self.account, self.rules))
            self._greet()
            self.trouble = oddity

    def part_down(self, part: str, why: str, *, refused: bool = False, stopped: bool = False) -> None:
        """This part does not work. `refused`: waiting does not mend it; `stopped`: nobody tries again."""
        assert part in self._parts, part
        assert why
        self._parts[part] = False
        why = sentence(why)
        is_news = self.up or not self._told or (stopped and not self.stopped)
        is_news = is_news or (why != self._told and (refused or part == self._cut))
        if not self.up and self.stopped and not stopped:
            return  # what a person must mend is not covered up by what fails because of it
        self._cut = part if self.up else "" if part == self._cut else self._cut
        self.up, self.trouble = False, why
        if not is_news:
            return
        self.stopped, self._told = stopped, why
        if self._emit is not None:
            self._emit(LinkDown(self.account, why, stopped=stopped))

    def begin_again(self) -> None:
        """A person says that it is mended: what comes of it is told, even if it is the same again."""
        self.stopped = False
        self._told = ""

    def is_part_up(self, part: str) -> bool:
        return self._parts[part]

    def say(self, event: Event) -> None:
        """Tell the engine, if there is a link to tell of."""
        if self.up and self._emit is not None:
            self._emit(event)
