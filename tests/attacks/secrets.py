"""What belongs to one visitor and may appear to no other, nor in a log: ids, paths, names, words of the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines import paths, runs
from engines.contract import Job, Strategy
from engines.contract.recipe import Recipe
from engines.datasets.folder import DatasetFolder
from engines.runs import RunFolder
from tests.pages import finished_run

OWNER = "b0b" * 8
TITLE = "Zanzibar elephants of Bob"
WORDS = "quetzalcoatl"
"""In the name of a file, of a class and in a text."""


@dataclass(frozen=True)
class Belongings:
    run: RunFolder
    waiting: RunFolder
    upload: str
    dataset: DatasetFolder

    @property
    def all(self) -> list[str]:
        return [self.run.id, self.waiting.id, self.upload, self.dataset.id, OWNER, TITLE, WORDS]


def of_somebody() -> Belongings:
    """A finished run, one that waits, an upload and a data set of a visitor on this home."""
    upload = runs.new_id()
    folder = paths.uploads() / upload
    folder.mkdir(parents=True)
    (folder / f"{WORDS}.zip").write_bytes(b"PK")
    (folder / "origin.json").write_text(
        f'{{"title": "{WORDS}.zip", "path": "{folder / f"{WORDS}.zip"}", "sample": null, "owner": "{OWNER}"}}'
    )
    run = finished_run.write(paths.runs() / runs.new_id(), title=TITLE)
    recipe = Recipe(finished_run.TASK, str(folder / f"{WORDS}.zip"), finished_run.MODEL, Strategy.FEATURES, title=TITLE)
    run.write("job.json", Job(run.recipe, owner=OWNER).to_json())
    waiting = RunFolder.create(Job(recipe, owner=OWNER))
    dataset = DatasetFolder.create("pictures", TITLE, owner=OWNER)
    return Belongings(run, waiting, upload, dataset)


def leaked(text: str | bytes, belongings: Belongings) -> list[str]:
    """Which of them a text holds."""
    content = text if isinstance(text, bytes) else text.encode()
    return [secret for secret in belongings.all if secret.encode() in content]


def logs(home: Path) -> dict[str, str]:
    """What a host has written down outside the folders of runs: name -> text."""
    return {file.name: file.read_text(encoding="utf-8", errors="replace") for file in home.glob("*.log")}
