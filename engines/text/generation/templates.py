"""Conversations to fill in: a table of questions and answers, or a list of messages a line."""

from __future__ import annotations

import json

from engines.data.templates import table

EXAMPLES = (
    ("When do you open?", "We open at nine, from Tuesday to Sunday."),
    ("Is there a lift?", "Yes, it is behind the wardrobe."),
    ("May I take photographs?", "Yes, without a flash."),
    ("How much is a ticket?", "A ticket is eight euros; children come in free."),
    ("Do you have a café?", "The café is on the first floor and closes at five."),
    ("Can I bring my dog?", "Only guide dogs may come in."),
    ("Where can I park?", "There is a car park behind the house."),
    ("How long does a visit take?", "Most people stay for two hours."),
    ("Are there guided tours?", "On Saturdays at eleven, in English."),
    ("Is the garden open?", "From April to October."),
    ("Can I come back on the same day?", "Yes, keep your ticket."),
    ("Do you lend wheelchairs?", "Two of them; ask at the desk."),
)


def templates() -> dict[str, bytes]:
    """By their names."""
    lines = [
        json.dumps({"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]})
        for asked, answered in EXAMPLES
    ]
    return {
        "questions.csv": table(("question", "answer"), EXAMPLES),
        "conversations.jsonl": "\n".join([*lines, ""]).encode(),
    }
