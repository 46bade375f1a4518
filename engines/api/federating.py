"""Learning where the data are: a site's sums, sites united, and all of it tried out on data that lie here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engines import registry
from engines.api.running import Listener, RunFailed, recipe, work
from engines.contract import InputError, Job, Problem, Progress, Recipe, Result
from engines.federated.asked import BY, NAMES
from engines.jobs import starting
from engines.messages import _


def summarise(
    task: str,
    data: str | Path,
    out: str | Path,
    *,
    model: str | None = None,
    settings: Mapping[str, Any] | None = None,
    means_alone: bool = False,
    small_classes: bool = False,
    epsilon: float | None = None,
    delta: float | None = None,
    length: float | None = None,
    masks: str | Path | None = None,
    key: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Writes a site's file, see `federated.summarise`. With `epsilon` noise is added (`federated.noise`); with an
    agreement `masks` and the site's own `key` its sums are masked (`masking.agreement`). Raises InputError, and what
    `progress` raises."""
    from engines.evidence import ranking
    from engines.federated import summarise as adding
    from engines.federated.masking import agreement
    from engines.federated.noise import DELTA, LENGTH, Noise

    out = Path(out)
    if out.suffix != ".npz" or out.is_dir():
        raise InputError(Problem("--out", _("found {name}", name=out.name), _("accepted: a file that ends in .npz")))
    noise = None
    if epsilon is not None:
        noise = Noise(epsilon, DELTA if delta is None else delta, LENGTH if length is None else length)
    if (masks is None) != (key is None):
        found = _("one of the two is missing")
        raise InputError(Problem("--masks, --key", found, _("accepted: the agreement, and this site's own key")))
    under = None
    if masks is not None and key is not None:
        agreed = agreement.read(Path(masks))
        under = agreed, agreement.read_key(Path(key), agreed)
    chosen = recipe(task, data, model=model, strategy="features", settings=settings)
    if of_series := _sums_of_series(task):
        if means_alone or noise or under:
            unknown = _("sums of series have none of these")
            raise InputError(Problem("--means, --epsilon, --masks", unknown, _("accepted: the sums as they are")))
        with tempfile.TemporaryDirectory(prefix="site-") as folder:
            return dict(of_series.summarise(registry.task(task), chosen, ranking.Aside(Path(folder), progress), out))
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        aside = ranking.Aside(Path(folder), progress)
        return adding.summarise(
            registry.task(task),
            chosen,
            aside,
            out,
            means_alone=means_alone,
            small_classes=small_classes,
            noise=noise,
            under=under,
        )


def _sums_of_series(task: str) -> Any:
    """The verb of a task whose sites add up something else than classes of frozen features; None of others."""
    try:
        return registry.task(task).verb("summarise")
    except NotImplementedError:
        return None


def key(site: str, out: str | Path) -> dict[str, Any]:
    """A site's pair of keys for masks, see `masking.agreement`: path (stays there) and public (to hand out). Raises
    InputError."""
    from engines.federated.masking import agreement

    return {"path": str(out), "public": str(agreement.new_key(site, Path(out)))}


def agree(publics: Sequence[str | Path], classes: Sequence[str], out: str | Path) -> dict[str, Any]:
    """Writes the agreement of the sites whose public keys these are: path, sites, classes, fingerprint. Raises
    InputError."""
    from engines.federated.masking import agreement

    made = agreement.agree([Path(path) for path in publics], classes, Path(out))
    return {"path": str(out), "sites": list(made.sites), "classes": made.classes, "fingerprint": made.fingerprint}


def merge(
    sites: Sequence[str | Path],
    out: str | Path,
    *,
    test: str | Path | None = None,
    means_alone: bool = False,
    settings: Mapping[str, Any] | None = None,
    listeners: Iterable[Listener] = (),
) -> Result:
    """Unites sites' files in the run folder `out`, an ordinary run from then on: see `federated.merge`. Raises
    InputError, Cancelled and RunFailed."""
    run = work(merge_job(sites, test=test, means_alone=means_alone, settings=settings), out, listeners)
    if (result := run.result) is None:
        raise RunFailed(run.state[1])
    return result


