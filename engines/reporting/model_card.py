"""The README.md of a trained model, in the Hugging Face model-card format: the facts of the run, laid out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from engines.contract import ModelCard, Recipe, Result, TaskInfo
from engines.reporting import facts as run_facts
from engines.reporting.facts import RESTS_ON, Facts, Measure
from engines.reporting.groups import Groups


def write(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo, folder: Path | None = None) -> str:
    """Markdown with YAML metadata. Of the data it names nothing but the classes: it leaves with the model."""
    told = run_facts.collect(result, recipe, card, info, folder)
    recipe_json = json.dumps(told.made_from, indent=2, ensure_ascii=False)
    return f"""---
{_metadata(result, card, info, told.title)}
---

# {_name(told.title)}

{_text(told.what)}

{_classes(told)}## How good it is

On {_text(told.tested_on)}, with 95 % intervals{escape(told.drawn, quote=False)}:

{_table(("measure", "value"), map(_row, told.measures))}

{_text(" ".join(told.compared))}

{_section("", _table(RESTS_ON, told.rests_on) if told.rests_on else "", plain=False)}\
{_groups(told)}{_section("Can its percentages be believed", told.believed)}## Load it

```python
{told.load}
```

{_section("", f"Inputs: {told.input}." if told.input else "")}## How it was trained

{_text(told.trained)} {len(told.skipped):,} were left out of the data.

```json
{recipe_json}
```

Again, given the same data:

```
{told.repeat}
```

{_section("What was expected before training", *told.foreseen)}## What it cost

{_table(("what", "how much"), told.cost)}

## What it forgot

{_text(told.forgetting)}

{_section("", _table(("measure", "value"), map(_row, told.forgot)) if told.forgot else "", plain=False)}## Limits

{_text(told.limits)}
"""


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
                dataset_name=str(f"{info.unit} of one's own"),  # YAML wants a plain one
                dataset_split="test",
                metric_type=name,
                metric_value=round(value, 4),
            )
            for name, value in values
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
    said = "".join(f"By {own.kind}, {own.title}. {_group(own)}\n\n" for own in told.groups)
    return f"## Is it as good for everyone\n\n{said}" if said else ""


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
