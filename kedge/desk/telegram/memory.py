"""What Telegram must not forget: questions that wait for a yes, what is muted, and chats' languages.

A question is a row made from the message that asked: told of the same message twice, it is the same row.
From `asked` it goes to `taken` before anything is done and to `done` with the answer after; a crash between
finds it `taken` and does it again under the same command ids, which the engine does once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from kedge.desk.tables.people import PeopleDatabase
from kedge.desk.telegram.asks import Step

SECOND_NS = 1_000_000_000
ANSWER_NS = 120 * SECOND_NS
KEEP_NS = 30 * 86_400 * SECOND_NS

STEPS = (
    (
        """CREATE TABLE telegram_chat (
            chat {name} NOT NULL PRIMARY KEY,
            language {name} NOT NULL
        )""",
        """CREATE TABLE telegram_mute (
            chat {name} NOT NULL,
            kind {name} NOT NULL,
            until_ns {int} NOT NULL,
            PRIMARY KEY (chat, kind)
        )""",
        """CREATE TABLE telegram_question (
            token {name} NOT NULL PRIMARY KEY,
            chat {name} NOT NULL,
            person {name} NOT NULL,
            steps {text} NOT NULL,
            question {text} NOT NULL,
            expires_ns {int} NOT NULL,
            state {name} NOT NULL,
            answer {text} NOT NULL
        )""",
    ),
)

QuestionState = Literal["asked", "taken", "done", "dropped"]
_steps = msgspec.json.Decoder(tuple[Step, ...])


class Question(Struct, frozen=True):
    token: str
    chat: str
    person: str
    steps: tuple[Step, ...]
    question: str
    expires_ns: int
    state: str = "asked"
    answer: str = ""


class Memory:
    """Blocking, as databases are."""

    def __init__(self, people: PeopleDatabase) -> None:
        self._people = people

    def open(self) -> None:
        self._people.part_schema("telegram", STEPS)

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def ask(self, question: Question) -> Question:
        """Keep it; where it is there already, as it stands."""
        row = {
            "token": question.token,
            "chat": question.chat,
            "person": question.person,
            "steps": msgspec.json.encode(question.steps).decode(),
            "question": question.question,
            "expires_ns": question.expires_ns,
            "state": question.state,
            "answer": question.answer,
        }
        with self._people.transaction() as within:
            within.insert_new("telegram_question", row)
        return self.question(question.token) or question

    def question(self, token: str) -> Question | None:
        found = self._people.fetch(
            "SELECT token, chat, person, steps, question, expires_ns, state, answer"
            " FROM telegram_question WHERE token = ?",
            (token,),
        )
        if not found:
            return None
        made, chat, person, steps, question, expires, state, answer = found[0]
        return Question(
            str(made),
            str(chat),
            str(person),
            _steps.decode(str(steps)),
            str(question),
            int(expires),
            str(state),
            str(answer),
        )

    def move(
        self, token: str, before: Sequence[QuestionState], after: QuestionState, answer: str = ""
    ) -> bool:
        """From one of these states to another; False where it was in none of them."""
        marks = ", ".join("?" * len(before))
        changed = self._people.execute(
            f"UPDATE telegram_question SET state = ?, answer = ? WHERE token = ? AND state IN ({marks})",
            (after, answer, token, *before),
        )
        return changed == 1

    def tidy(self, now_ns: int) -> None:
        """Forget questions that nobody can press any more, and mutes that are over."""
        with self._people.transaction() as within:
            within.execute("DELETE FROM telegram_question WHERE expires_ns < ?", (now_ns - KEEP_NS,))
            within.execute("DELETE FROM telegram_mute WHERE until_ns < ?", (now_ns,))

    # ── chats ───────────────────────────────────────────────────────────────────────────────────

    def language(self, chat: str) -> str:
        found = self._people.fetch("SELECT language FROM telegram_chat WHERE chat = ?", (chat,))
        return str(found[0][0]) if found else ""

    def speak(self, chat: str, language: str) -> None:
        with self._people.transaction() as within:
            within.upsert("telegram_chat", ("chat",), {"chat": chat, "language": language})

    def mute(self, chat: str, kind: str, until_ns: int) -> None:
        with self._people.transaction() as within:
            row = {"chat": chat, "kind": kind, "until_ns": until_ns}
            within.upsert("telegram_mute", ("chat", "kind"), row)

    def unmute(self, chat: str) -> None:
        self._people.execute("DELETE FROM telegram_mute WHERE chat = ?", (chat,))

    def mutes(self, chat: str, now_ns: int) -> dict[str, int]:
        """What is muted, until when."""
        found = self._people.fetch(
            "SELECT kind, until_ns FROM telegram_mute WHERE chat = ? AND until_ns > ? ORDER BY kind",
            (chat, now_ns),
        )
        return {str(kind): int(until_ns) for kind, until_ns in found}
