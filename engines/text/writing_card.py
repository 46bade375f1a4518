"""README.md and report.html of a writing model, from what its run measured."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from engines.contract import Estimate, ModelCard, Recipe, Result, TaskInfo, Verdict
from engines.evidence import words
from engines.report import STYLE

PIPELINES = {"text.generation": "text-generation", "text.translation": "translation"}
WORDS = {"pays": "Fine-tuning pays", "hurts": "Fine-tuning hurts", "undecided": "Undecided"}


def sentence(verdict: Verdict, info: TaskInfo) -> str:
    """'Fine-tuning pays: perplexity 12.3 lower than the model as it came (95 % interval …).'"""
    d = verdict.difference
    how = "lower" if d.value < 0 else "higher"
    seeds = f"{d.seeds} seeds" if d.seeds > 1 else "one seed"
    return (
        f"{WORDS[verdict.verdict]}: {info.metric_title} {abs(d.value):,.3g} {how} than {words.RIVALS[verdict.against]} "
        f"(95 % interval {d.low:+,.3g} to {d.high:+,.3g}, {d.n:,} test {info.unit}, {seeds})."
    )


def readme(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo) -> str:
    """Markdown with YAML metadata, in the Hugging Face model-card format. Every number comes from `result`."""
    from huggingface_hub import EvalResult, ModelCardData

    title = recipe.title or f"{card.title} fine-tuned on {Path(recipe.data).name}"
    measured = [(result.metric, result.value), *((name, each.value) for name, each in result.metrics.items())]
    metadata = ModelCardData(
        license=card.licence.lower(),
        library_name="transformers",
        pipeline_tag=PIPELINES[info.name],
        base_model=card.hub,
        tags=["headstart", "transfer-learning", str(result.strategy)],
        model_name=title,
        eval_results=[
            EvalResult(
                task_type=PIPELINES[info.name], dataset_type="custom", dataset_name=Path(recipe.data).name,
                dataset_split="test", metric_type=name, metric_value=round(value, 4),
            )
            for name, value in measured
        ],
    )  # fmt: skip
    rows = "\n".join(f"| {name} | {value} | {interval} |" for name, value, interval in table(result, info))
    compared = sentence(result.verdict, info) if result.verdict else "It was compared with no other model in this run."
    kept = {
        "model": recipe.model, "strategy": recipe.strategy, "seed": recipe.seed, "settings": recipe.settings,
        "data_sha256": recipe.data_sha256, "versions": recipe.versions,
    }  # fmt: skip
    return f"""---
{metadata.to_yaml()}
---

# {title}

{card.title} ({card.source}; {card.source_task}), adapted with strategy `{result.strategy}`:
{result.trainable_parameters:,} of {result.parameters:,} parameters learnt from {result.n_train:,} {info.unit}.

## How good it is

On {result.n_test:,} test {info.unit} that it never saw, with 95 % intervals (bootstrap over {info.unit}):

| measure | value | interval |
| --- | --- | --- |
{rows}

{compared}

## Load it

```python
{result.details.get("load_snippet", "")}
```

## How it was trained

{result.epochs} epochs (best: {result.best_epoch}) on {result.device}, {result.precision}, in {result.seconds:.0f} s.
{result.n_validation:,} {info.unit} decided when to stop. {len(result.skipped):,} rows were left out.

```json
{json.dumps(kept, indent=2, ensure_ascii=False)}
```

## Limits

It writes what is likely, not what is true, and whatever its base model can be led to write, it can be led to write too.
The numbers hold for data like the test data; elsewhere they have to be measured again. Licence of the pretrained
weights: {card.licence}.
"""


def table(result: Result, info: TaskInfo) -> list[tuple[str, str, str]]:
    """(measure, value, interval) of the result, its further metrics and its baselines."""
    own = Estimate(result.value, result.low, result.high, result.n_test)
    rows = [(info.metric_title, own)] + [(name.upper(), each) for name, each in result.metrics.items()]

    def shown(number: float) -> str:
        return words.value(result.metric, number)

    found = [(name, shown(each.value), f"{shown(each.low)} to {shown(each.high)}") for name, each in rows]
    for name, value in result.baselines.items():
        known = result.baseline_details.get(name)
        interval = f"{shown(known['low'])} to {shown(known['high'])}" if known else ""
        found.append((f"{info.metric_title} of {baseline(name)}", shown(value), interval))
    return found


def baseline(name: str) -> str:
    """What a baseline is called in a sentence."""
    others = {"uniform": "guessing every token alike", "copy": "handing back the source"}
    return words.RIVALS.get(name) or others.get(name, name)


def report(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo, history: list[dict[str, Any]]) -> str:
    """The result on one HTML page that needs no network. Everything a person typed or a file was called is escaped."""
    rows = "".join(
        f"<tr><td>{escape(name)}<td>{value}<td>{low_high}</tr>" for name, value, low_high in table(result, info)
    )
    epochs = "".join(
        f"<tr><td>{row['epoch']}<td>{row['train_loss']:.4f}<td>"
        + (f"{row['validation_loss']:.4f}" if "validation_loss" in row else "")
        + "</tr>"
        for row in history
    )
    skipped = "".join(f"<li>{escape(each.where)} {escape(each.reason)}</li>" for each in result.skipped[:50])
    compared = escape(sentence(result.verdict, info)) if result.verdict else "Compared with no other model."
    low, high = (words.value(result.metric, bound) for bound in (result.low, result.high))
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(recipe.title or info.title)}</title><style>{STYLE}</style>
<h1>{escape(recipe.title or f"{card.title}, {result.strategy}")}</h1>
<p>{compared}</p>
<p><span class="big">{words.value(result.metric, result.value)}</span> {escape(info.metric_title)},
95&nbsp;% interval {low} to {high}, on {result.n_test:,} test {info.unit}</p>
<table><tr><th>measure<th>value<th>95 % interval</tr>{rows}</table>
<h2>While it learnt</h2><table><tr><th>epoch<th>training loss<th>validation loss</tr>{epochs}</table>
<h2>What was trained</h2>
<p>{escape(card.title)}: {result.trainable_parameters:,} of {result.parameters:,} parameters, on {escape(result.device)}
({result.precision}), {result.seconds:.0f} s, seed {result.seed}, {result.n_train:,} training and
{result.n_validation:,} validation {info.unit}.</p>
{f"<h2>Left out</h2><ul>{skipped}</ul>" if skipped else ""}
</html>
"""
