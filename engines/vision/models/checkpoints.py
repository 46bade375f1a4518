"""A backbone that a person brings: a safetensors checkpoint of one of timm's architectures, compared tensor by tensor.

What fits is kept below HEADSTART_HOME, named by the digest of the file that was brought, so that a run can be repeated
when that file has moved. A pickle is never opened: it can run whatever whoever wrote it put in.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engines import paths, weights
from engines.contract import InputError, ModelCard, Problem
from engines.messages import _, _n
from engines.training.devices import seed_everything
from engines.training.staged import Staged
from engines.vision.models import backbones

SUFFIX = ".safetensors"
PICKLES = {".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar"}
PREFIXES = ("", "module.", "model.", "backbone.", "encoder.", "module.backbone.", "module.encoder_q.")
"""What other trainers put before timm's names."""
SHOWN = 3
"""Tensors that a sentence names."""
NAME = re.compile(r"[A-Za-z0-9_]+@[0-9a-f]{16}")


@dataclass(frozen=True)
class Matched:
    """What of a checkpoint is the architecture's."""

    prefix: str
    """What its names have before timm's."""
    fitting: list[str]
    """timm's names of the tensors that are taken."""
    lacking: list[str]
    """timm's names of those of the backbone that are not there, or have another shape."""
    head: list[str]
    """timm's names of what is there of the last layer, which every run replaces."""
    unexpected: list[str]
    """The checkpoint's own names of what the architecture has no place for."""

    def told(self, architecture: str) -> list[str]:
        """In sentences, for whoever brought it."""
        said = [_n("{n} tensor fits {name}.", "{n:,} tensors fit {name}.", len(self.fitting), name=architecture)]
        if self.prefix:
            said.append(_("Its names begin with {prefix}, which was taken off.", prefix=self.prefix))
        if self.head:
            said.append(_("Its last layer ({names}) is not used: yours takes its place.", names=_some(self.head)))
        if self.unexpected:
            said.append(
                _n(
                    "{n} further tensor is left out: {names}.",
                    "{n:,} further tensors are left out: {names}.",
                    len(self.unexpected),
                    names=_some(self.unexpected),
                )
            )
        return said


def is_one(name: str) -> bool:
    """Whether it is the name that `bring` gave a checkpoint."""
    return NAME.fullmatch(name) is not None


def architecture(name: str) -> str:
    """timm's part of a model's name."""
    return name.partition("@")[0]


def bring(path: Path, wanted: str = "") -> tuple[str, list[str]]:
    """Takes a checkpoint over. Returns the name that it has from now on, ARCHITECTURE@DIGEST, and what matched, in
    sentences.

    `wanted` is timm's name of its architecture; without it config.json beside it says it, as on the hub, or its own
    metadata. Raises InputError for a file that is none, is hostile, or does not hold the whole backbone.
    """
    if path.suffix.lower() in PICKLES:
        found = _("it is a pickle, which can run code when it is opened")
        raise _problem(path, found, _("accepted: {suffix}; safetensors.torch.save_file writes one", suffix=SUFFIX))
    if not path.is_file():
        raise _problem(path, _("there is no such file"), _("accepted: a {suffix} file", suffix=SUFFIX))
    beside = _beside(path)
    try:
        with safe_open(path, framework="pt") as file:
            base = wanted or str(beside.get("architecture") or (file.metadata() or {}).get("architecture") or "")
            matched, state = _read(path, file, base)
    except (SafetensorError, OSError, OverflowError) as error:
        found = _("it is damaged, or no safetensors file ({error})", error=str(error)[:80])
        raise _problem(path, found, _("accepted: a whole {suffix} file", suffix=SUFFIX)) from error
    _require_numbers(path, state)
    name, told = f"{base.split('.')[0]}@{weights.sha256(path)[:16]}", matched.told(base)
    _keep(paths.brought() / name, state, {"file": path.name, "matched": told, "pixels": _pixels(path, base, beside)})
    return name, told


def _read(path: Path, file: Any, base: str) -> tuple[Matched, dict[str, Tensor]]:
    """What of an open file is the backbone of the architecture `base`, under timm's names; nothing else is read."""
    if not base:
        accepted = _("accepted: ARCHITECTURE@{name}, such as resnet18@{name}", name=path.name)
        raise _problem(path, _("nothing says which architecture it is of"), accepted)
    backbones.describe(base)  # raises for a name that timm does not know
    model = backbones.typed(timm.create_model(base))
    shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    matched = compared(shapes, model)
    if lacking := matched.lacking:
        found = _(
            "it does not hold {base}: of its backbone's {wanted:,} tensors {n:,} are missing or of another shape, such "
            "as {names}",
            base=base,
            wanted=len(matched.fitting) + len(lacking),
            n=len(lacking),
            names=_some(lacking),
        )
        raise _problem(path, found, _("accepted: all of its backbone"))
    return matched, {name: file.get_tensor(matched.prefix + name) for name in matched.fitting}


