"""A site adds up what its frozen features say of each class, and writes it to one file: nothing else leaves it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import InputError, Problem, Recipe, Run, Task
from engines.federated import opening, site_file
from engines.federated.noise import Noise, noisy
from engines.federated.site_file import Manifest
from engines.federated.statistics import ClassStatistics, of_class
from engines.messages import _, _n

FEW = 5
"""Examples of a class below which its sums nearly are the examples."""


def summarise(
    task: Task,
    recipe: Recipe,
    run: Run,
    out: Path,
    *,
    means_alone: bool = False,
    small_classes: bool = False,
    noise: Noise | None = None,
) -> dict[str, Any]:
    """Writes the site's file `out`; answers path, bytes, classes (name -> n), left_out, noise, kind, skipped, and
    `said`: what the file gives away, in sentences. `small_classes`: also those of fewer than FEW examples. Raises
    InputError."""
    study = opening.opened(task, recipe, run, Path(recipe.data))
    features = opening.seen(study)
    classes = study.prepared.classes
    counts = np.bincount(features.targets, minlength=len(classes))
    few = [name for name, n in zip(classes, counts, strict=True) if 0 < n < FEW]
    kept = [name for name in classes if small_classes or name not in few]
    if not kept:
        found = _("none of its classes has {few} examples", few=FEW)
        accepted = _("accepted: more examples, or --allow-small-classes where you may show so few")
        raise InputError(Problem(Path(recipe.data).name, found, accepted))
    known: dict[str, ClassStatistics] = {}
    generator = np.random.default_rng(secrets.randbits(128))  # of a known seed it could be taken off again
    for name in kept:
        own = features.values[features.targets == classes.index(name)]
        known[name] = (
            noisy(own, noise, generator, means_alone=means_alone) if noise else of_class(own, means_alone=means_alone)
        )
    left = [] if small_classes else few
    left_out = {"classes": len(left), "examples": int(sum(counts[classes.index(name)] for name in left))}
    manifest = Manifest(
        task.info.name,
        study.card.name,
        opening.backbone(study.card),
        study.input(),
        features.values.shape[1],
        "means" if means_alone else "scatter",
        secrets.token_hex(16),
        {"epsilon": noise.epsilon, "delta": noise.delta, "length": noise.length} if noise else None,
        left_out,
    )
    size = site_file.write(out, manifest, known)
    return {
        "path": str(out),
        "bytes": size,
        "classes": {name: own.n for name, own in known.items()},
        "kind": manifest.kind,
        "left_out": left_out,
        "noise": manifest.noise,
        "skipped": [{"where": entry.where, "reason": entry.reason} for entry in study.skipped],
        "said": told(known, manifest, few if small_classes else []),
    }


def told(known: dict[str, ClassStatistics], manifest: Manifest, few: list[str]) -> list[str]:
    """What a site's file gives away, in sentences."""
    noise, left = manifest.noise, manifest.left_out
    counts = ", ".join(f"{name}: {own.n:,}" for name, own in known.items())
    said = [
        _("The file says how many examples there are of each class, by its name. {counts}.", counts=counts),
        _(
            "It holds none of the examples: sums of the {width:,} numbers that the network makes of each.",
            width=manifest.width,
        ),
    ]
    thin = [name for name, own in known.items() if own.factor is not None]
    if thin and noise is None:
        said.append(
            _(
                "Sums are no secret by themselves: with fewer examples than numbers, as of {classes}, whoever has the "
                "file can test whether an example that they have was among yours.",
                classes=", ".join(thin[:5]),
            )
        )
    if few:
        said.append(
            _(
                "Of {classes} there are fewer than {few} examples: their sums are nearly the examples themselves. "
                "You asked "
                "for that.",
                classes=", ".join(few),
                few=FEW,
            )
        )
    if left.get("classes"):
        said.append(
            _n(
                "{n} class with fewer than {few} examples is left out ({examples} in all): --allow-small-classes "
                "takes it in.",
                "{n} classes with fewer than {few} examples each are left out ({examples} in all): "
                "--allow-small-classes takes "
                "them in.",
                left["classes"],
                few=FEW,
                examples=left["examples"],
            )
        )
    if noise:
        said.append(
            _(
                "Noise is on all of it: ε = {epsilon:g}, δ = {delta:g} for one example. With few examples it drowns "
                "what they "
                "say, so that no good model is promised; names of classes, and that they are here, stay as they are.",
                epsilon=noise["epsilon"],
                delta=noise["delta"],
            )
        )
    return said
