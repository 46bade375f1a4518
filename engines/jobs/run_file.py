"""A finished run as one file, and a run made of such a file, which is read as any stranger's archive.

What a run learnt from stays behind: of the recipe, where the data lay; of the folder, what scripts repeat it with. Its
test examples come along as far as its page shows them.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from engines import messages, paths, registry, runs
from engines.contract import InputError, Job, Problem, Recipe, Skipped, State
from engines.data import archive
from engines.data.columnar import most_cells
from engines.exports import bundle
from engines.messages import _, told
from engines.runs import LAYERS, OUTCOMES, RunFolder

JSON = ("result.json", "forecast.json", LAYERS, *OUTCOMES.values())
TABLES = ("predictions.parquet", "target.parquet", "learnt_from.parquet", "history.parquet")
FOLDERS = {
    "model": {".safetensors", ".json", ".txt", ".model", ".jinja"},
    "thumbnails": {".jpg", ".jpeg", ".png", ".webp", ".gif"},
    "sounds": {".ogg", ".wav", ".flac"},
    "videos": {".gif"},
}
"""Folders of a run, and the endings in each that are taken: none is code, and none is pickled."""
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".gif"}
MOST_FILES, MOST_BYTES, MOST_TEXT = 20_000, 8 << 30, 64 << 20
MOST_PICTURE_BYTES, MOST_PIXELS = 8 << 20, 4096 * 4096
ACCEPTED = _("accepted: the file that “Take this run as one file” or `headstart pack` wrote")
ELSEWHERE = ("hf-hub:", "hf_hub:", "local-dir:", "file:")
"""How the name of a network begins that is looked up somewhere else."""


@dataclass(frozen=True)
class Opened:
    """A run that was made of a file."""

    run: str
    """Its id, a fresh one."""
    skipped: list[Skipped]
    """What the file held besides, and why it was left there."""


def pack(run: RunFolder, out: Path) -> Path:
    """Writes the run to the zip `out`, whole or not at all, and returns it. Raises InputError where it is not done or
    only shown."""
    run.require_owner()
    if not run.done:
        raise runs.refusal(run.path, _("it is not done"), _("accepted: a run that is done"))
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("recipe.json", run.recipe.without_data().to_json())
            target.writestr("job.json", replace(run.job, owner="").to_json())
            target.writestr("README.md", bundle.card_without_data(run.path, run.recipe))
            if (result := run.result) is not None:
                target.writestr("result.json", replace(result, run="").to_json())  # its id is its key
            for file in sorted(run.path.rglob("*")):
                name = file.relative_to(run.path).as_posix()
                kept = _belongs(name) and file.name not in bundle.FOR_SCRIPTS and name not in target.namelist()
                if kept and file.is_file():
                    target.write(file, name)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return out


def open_file(source: Path, owner: str = "") -> Opened:
    """Makes a run of what `pack` wrote, under a fresh id, as `owner`'s.

    Raises InputError, and leaves nothing, where the file is no such archive, cut short, too large, of a newer version,
    of a task that is not here, or of a run that was not done.
    """
    run = RunFolder(paths.runs() / runs.new_id())
    with tempfile.TemporaryDirectory(prefix="opened-", suffix=".partial", dir=paths.runs()) as place:
        skipped = archive.unpack(source, Path(place) / "in", _limits())
        inside = _root(source, Path(place) / "in")
        made = RunFolder(Path(place) / "run")
        made.path.mkdir()
        try:
            recipe = Recipe.from_json(_text(inside / "recipe.json"))
            _require_known(source, recipe)
            made.write("recipe.json", recipe.without_data().to_json())
            job = inside / "job.json"
            told_job = Job.from_json(_text(job), made.recipe) if job.is_file() else Job(made.recipe)
            made.write("job.json", replace(told_job, owner=owner).to_json())
            skipped += _take(inside, made, run.id)
            done = made.done
        except InputError:  # which is a ValueError
            raise
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise _refusal(source, _("a file in it is damaged, or was not written by Headstart")) from None
        if not done:
            raise _refusal(source, _("the run in it was not done"))
        made.set_state(State.DONE, str(_("Opened from a file.")))
        made.path.replace(run.path)
    return Opened(run.id, skipped)


def _limits() -> archive.Limits:
    usual = archive.Limits()
    members, total = min(usual.members, MOST_FILES), min(usual.total_bytes, MOST_BYTES)
    return replace(usual, members=members, total_bytes=total, whole_ratio_from=MOST_TEXT)


def _root(source: Path, place: Path) -> Path:
    """The run's folder in what was unpacked: some programs pack a folder around it."""
    around = [place, *(folder for folder in place.iterdir() if folder.is_dir())]
    if found := next((folder for folder in around if (folder / "recipe.json").is_file()), None):
        return found
    raise _refusal(source, _("there is no run in it"))


