"""What to fill with recordings: a table of what is said in them."""

from __future__ import annotations

from engines.data.templates import archive, table

SAID = (
    ("clips/1.wav", "The ferry leaves at half past nine.", "Ann"),
    ("clips/2.wav", "Please bring the blue folder.", "Ann"),
    ("clips/3.wav", "It will rain before the evening.", "Ben"),
)


def templates() -> dict[str, bytes]:
    """By their names; it holds no clip yet."""
    metadata = table(("file_name", "transcription", "speaker"), SAID)
    return {"clips-with-a-table.zip": archive({"clips/": b"", "metadata.csv": metadata})}
