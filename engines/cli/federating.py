"""The verbs of learning where the data are: a site's file, sites united, and a trial of it on one's own data."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from engines import api
from engines.api import federating
from engines.cli import values
from engines.cli.options import AcceptGuesses, Data, Json, ModelName, Seed, Set, StrategyName, TaskName, Test
from engines.cli.parser import app
from engines.cli.printing import answer, bar, echo, say, summary
from engines.messages import _
from engines.reporting import wording

federate = typer.Typer(no_args_is_help=True, help=_("Learn from data at several places, which stay where they are."))
app.add_typer(federate, name="federate")

SiteFiles = Annotated[
    list[Path], typer.Argument(metavar="SITE…", help=_("The files that `summarise` wrote."), resolve_path=True)
]
Means = Annotated[
    bool, typer.Option("--means", help=_("Class averages alone: less is told, and a little less is learnt."))
]


@federate.command()
def summarise(
    task: TaskName,
    data: Data,
    out: Annotated[Path, typer.Option(help=_("The file to carry to the others, .npz."), resolve_path=True)],
    model: ModelName = None,
    means: Means = False,
    allow_small_classes: Annotated[
        bool,
        typer.Option(
            "--allow-small-classes", help=_("Also classes of fewer than 5 examples: their sums nearly are these.")
        ),
    ] = False,
    epsilon: Annotated[
        float | None, typer.Option(help=_("Add noise that hides single examples: smaller hides more."))
    ] = None,
    delta: Annotated[float | None, typer.Option(help=_("Of the noise: how likely it may fail to."))] = None,
    length: Annotated[
        float | None, typer.Option(help=_("Of the noise: what features are cut to, the same at every site."))
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help=_("Mask the sums: the agreement of all sites, which `agree` wrote."), resolve_path=True),
    ] = None,
    own_key: Annotated[
        Path | None,
        typer.Option("--key", help=_("Of masks: this site's own key, which `key` wrote."), resolve_path=True),
    ] = None,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """Add up what a frozen network sees of the data here, class by class, for others to learn from."""
    found = federating.summarise(
        task,
        data,
        out,
        model=model,
        settings=values.settings(settings, accept_guesses),
        means_alone=means,
        small_classes=allow_small_classes,
        epsilon=epsilon,
        delta=delta,
        length=length,
        masks=masks,
        key=own_key,
        progress=bar(_("looked at")),
    )
    for line in found["said"]:
        say(line, as_json)
    for entry in found["skipped"]:
        say(_("left out: {where} {reason}", where=entry["where"], reason=entry["reason"]), as_json)
    say(_("{path} ({size})", path=found["path"], size=f"{found['bytes'] / 1e6:,.1f} MB"), as_json)
    answer(found, as_json)


@federate.command()
def key(
    site: Annotated[str, typer.Argument(metavar="NAME", help=_("What this site is called."))],
    out: Annotated[
        Path, typer.Option(help=_("The private key to write, which stays here, such as north.key."), resolve_path=True)
    ],
    as_json: Json = False,
) -> None:
    """Make a site's keys for masks: a private one that stays, and a public one beside it to hand out."""
    found = federating.key(site, out)
    say(_("{path} stays here. {public} is for the others.", **found), as_json)
    answer(found, as_json)


@federate.command()
def agree(
    publics: Annotated[
        list[Path], typer.Argument(metavar="PUBLIC…", help=_("Every site's public key, .pub."), resolve_path=True)
    ],
    classes: Annotated[
        list[str], typer.Option("--class", metavar="NAME", help=_("A class that any site has; given again for each."))
    ],
    out: Annotated[Path, typer.Option(help=_("The agreement to write, .json; no secret."), resolve_path=True)],
    as_json: Json = False,
) -> None:
    """Write down who masks their sums together, and which classes there are: the same file for every site."""
    found = federating.agree(publics, classes, out)
    say(
        _(
            "{path}: {sites} sites, {classes} classes, {fingerprint}. Every site should read the same numbers in it.",
            path=found["path"],
            sites=len(found["sites"]),
            classes=len(found["classes"]),
            fingerprint=found["fingerprint"],
        ),
        as_json,
    )
    answer(found, as_json)