def _require_known(source: Path, recipe: Recipe) -> None:
    if recipe.task not in registry.names():
        raise _refusal(source, _("this Headstart has no task {task}", task=str(recipe.task)[:60]))
    named = (recipe.title, recipe.model, recipe.task)
    if not all(isinstance(value, str) for value in named) or not isinstance(recipe.settings, dict):
        raise TypeError
    if recipe.model not in {card.name for card in registry.task(recipe.task).models()}:
        raise _refusal(source, _("this Headstart has no model {model}", model=recipe.model[:60]))


def _belongs(name: str) -> bool:
    """Whether a file of this relative path is one that a run is made of and that may travel."""
    path = PurePosixPath(name)
    if len(path.parts) == 1:
        return name in (*JSON, *TABLES, "events.jsonl", "README.md")
    return path.suffix.lower() in FOLDERS.get(path.parts[0], set())


def _take(inside: Path, made: RunFolder, own_id: str) -> list[Skipped]:
    """Brings what belongs to a run into its folder; what was left out, and why. Raises InputError, and ValueError for
    what is damaged."""
    skipped = []
    for file in sorted(path for path in inside.rglob("*") if path.is_file()):
        name = file.relative_to(inside).as_posix()
        if name in ("recipe.json", "job.json"):
            continue
        if reason := _unwanted(file, name):
            skipped.append(Skipped(name, reason))
            continue
        if name == "events.jsonl":
            made.write(name, _events(_text(file)))
            continue
        target = made.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, target)
    if (found := made.result) is not None:
        if found.task != made.recipe.task:
            raise ValueError
        made.write("result.json", replace(found, run=own_id).to_json())
    return skipped


def _unwanted(file: Path, name: str) -> str:
    """Why a file is left out; empty where it is taken. Raises ValueError for one that is damaged."""
    if not _belongs(name):
        return _("is no part of a run that may travel")
    from PIL import Image  # here, for every command of the command line reads this module
    from pyarrow.parquet import ParquetFile

    suffix = file.suffix.lower()
    if suffix == ".json":
        _require_here(json.loads(_text(file)))
    if suffix == ".parquet":
        about = ParquetFile(file).metadata
        if about.num_rows * about.num_columns > most_cells():
            return _("has more cells than a table may have")
    if suffix in PICTURES:
        try:
            with Image.open(file) as picture:
                if file.stat().st_size > MOST_PICTURE_BYTES or picture.width * picture.height > MOST_PIXELS:
                    return _("is too large a picture")
        except (OSError, ValueError, Image.DecompressionBombError):
            return _("is no picture")
    return ""


def _require_here(value: Any) -> None:
    """Raises ValueError where a name in it leads to another place: a network is described here or not at all."""
    if isinstance(value, str) and value.lower().startswith(ELSEWHERE):
        raise ValueError
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        _require_here(part)


def _events(text: str) -> str:
    """Every line that is an event, as it was; a state that says how the run ended is written anew."""
    kept = []
    for line in text.splitlines():
        values = messages.read(json.loads(line))
        if not isinstance(values.get("kind"), str) or not isinstance(values.get("time"), int | float):
            raise ValueError
        if values["kind"] != "status":
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def _text(file: Path) -> str:
    if file.stat().st_size > MOST_TEXT:
        raise ValueError
    return file.read_text(encoding="utf-8")


def _refusal(source: Path, found: str) -> InputError:
    return InputError(Problem(source.name, found, told(ACCEPTED)))
