"""The README.md of a trained model, in the Hugging Face model-card format: the facts of the run, laid out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from engines import messages
from engines.contract import ModelCard, Recipe, Result, TaskInfo
from engines.messages import _
from engines.reporting import diagnosis
from engines.reporting import facts as run_facts
from engines.reporting.facts import RESTS_ON, Facts, Measure
from engines.reporting.groups import Groups


def write(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo, folder: Path | None = None) -> str:
    """Markdown with YAML metadata. Of the data it names nothing but the classes: it leaves with the model."""
    told = run_facts.collect(result, recipe, card, info, folder)
    recipe_json = json.dumps(told.made_from, indent=2, ensure_ascii=False)
    return _(
        "---\n{metadata}\n---\n\n# {name}\n\n{notice}{text}\n\n{classes}## How good it is\n\n{how_good}\n\n"
        "{section}{groups}{clinic}{section_can_its_percentages}## Load it\n\n```python\n{load}\n```\n\n"
        "{section_}## How it was trained\n\n{text_trained} {skipped:,} were left out of the "
        "data.\n\n```json\n{recipe_json}\n```\n\nAgain, given the same data:\n\n```\n{repeat}\n```\n\n"
        "{section_what_was_expected}## What it cost\n\n{table_cost}\n\n## What it forgot\n\n"
        "{text_forgetting}\n\n{section_table}## Limits\n\n{text_limits}\n",
        metadata=_metadata(result, card, info, told.title),
        name=_name(told.title),
        notice=_section("", f"**{_text(told.notice)}**" if told.notice else "", plain=False),
        text=_text(told.what),
        classes=_classes(told),
        how_good=_how_good(told, result.n_test),
        section=_section("", _table(messages.told(RESTS_ON), told.rests_on) if told.rests_on else "", plain=False),
        groups=_groups(told),
        clinic=_clinic(result),
        section_can_its_percentages=_section(_("Can its percentages be believed"), told.believed),
        load=told.load,
        section_=_section("", _("Inputs: {input}.", input=told.input) if told.input else ""),
        text_trained=_text(told.trained),
        skipped=len(told.skipped),
        recipe_json=recipe_json,
        repeat=told.repeat,
        section_what_was_expected=_section(_("What was expected before training"), *told.foreseen),
        table_cost=_table(("what", _("how much")), told.cost),
        text_forgetting=_text(told.forgetting),
        section_table=_section(
            "", _table(("measure", "value"), map(_row, told.forgot)) if told.forgot else "", plain=False
        ),
        text_limits=_text(told.limits),
    )


def _how_good(told: Facts, n_test: int) -> str:
    if not n_test:  # put together of what others have added up, with no data here
        return _("Nothing was tested where it was made: ask it about data of your own before you rely on it.")
    return _(
        "On {text_tested_on}, with 95 % intervals{escape}:\n\n{table}\n\n{text_compared}",
        text_tested_on=_text(told.tested_on),
        escape=escape(told.drawn, quote=False),
        table=_table(("measure", "value"), map(_row, told.measures)),
        text_compared=_text(" ".join(told.compared)),
    )


def _metadata(result: Result, card: ModelCard, info: TaskInfo, title: str) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    values = [(result.metric, result.value), *((n, e.value) for n, e in result.metrics.items())]
    metadata = ModelCardData(
        license=card.licence.lower(),
        library_name=result.details.get("library", info.library),
        pipeline_tag=info.pipeline_tag,
        base_model=card.hub,
        tags=["headstart", "transfer-learning", str(result.strategy)],
        model_name=str(title),
        eval_results=[
            EvalResult(
                task_type=info.pipeline_tag,
                dataset_type="custom",
                dataset_name=str(_("{unit} of one's own", unit=info.unit)),  # YAML wants a plain one
                dataset_split="test",
                metric_type=name,
                metric_value=round(value, 4),
            )
            for name, value in values
            if result.n_test
        ],
    )
    return str(metadata.to_yaml())


def _section(title: str, *texts: str, plain: bool = True) -> str:
    """A section with its heading, one without where it has none; nothing where there is nothing to say."""
    said = "\n".join(_text(text) if plain else text for text in texts if text)
    if not said:
        return ""
    return f"## {title}\n\n{said}\n\n" if title else f"{said}\n\n"


def _classes(told: Facts) -> str:
    return _section("Classes", ", ".join(map(_name, told.classes)), plain=False)


def _groups(told: Facts) -> str:
    """For each class; of other groups, whose names are the data's, only how far apart they are."""
    said = "".join(
        _("By {kind}, {title}. {group}\n\n", kind=own.kind, title=own.title, group=_group(own)) for own in told.groups
    )
    return _("## Is it as good for everyone\n\n{said}", said=said) if said else ""


def _clinic(result: Result) -> str:
    """What is asked of a test for one thing, of runs on patients' pictures."""
    if not (lines := diagnosis.measures(result)):
        return ""
    said = _text(" ".join(diagnosis.sentences(result)))
    return _section(_("For a clinic"), f"{said}\n\n{_table(('measure', 'value'), map(_row, lines))}", plain=False)


def _group(own: Groups) -> str:
    if own.named_by_data:
        return _text(own.told(names=False))
    rows = [(_name(name), str(found.n), _shown(Measure.of("", own.metric, found))) for name, found in own.parts]
    return f"{_text(own.told(names=True))}\n\n{_table((own.kind, 'tested on', own.title), rows)}"


def _row(measure: Measure) -> tuple[str, str]:
    return measure.name, _shown(measure)


def _shown(measure: Measure) -> str:
    return f"{measure.shown} ({measure.between})" if measure.between else measure.shown


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\|", _text(text))


def _text(text: str) -> str:
    """On one line, and no HTML: what stands in it may be called anything."""
    return escape(" ".join(text.split()), quote=False)


def _name(text: str) -> str:
    """What a person called something, so that no reader of markdown makes a picture, a link or a heading of it."""
    return re.sub(r"([\\`*_{}\[\]#!|~$])", r"\\\1", _text(text))
