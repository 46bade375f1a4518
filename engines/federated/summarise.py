"""A site adds up what its frozen features say of each class, and writes it to one file: nothing else leaves it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import InputError, Problem, Recipe, Run, Task
from engines.data.class_names import as_known
from engines.federated import opening, site_file
from engines.federated.masking import masks
from engines.federated.masking.agreement import Agreement, Key
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
    under: tuple[Agreement, Key] | None = None,
) -> dict[str, Any]:
    """Writes the site's file `out`; answers path, bytes, classes (name -> n), left_out, noise, kind, masks, skipped,
    and `said`: what the file gives away, in sentences. `small_classes`: also those of fewer than FEW examples; `under`:
    what its sums are masked by. Raises InputError."""
    study = opening.opened(task, recipe, run, Path(recipe.data))
    features = opening.seen(study)
    classes = study.prepared.classes
    if under:
        classes = agreed(classes, under[0], Path(recipe.data).name)
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
        {} if under else left_out,  # which is a count too
        {"site": under[1].site, "sites": list(under[0].sites), "agreement": under[0].digest} if under else None,
    )
    if under:
        agreement, key = under
        sums = masks.in_steps(known, agreement.classes, manifest.width, manifest.kind, len(agreement.sites))
        size = site_file.write_masked(out, manifest, agreement.classes, masks.masked(sums, agreement, key))
        said = told_of_masks(agreement)
    else:
        size = site_file.write(out, manifest, known)
        said = told(known, manifest, few if small_classes else [])
    return {
        "path": str(out),
        "bytes": size,
        "classes": {name: own.n for name, own in known.items()},
        "kind": manifest.kind,
        "left_out": left_out,
        "noise": manifest.noise,
        "masks": manifest.masks,
        "skipped": [{"where": entry.where, "reason": entry.reason} for entry in study.skipped],
        "said": [*said, *told_of_choices(manifest.noise, left_out)],
    }


def agreed(classes: Sequence[str], agreement: Agreement, where: str) -> list[str]:
    """The site's classes by the names that were agreed on. Raises InputError for one that is none of them."""
    ways = as_known(classes, agreement.classes)
    names = [ways.get(name, name) for name in classes]
    if unknown := [name for name in names if name not in agreement.classes]:
        found = _("class {name!r} is none of those agreed on", name=unknown[0])
        accepted = _("accepted: {classes}", classes=", ".join(agreement.classes[:20]))
        raise InputError(Problem(where, found, accepted))
    if twice := next((name for name in names if names.count(name) > 1), ""):
        found = _("two of its classes mean {name!r}", name=twice)
        raise InputError(Problem(where, found, _("accepted: one name for one class at every site")))
    return names


def told_of_masks(agreement: Agreement) -> list[str]:
    """What a masked file gives away, and what nobody can check of it."""
    n = len(agreement.sites)
    said = [
        _(
            "The file is masked: to whoever has fewer than all {n} files ({names}) it is noise. Together they give the "
            "sums of all sites, with counts of each class.",
            n=n,
            names=", ".join(list(agreement.sites)[:10]),
        ),
        _(
            "Agreement {fingerprint}: every site must read the same, or somebody else's key is in it.",
            fingerprint=agreement.fingerprint,
        ),
    ]
    if n == 2:
        said.append(_("With two sites, each can take its own sums off the total: to each other they hide nothing."))
    return said + masks.impossible()


def told(known: dict[str, ClassStatistics], manifest: Manifest, few: list[str]) -> list[str]:
    """What a site's file gives away, in sentences."""
    counts = ", ".join(f"{name}: {own.n:,}" for name, own in known.items())
    said = [
        _("The file says how many examples there are of each class, by its name. {counts}.", counts=counts),
        _(
            "It holds none of the examples: sums of the {width:,} numbers that the network makes of each.",
            width=manifest.width,
        ),
    ]
    thin = [name for name, own in known.items() if own.factor is not None]
    if thin and manifest.noise is None:
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
    return said


def told_of_choices(noise: dict[str, float] | None, left: dict[str, int]) -> list[str]:
    """What was left out, and what hides examples."""
    said = []
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
