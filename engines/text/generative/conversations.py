"""Conversations out of a table: a question and an answer a row, or a column of whole chats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engines.contract import Json, Skipped
from engines.messages import _
from engines.text.columns import Guess
from engines.text.duplicates import group_of
from engines.text.table_reading import PartTable, row_part, with_context

ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "question": "user",
    "customer": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "answer": "assistant",
}
"""What chat files call who speaks -> what chat templates call them."""


@dataclass(frozen=True)
class Written:
    """One example that a writing model learns from."""

    name: str
    """How people find it again: 'line 17'."""
    question: str
    """What is asked last, or the sentence to be translated."""
    answer: str
    """What is to be written."""
    messages: tuple[tuple[str, str], ...] = ()
    """(role, content) of the whole conversation, the answer its last."""
    split: str | None = None
    """'train', 'validation' or 'test' where the data say so themselves."""

    @property
    def digest(self) -> str:
        """Of everything in it."""
        return hashlib.sha256(repr((self.question, self.answer, self.messages)).encode()).hexdigest()

    @property
    def sha256(self) -> str:
        """Shared by examples that must not be apart in training and test: those that ask the same."""
        return group_of(self.question)

    @property
    def label(self) -> str:
        """The answer, where examples are spoken of as classified ones are."""
        return self.answer


Rows = tuple[list[Written], list[Skipped]]
"""The examples of a table, and the rows that were left out."""


def of_rows(part: PartTable, guess: Guess, system: str | None) -> Rows:
    """A conversation a row of two columns: of what is asked, with what is read behind it, and of the answers. Rows that
    lack either are left out and named."""

    def written(name: str, row: Sequence[str]) -> Written:
        cells = _cells(part, guess, row, ("prompt", "response"))
        own = part.cell(row, guess.roles.get("system")) or system
        asked = with_context(cells["prompt"], part.cell(row, guess.roles.get("context")))
        return _conversation(name, [("user", asked), ("assistant", cells["response"])], own)

    return _each(part, guess, written)


def of_chats(part: PartTable, guess: Guess, system: str | None) -> Rows:
    """A conversation a cell; cells that hold none, or no answer, are left out and named."""

    def written(name: str, row: Sequence[str]) -> Written:
        return _conversation(name, parsed(row[part.table.index(guess.roles["messages"])]), system)

    return _each(part, guess, written)


def of_pairs(part: PartTable, guess: Guess) -> Rows:
    """A sentence pair a row; rows that lack either are left out and named."""

    def written(name: str, row: Sequence[str]) -> Written:
        cells = _cells(part, guess, row, ("source", "target"))
        return Written(name, cells["source"], cells["target"])

    return _each(part, guess, written)


def _each(part: PartTable, guess: Guess, written: Callable[[str, Sequence[str]], Written]) -> Rows:
    found, skipped = [], []
    for i, row in enumerate(part.table.rows):
        name = part.before + part.table.where(i)
        try:
            found.append(replace(written(name, row), split=row_part(part, guess.roles.get("split"), row)))
        except ValueError as error:
            skipped.append(Skipped(name, str(error)))
    return found, skipped


def _cells(part: PartTable, guess: Guess, row: Sequence[str], roles: tuple[str, ...]) -> dict[str, str]:
    """The cells that an example cannot do without. Raises ValueError that says which is empty."""
    found = {role: part.cell(row, guess.roles[role]) for role in roles}
    for role, cell in found.items():
        if not cell:
            raise ValueError(_("has nothing in column '{roles}'", roles=guess.roles[role]))
    return found


def parsed(cell: str) -> list[tuple[str, str]]:
    """(role, content) of a chat in JSON, up to its last answer. Raises ValueError that says what is wrong, in words."""
    messages = _messages(cell)
    while messages and messages[-1][0] != "assistant":
        messages.pop()
    if not messages:
        raise ValueError(_("has no answer in it"))
    if not any(role == "user" for role, _ in messages):
        raise ValueError(_("has no question in it"))
    return messages


def asked_in(cell: str) -> str:
    """What the user says in a chat in JSON. Raises ValueError that says what is wrong, in words."""
    said = [content for role, content in _messages(cell) if role == "user"]
    if not said:
        raise ValueError(_("has no question in it"))
    return "\n".join(said)


def _messages(cell: str) -> list[tuple[str, str]]:
    """(role, content) of a chat in JSON. Raises ValueError."""
    if not cell.strip():
        raise ValueError(_("is empty"))
    try:
        turns = json.loads(cell)
    except (ValueError, RecursionError):
        raise ValueError(_("is no chat in JSON")) from None
    if isinstance(turns, dict):  # {"messages": […]} or {"conversations": […]}
        turns = next((value for value in turns.values() if isinstance(value, list)), None)
    if not isinstance(turns, list) or not turns:
        raise ValueError(_("is no list of messages"))
    return [_message(turn) for turn in turns]


def _message(turn: Json) -> tuple[str, str]:
    """One message, in the OpenAI style (role, content) or the ShareGPT style (from, value)."""
    if not isinstance(turn, dict):
        raise ValueError(_("has a message that is no object with role and content"))
    role, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    if isinstance(content, list):  # the OpenAI style's parts
        content = " ".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
    if str(role).casefold() not in ROLES:
        raise ValueError(_("has a message of role {role!r}, known are system, user and assistant", role=str(role)[:30]))
    if not isinstance(content, str) or not content.strip():
        raise ValueError(_("has a message without content"))
    return ROLES[str(role).casefold()], content.strip()


def _conversation(name: str, messages: list[tuple[str, str]], system: str | None) -> Written:
    if system and messages[0][0] != "system":
        messages = [("system", system), *messages]
    question = "\n".join(content for role, content in messages[:-1] if role == "user")
    return Written(name, question, messages[-1][1], tuple(messages))