def merge_job(
    sites: Sequence[str | Path],
    *,
    test: str | Path | None = None,
    means_alone: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Job:
    """What asks for that; of files of series, for an ordinary run on those in `test`. Raises InputError for files that
    do not go together."""
    from engines.federated import several

    paths = [Path(path).absolute() for path in sites]
    for task in dict.fromkeys(map(several.task_of, paths)):
        if task in registry.TASKS and (of_series := _sums_of_series(task)):
            return _series_job(of_series.merged(paths), test, settings or {})
    read, _notes = several.read_all(paths)
    told = read[0].manifest
    asked = recipe(told.task, paths[0], test=test, model=told.model, strategy="features", settings=settings)
    return Job(asked, "merge", {"sites": list(map(str, paths)), "means_alone": means_alone})


def _series_job(merged: tuple[str, dict[str, Any]], test: str | Path | None, settings: Mapping[str, Any]) -> Job:
    task, found = merged
    if test is None:
        alone = _("a regression alone forecasts nothing")
        raise InputError(Problem("--test", alone, _("accepted: your own series, whose last stretch is tested on")))
    return Job(recipe(task, test, settings=found | dict(settings)), "fit")


def simulate(recipe: Recipe, out: str | Path, *, listeners: Iterable[Listener] = (), **asked: Any) -> dict[str, Any]:
    """The recipe's data as if they lay at several sites: federation.json of the run folder `out`, which also holds the
    federated model. `asked`: see `simulate_job`. Raises InputError, Cancelled and RunFailed."""
    run = work(simulate_job(recipe, **asked), out, listeners)
    if (found := run.federation) is None:
        raise RunFailed(run.state[1])
    return found


def simulate_job(
    recipe: Recipe,
    *,
    sites: int = 5,
    alpha: float = 1.0,
    rounds: int = 0,
    algorithm: str = "fedavg",
    scratch: bool = False,
    lose: Sequence[Sequence[int]] = (),
    patience: float = 0.0,
    by: str = "class",
) -> Job:
    """What asks for a trial of it. Raises InputError.

    `sites`, `alpha` and `by` divide the data (`study.clients`); `rounds` of `algorithm`, 0 for the one exchange of
    sums; with `scratch` the same rounds also from random weights; `lose`: [round, site] pairs of answers that never
    come; `patience`: seconds after which an answer is too late, 0 for none."""
    problems = []
    for name, value, fits, accepted in (
        ("--sites", sites, 2 <= sites <= 50, _("accepted: 2 to 50")),
        ("--alpha", alpha, 0 < alpha <= 1e6, _("accepted: above 0; 100 is nearly alike everywhere, .1 very unlike")),
        ("--rounds", rounds, 0 <= rounds <= 10_000, _("accepted: 0 to 10,000")),
        ("--algorithm", algorithm, algorithm in NAMES, _("accepted: {names}", names=", ".join(NAMES))),
        ("--by", by, by in BY, _("accepted: {names}", names=", ".join(BY))),
        ("--late-after", patience, 0 <= patience < float("inf"), _("accepted: seconds, or 0")),
    ):
        if not fits:
            problems.append(Problem(name, _("found {value}", value=value), accepted))
    if problems:
        raise InputError(*problems)
    return Job(
        recipe,
        "federate",
        {
            "sites": sites,
            "alpha": alpha,
            "rounds": rounds,
            "algorithm": algorithm,
            "scratch": scratch,
            "lose": [list(map(int, pair)) for pair in lose],
            "patience": patience,
            "by": by,
        },
    )


def lead(recipe: Recipe, out: str | Path, *, listeners: Iterable[Listener] = (), **asked: Any) -> Result:
    """Leads a federation of sites on other machines from the run folder `out`: see `federated.lead`, and
    `federated.line` for who is told what on standard output. `asked`: see `lead_job`. Raises InputError, Cancelled and
    RunFailed."""
    run = work(lead_job(recipe, **asked), out, listeners)
    if (result := run.result) is None:
        raise RunFailed(run.state[1])
    return result


def lead_job(
    recipe: Recipe,
    *,
    sites: int = 2,
    rounds: int = 10,
    algorithm: str = "fedavg",
    patience: float = 0.0,
    secure: bool = False,
) -> Job:
    """What asks for that. Raises InputError.

    `sites`: how many have to tell what they have; `patience`: seconds after which an answer is too late, 0 for none;
    `secure`: only the sum of the sites' answers is to be known, where whoever carries them can do so."""
    from engines.federated.asked import STRATEGIES

    problems = []
    for name, value, fits, accepted in (
        ("--sites", sites, 2 <= sites <= 1000, _("accepted: 2 to 1,000")),
        ("--rounds", rounds, 1 <= rounds <= 10_000, _("accepted: 1 to 10,000")),
        ("--algorithm", algorithm, algorithm in NAMES, _("accepted: {names}", names=", ".join(NAMES))),
        ("--late-after", patience, 0 <= patience < float("inf"), _("accepted: seconds, or 0")),
        (
            "--strategy",
            recipe.strategy,
            recipe.strategy in STRATEGIES,
            _("accepted: {names}", names=", ".join(STRATEGIES)),
        ),
    ):
        if not fits:
            problems.append(Problem(name, _("found {value}", value=value), accepted))
    if problems:
        raise InputError(*problems)
    arguments = {"sites": sites, "rounds": rounds, "algorithm": algorithm, "patience": patience, "secure": secure}
    return Job(recipe, "lead", arguments)


def answer(
    order: str | Path, data: str | Path, out: str | Path, *, name: str, progress: Progress | None = None
) -> dict[str, Any]:
    """Writes what the site `name` makes of an order, with the data there: see `federated.site`. Raises InputError, and
    what `progress` raises."""
    from engines.evidence import ranking
    from engines.federated import site

    told, tensors = site.order_in(Path(order))
    if not isinstance(told["model"], str) or starting.is_run(told["model"]):
        raise InputError(Problem(Path(order).name, _("it names no model"), _("accepted: a model that every site has")))
    chosen = recipe(
        str(told["task"]),
        data,
        model=told["model"],
        strategy=str(told["strategy"]),
        seed=int(told["seed"]),
        settings=told["settings"],
    )
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        aside = ranking.Aside(Path(folder), progress)
        return site.answer(registry.task(chosen.task), chosen, aside, told, tensors, name, Path(out))