@federate.command()
def merge(
    sites: SiteFiles,
    out: Annotated[Path, typer.Option(help=_("The run folder to write."), resolve_path=True)],
    test: Test = None,
    means: Means = False,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """Unite sites' files: the model that all their data together would have given, as a run like any other."""
    result = federating.merge(
        sites, out, test=test, means_alone=means, settings=values.settings(settings, accept_guesses), listeners=[echo]
    )
    known = result.details["federated"]
    if result.n_test:
        say(summary(result), as_json)
    for row in known["sites"]:
        own = row["alone"]
        if known["masked"]:
            say(_("{name}: masked", name=row["name"]), as_json)
            continue
        alone = _(", alone {value:.3f} ({low:.3f} to {high:.3f})", **own) if own else ""
        say(_("{name}: {n:,} examples{alone}", name=row["name"], n=row["n"], alone=alone), as_json)
    if as_json:
        told = json.loads(result.to_json(indent=None)) | {"sites": known["sites"], "central": known.get("central")}
        print(json.dumps({key: _none(value) for key, value in told.items()}, ensure_ascii=False))


def _none(value: Any) -> Any:
    """JSON has no number that is none."""
    return None if isinstance(value, float) and math.isnan(value) else value


@federate.command()
def simulate(
    task: TaskName,
    data: Data,
    out: Annotated[
        Path, typer.Option(help=_("The run folder to write; one that was interrupted is continued."), resolve_path=True)
    ],
    sites: Annotated[int, typer.Option(help=_("Among how many the data are divided."))] = 5,
    alpha: Annotated[float, typer.Option(help=_("How alike sites are: 100 nearly alike, .1 very unlike."))] = 1.0,
    by: Annotated[
        str, typer.Option(help=_("class: as --alpha says; group: each patient or speaker whole at one site."))
    ] = "class",
    rounds: Annotated[int, typer.Option(help=_("Rounds of learning at the sites; 0: their sums alone."))] = 0,
    algorithm: Annotated[str, typer.Option(help=_("fedavg, fedprox or fedadam."))] = "fedavg",
    scratch: Annotated[bool, typer.Option("--scratch", help=_("The same rounds also from random weights."))] = False,
    lose: Annotated[
        list[str] | None, typer.Option(metavar="ROUND:SITE", help=_("An answer that never comes; may be given again."))
    ] = None,
    late_after: Annotated[
        float, typer.Option(help=_("Seconds after which a site's answer is too late; 0: never."))
    ] = 0.0,
    test: Test = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """Try it out: your data as if they lay at several sites, against each site alone and all of them in one place."""
    recipe = api.recipe(
        task,
        data,
        test=test,
        model=model,
        strategy=strategy,
        seed=seed,
        settings=values.settings(settings, accept_guesses),
    )
    found = federating.simulate(
        recipe,
        out,
        sites=sites,
        alpha=alpha,
        rounds=rounds,
        algorithm=algorithm,
        scratch=scratch,
        lose=[values.numbers(pair.replace(":", ","), "--lose") for pair in lose or ()],
        patience=late_after,
        by=by,
        listeners=[echo],
    )
    for line in found["said"]:
        say(line, as_json)
    metric = api.task(task).info.metric
    for row in found["sites"]:
        own, gained = row["alone"], row["gained"]
        say(
            _(
                "{name}: {n:,} examples, alone {alone}, gained {gained} ({low} to {high})",
                name=row["name"],
                n=row["n"],
                alone=wording.value(metric, own["value"]),
                gained=wording.amount(metric, gained["value"]),
                low=wording.amount(metric, gained["low"]),
                high=wording.amount(metric, gained["high"]),
            ),
            as_json,
        )
    answer(found, as_json)


@federate.command()
def lead(
    task: TaskName,
    out: Annotated[
        Path, typer.Option(help=_("The run folder to write; one that was interrupted is continued."), resolve_path=True)
    ],
    sites: Annotated[int, typer.Option(help=_("How many have to tell what they have."))] = 2,
    rounds: Annotated[int, typer.Option(help=_("Rounds of learning at the sites."))] = 10,
    algorithm: Annotated[str, typer.Option(help=_("fedavg, fedprox or fedadam."))] = "fedavg",
    late_after: Annotated[
        float, typer.Option(help=_("Seconds after which a site's answer is too late; 0: never."))
    ] = 0.0,
    secure: Annotated[
        bool, typer.Option("--secure", help=_("Only the sum of the sites' answers is to be known."))
    ] = False,
    test: Test = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    seed: Seed = 0,
    settings: Set = None,
) -> None:
    """Lead sites on other machines in rounds. Flower's server starts this and carries what it says (deploy/flower)."""
    out.parent.mkdir(parents=True, exist_ok=True)
    recipe = api.recipe(
        task,
        test or out.parent,
        test=test,
        model=model,
        strategy=strategy,
        seed=seed,
        settings=values.settings(settings),
    )
    result = federating.lead(
        recipe,
        out,
        sites=sites,
        rounds=rounds,
        algorithm=algorithm,
        patience=late_after,
        secure=secure,
        listeners=[echo],
    )
    for row in result.details["federated"]["sites"]:
        say(_("{name}: {n:,} examples{alone}", name=row["name"], n=row["n"], alone=""), as_json=True)
    if result.n_test:
        say(summary(result), as_json=True)


@federate.command("answer")
def answer_order(
    order: Annotated[Path, typer.Argument(metavar="ORDER", help=_("The file that asks for something."))],
    data: Data,
    name: Annotated[str, typer.Option(help=_("What this site is called."))],
    out: Annotated[Path, typer.Option(help=_("The answer to write."), resolve_path=True)],
    as_json: Json = False,
) -> None:
    """Answer one order of a federation with the data here. Flower's client starts this (deploy/flower)."""
    found = federating.answer(order, data, out, name=name, progress=bar(_("looked at")))
    say(_("{path} ({size})", path=out, size=f"{out.stat().st_size / 1e6:,.1f} MB"), as_json)
    answer(found, as_json)