def compared(shapes: Mapping[str, tuple[int, ...]], model: backbones.TimmModel) -> Matched:
    """A checkpoint's tensors (name -> shape) beside the network's, under the prefix with which most names agree."""
    own, head = _backbone(model)
    prefix = max(PREFIXES, key=lambda begin: sum(begin + name in shapes for name in own))
    fitting = [name for name, tensor in own.items() if shapes.get(prefix + name) == tuple(tensor.shape)]
    # what batch norms count their batches with is not needed to go on from there
    lacking = [name for name in own if name not in fitting and not name.endswith("num_batches_tracked")]
    known = {prefix + name for name in [*own, *head]}
    return Matched(
        prefix,
        fitting,
        lacking,
        [name for name in head if prefix + name in shapes],
        [name for name in shapes if name not in known],
    )


def _backbone(model: backbones.TimmModel) -> tuple[dict[str, Tensor], list[str]]:
    """Its tensors by name, but for those of the last layer; and the names of these."""
    classifier = {id(p) for p in model.get_classifier().parameters()}
    head = [name for name, p in model.named_parameters() if id(p) in classifier]
    state = model.state_dict()
    return {name: tensor for name, tensor in state.items() if name not in head}, head


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
    """As `backbones.build`."""
    base = architecture(card.name)
    if not pretrained:
        return backbones.build(replace(card, name=base), outputs, pretrained=False, seed=seed, depth=depth)
    seed_everything(seed, "weights")
    path = weights.fetch(card)
    model = backbones.typed(timm.create_model(base))
    try:
        left, further = model.load_state_dict(weights.read(path), strict=False)
    except RuntimeError as error:
        raise _other(card, path) from error
    if further or {name for name in left if not name.endswith("num_batches_tracked")} - set(_backbone(model)[1]):
        raise _other(card, path)
    model.reset_classifier(outputs)
    return backbones.behind(backbones.staged(model), depth, outputs)


def describe(name: str) -> ModelCard:
    """The card of a checkpoint that was brought: its architecture's, with what is known of the file. Raises InputError
    where it is not on this machine."""
    folder = paths.brought() / name
    if not (folder / "source.json").is_file():
        found = _("that checkpoint is not on this machine")
        accepted = _(
            "accepted: bring its file again, --model {base}@FILE{suffix}", base=architecture(name), suffix=SUFFIX
        )
        raise InputError(Problem(_("model {name}", name=name), found, accepted))
    told = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    base = backbones.describe(architecture(name))
    return replace(
        base,
        name=name,
        title=_("{title} from {file}", title=base.title, file=told["file"]),
        download_bytes=0,
        licence=_("that of your file"),
        source=" ".join(told["matched"]),
        source_task=_("what whoever made the file taught it"),
        hub=None,
        package=None,
        sha256=told["sha256"],
    )


def pixels(card: ModelCard) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation, in [0, 1], that its pictures are normalised by."""
    told = json.loads((paths.brought() / card.name / "source.json").read_text(encoding="utf-8"))["pixels"]
    return tuple(told["mean"]), tuple(told["std"])


def _beside(path: Path) -> dict[str, Any]:
    """config.json of the same folder, where it is timm's."""
    try:
        found = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("architecture"), str) else {}


def _pixels(path: Path, base: str, beside: Mapping[str, Any]) -> dict[str, list[float]]:
    """What config.json says of mean and deviation, where that is of this architecture; else what timm says."""
    known = timm.get_pretrained_cfg(base.split(".")[0])
    assert known is not None
    own = beside.get("pretrained_cfg")
    if str(beside.get("architecture", "")).split(".")[0] != base.split(".")[0] or not isinstance(own, dict):
        own = {}
    found = {}
    for name, usual in (("mean", known.mean), ("std", known.std)):
        given = own.get(name, usual)
        if not isinstance(given, list | tuple) or len(given) != 3 or not all(_is_share(x, name) for x in given):
            where = _("{name} of config.json: found {given}", name=name, given=str(given)[:60])
            raise _problem(path, where, _("accepted: three numbers from 0 to 1"))
        found[name] = [float(x) for x in given]
    return found


def _is_share(x: Any, name: str) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and (0 <= x <= 1) and (x > 0 or name == "mean")


def _require_numbers(path: Path, state: Mapping[str, Tensor]) -> None:
    for name, tensor in state.items():
        if tensor.is_complex() or not bool(torch.isfinite(tensor.float()).all()):
            raise _problem(path, _("{name} holds values that are no numbers", name=name), _("accepted: finite numbers"))


def _keep(folder: Path, state: dict[str, Tensor], told: dict[str, Any]) -> None:
    """Writes it whole or not at all, in the form of a folder of HEADSTART_MODELS."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        target = Path(made) / "model.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, target, metadata={"format": "pt"})
        note = json.dumps(told | {"sha256": weights.sha256(target)}, indent=2, ensure_ascii=False)
        folder.mkdir(exist_ok=True)
        target.replace(folder / target.name)
        (Path(made) / "source.json").write_text(note, encoding="utf-8")
        (Path(made) / "source.json").replace(folder / "source.json")


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def _other(card: ModelCard, path: Path) -> InputError:
    found = _("{name} holds weights of another network", name=path.name)
    return InputError(Problem(_("model {name}", name=card.name), found, _("accepted: its own weights")))


def _problem(path: Path, found: str, accepted: str) -> InputError:
    return InputError(Problem(path.name, found, accepted))
