"""Make a folder out of an archive once, and find it again the next time."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from engines import messages
from engines.contract import Skipped


def prepared(source: Path, work: Path, fill: Callable[[Path], list[Skipped]]) -> tuple[Path, list[Skipped]]:
    """The folder below `work` that `fill` made of the file `source`, now or before, and what `fill` left out.

    The folder appears whole or not at all, also when two processes want it at once. A file that was replaced since
    (another size or time of change) is another file.
    """
    status = source.stat()
    key = hashlib.sha256(f"{source.resolve()} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = work / key
    record = ".skipped.json"  # hidden: no archive can bring one, no listing shows it
    if not folder.exists():
        partial = work / f"{key}.{secrets.token_hex(4)}.partial"
        partial.mkdir(parents=True)
        try:
            skipped = fill(partial)
            (partial / record).write_text(
                json.dumps(messages.kept({"skipped": [asdict(entry) for entry in skipped]})), encoding="utf-8"
            )
            try:
                partial.replace(folder)
            except OSError:
                if not folder.exists():  # else another process was first
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    found = json.loads((folder / record).read_text(encoding="utf-8"))
    entries = found if isinstance(found, list) else messages.read(found)["skipped"]  # a list: before version 0.3
    return folder, [Skipped(**entry) for entry in entries]
