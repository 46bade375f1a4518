"""A table of texts and their classes, to fill in."""

from __future__ import annotations

from engines.data.templates import table

EXAMPLES = {
    "good": (
        "The parcel came a day early.",
        "Kind people, and they answered at once.",
        "It works exactly as the picture shows.",
        "I would buy this lamp again.",
        "The soup was hot and tasted of tomatoes.",
        "Our room was quiet and very clean.",
    ),
    "bad": (
        "The box was open when it came.",
        "Nobody has answered my letter.",
        "One of the two screws is missing.",
        "The lamp went dark after a week.",
        "We waited an hour for a cold soup.",
        "The street was loud until the morning.",
    ),
}


def templates() -> dict[str, bytes]:
    """By their names."""
    rows = [(text, label) for label, texts in EXAMPLES.items() for text in texts]
    return {"texts.csv": table(("text", "label"), rows)}
