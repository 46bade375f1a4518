"""What goes with any script that repeats a run: what the run notes for it, and what is asked before one is made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engines import weights
from engines.contract import ModelCard
from engines.exports.specialise import PARTS, specialised
from engines.messages import _
from engines.runs import RunFolder, no_model, refusal

TRAIN_AGAIN = _("train it again to get one")


def keep(folder: Path, lesson: dict[str, Any], **further: Any) -> None:
    """Writes lesson.json: what the script's RUN is to hold, and further what `kept_of` is to answer."""
    text = json.dumps({"script": lesson, **further}, indent=1, ensure_ascii=False)
    (folder / "lesson.json").write_text(text, encoding="utf-8")


def kept_of(run: Path, missing: str, instead: str = TRAIN_AGAIN, *, config: str = "config.json") -> dict[str, Any]:
    """What `keep` kept, `script` being what RUN holds.

    Raises InputError where the run has no model, where it was adapted to a new domain, and, with the sentence
    `missing`, where it noted nothing for a script.
    """
    model = run / "model"
    if not (model / config).is_file():
        raise no_model(run)
    if not (model / "lesson.json").is_file():
        raise refusal(run, missing, instead)
    if RunFolder(run).recipe.start is not None:
        raise refusal(run, _("it goes on from another run"), _("accepted: a run that began with a model as it comes"))
    if (result := RunFolder(run).result) and result.details.get("adaptation", {}).get("method", "none") != "none":
        found = _("it was adapted to a new domain, which the script does not")
        raise refusal(run, found, _("accepted: the format safetensors, or a run without a target"))
    kept: dict[str, Any] = json.loads((model / "lesson.json").read_text(encoding="utf-8"))
    return kept


def require_no_fp16(run: Path, kept: dict[str, Any]) -> None:
    if kept["precision"] == "fp16":
        raise refusal(
            run, _("it was trained in fp16, which the script cannot"), _("accepted: mixed_precision no or bf16")
        )


def stop_as_the_run(run: Path, kept: dict[str, Any]) -> None:
    """Where a clock ended the run: no script can repeat that, but it can stop after as many epochs."""
    plans = kept["script"]["plans"]
    for event in RunFolder(run).events() if kept["max_seconds"] else ():
        if event.kind == "epoch" and event.data["phase"] in plans:
            plans[event.data["phase"]]["stop"] = event.data["epoch"]


def require_same_weights(run: Path, card: ModelCard, known: str | None) -> None:
    """Raises InputError when the pretrained weights are not to be had, or are others than the run started from."""
    path = weights.fetch(card)
    if known and weights.sha256(path) != known:
        found = _("the pretrained weights of {name} on this machine are not those it started from", name=card.name)
        raise refusal(run, found, _("accepted: the file with SHA-256 {known}…", known=known[:8]))


def write(
    folder: Path,
    template: Path,
    lesson: dict[str, Any],
    run: Path,
    needs: Iterable[str],
    *,
    name: str = "train.py",
    parts: Iterable[str] = (),
) -> None:
    """The script, and requirements.txt: the versions that the run had. `parts` are modules of the engines whose code
    takes the place of the template's import of it."""
    text = specialised(template.read_text(encoding="utf-8"), lesson, (*PARTS, *parts))
    (folder / name).write_text(text, encoding="utf-8")
    known = RunFolder(run).recipe.versions
    lines = [f"{package}=={(known.get(package) or version(package)).split('+')[0]}\n" for package in needs]
    (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")


def write_usage(
    folder: Path, here: str, constants: dict[str, Any], run: Path, needs: Iterable[str], parts: Iterable[str] = ()
) -> None:
    """usage.py, which asks an exported model, of the usage_template.py beside the file `here`; and requirements.txt."""
    template = Path(here).with_name("usage_template.py")
    write(folder, template, constants, run, needs, name="usage.py", parts=parts)
