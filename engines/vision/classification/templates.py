"""What to fill with photographs: a folder a class, or a table beside them."""

from __future__ import annotations

from engines.data.templates import archive, table

LABELLED = (("photographs/1.jpg", "cat"), ("photographs/2.jpg", "dog"), ("photographs/3.jpg", "dog"))


def templates() -> dict[str, bytes]:
    """By their names; both hold no photograph yet."""
    return {
        "photographs-in-folders.zip": archive({"cat/": b"", "dog/": b""}),
        "photographs-with-a-table.zip": archive(
            {"photographs/": b"", "metadata.csv": table(("file_name", "label"), LABELLED)}
        ),
    }
