"""Conversations out of somebody's table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.data.labelled import Kind
from engines.data.tables import Table
from engines.messages import _
from engines.text.columns import Guess
from engines.text.generative.conversations import Rows, of_chats, of_rows
from engines.text.generative.prepare import Way
from engines.text.generative.settings import GenerationSettings
from engines.text.pair_columns import CHATS_ACCEPTED, guess_conversations
from engines.text.table_reading import PartTable

KIND = Kind("conversation", "conversations", CHATS_ACCEPTED, copies=_("Copies"), twin="question")


def _guess(table: Table, asked: Mapping[str, Any]) -> Guess:
    return guess_conversations(table, **asked)


def _rows(part: PartTable, guess: Guess, settings: GenerationSettings) -> Rows:
    return (of_chats if "messages" in guess.roles else of_rows)(part, guess, settings.system)


TITLES = {
    "prompt": "questions",
    "context": _("read behind the questions"),
    "response": "answers",
    "messages": "conversations",
}
WAY = Way(KIND, TITLES, _guess, _rows)
"""Two columns, or one of whole chats."""
