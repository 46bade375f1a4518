"""Conversations out of a table: a question and an answer a row, or a column of whole chats."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from engines.contract import Skipped
from engines.data.tables import Table
from engines.text.columns import is_missing
from engines.text.findings import group_of

ROLES = {
    "system": "system", "user": "user", "human": "user", "prompter": "user", "question": "user", "customer": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant", "chatbot": "assistant",
    "answer": "assistant",
}  # fmt: skip
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
    def group(self) -> str:
        """Examples that must not be apart in training and test: those that ask the same."""
        return group_of(self.question)


def of_rows(table: Table, prompt: str, response: str, system: str | None) -> tuple[list[Written], list[Skipped]]:
    """A conversation a row of two columns; rows that lack either are left out and named."""
    prompts, responses = table.column(prompt), table.column(response)
    found, skipped = [], []
    for i, (question, answer) in enumerate(zip(prompts, responses, strict=True)):
        if is_missing(question) or is_missing(answer):
            missing = prompt if is_missing(question) else response
            skipped.append(Skipped(table.where(i), f"has nothing in column '{missing}'"))
            continue
        found.append(_conversation(table.where(i), [("user", question.strip()), ("assistant", answer.strip())], system))
    return found, skipped


def of_chats(table: Table, column: str, system: str | None) -> tuple[list[Written], list[Skipped]]:
    """A conversation a cell; cells that hold none, or no answer, are left out and named."""
    found, skipped = [], []
    for i, cell in enumerate(table.column(column)):
        try:
            messages = parsed(cell)
        except ValueError as error:
            skipped.append(Skipped(table.where(i), str(error)))
            continue
        found.append(_conversation(table.where(i), messages, system))
    return found, skipped


def parsed(cell: str) -> list[tuple[str, str]]:
    """(role, content) of a chat in JSON, up to its last answer. Raises ValueError that says what is wrong, in words."""
    if not cell.strip():
        raise ValueError("is empty")
    try:
        turns = json.loads(cell)
    except (ValueError, RecursionError):
        raise ValueError("is no chat in JSON") from None
    if isinstance(turns, dict):  # {"messages": […]} or {"conversations": […]}
        turns = next((value for value in turns.values() if isinstance(value, list)), None)
    if not isinstance(turns, list) or not turns:
        raise ValueError("is no list of messages")
    messages = [_message(turn) for turn in turns]
    while messages and messages[-1][0] != "assistant":
        messages.pop()
    if not messages:
        raise ValueError("has no answer in it")
    if not any(role == "user" for role, _ in messages):
        raise ValueError("has no question in it")
    return messages


def _message(turn: Any) -> tuple[str, str]:
    """One message, in the OpenAI style (role, content) or the ShareGPT style (from, value)."""
    if not isinstance(turn, dict):
        raise ValueError("has a message that is no object with role and content")
    role, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    if isinstance(content, list):  # the OpenAI style's parts
        content = " ".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
    if str(role).casefold() not in ROLES:
        raise ValueError(f"has a message of role {str(role)[:30]!r}, known are system, user and assistant")
    if not isinstance(content, str) or not content.strip():
        raise ValueError("has a message without content")
    return ROLES[str(role).casefold()], content.strip()


def _conversation(name: str, messages: list[tuple[str, str]], system: str | None) -> Written:
    if system and messages[0][0] != "system":
        messages = [("system", system), *messages]
    question = "\n".join(content for role, content in messages[:-1] if role == "user")
    return Written(name, question, messages[-1][1], tuple(messages))


def of_pairs(table: Table, source: str, target: str) -> tuple[list[Written], list[Skipped]]:
    """A sentence pair a row; rows that lack either are left out and named."""
    found, skipped = [], []
    for i, (text, translation) in enumerate(zip(table.column(source), table.column(target), strict=True)):
        if is_missing(text) or is_missing(translation):
            missing = source if is_missing(text) else target
            skipped.append(Skipped(table.where(i), f"has nothing in column '{missing}'"))
            continue
        found.append(Written(table.where(i), text.strip(), translation.strip()))
    return found, skipped
