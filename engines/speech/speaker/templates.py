"""What to fill with recordings: a folder a speaker, or a table beside them."""

from __future__ import annotations

from engines.data.templates import archive, table

HEARD = (("clips/1.wav", "Ann"), ("clips/2.wav", "Ann"), ("clips/3.wav", "Ben"))


def templates() -> dict[str, bytes]:
    """By their names; both hold no clip yet."""
    return {
        "clips-in-folders.zip": archive({"Ann/": b"", "Ben/": b""}),
        "clips-with-a-table.zip": archive({"clips/": b"", "metadata.csv": table(("file_name", "speaker"), HEARD)}),
    }
