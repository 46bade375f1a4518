"""The README.md of a trained model, in the Hugging Face model-card format, from what the run measured."""

from __future__ import annotations

import json
from pathlib import Path

from engines.contract import Estimate, ModelCard, Recipe, Result, TaskInfo
from engines.evidence import words

PIPELINES = {
    "forecasting.forecast": "time-series-forecasting",
    "vision.classification": "image-classification",
    "text.sentiment": "text-classification",
    "speech.transcription": "automatic-speech-recognition",
    "speech.speaker": "audio-classification",
    "control.policy": "reinforcement-learning",
}
LIBRARIES = {
    "control": "stable-baselines3",
    "forecasting": "sktime",
    "vision": "timm",
    "text": "transformers",
    "speech": "transformers",
}

HOLD = "The numbers hold for data like the test\ndata; elsewhere they have to be measured again."


def write(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo) -> str:
    """Markdown with YAML metadata. Every number comes from `result`."""
    from huggingface_hub import EvalResult, ModelCardData

    pipeline = PIPELINES[info.name]
    title = recipe.title or f"{card.title} fine-tuned on {Path(recipe.data).name}"
    metadata = ModelCardData(
        license=card.licence.lower(),
        library_name=LIBRARIES[info.domain],
        pipeline_tag=pipeline,
        base_model=card.hub,
        tags=["headstart", "transfer-learning", str(result.strategy)],
        model_name=title,
        eval_results=[
            EvalResult(
                task_type=pipeline, dataset_type="custom", dataset_name=Path(recipe.data).name, dataset_split="test",
                metric_type=name, metric_value=round(value, 4),
            )
            for name, value in [(result.metric, result.value), *((n, e.value) for n, e in result.metrics.items())]
        ],
    )  # fmt: skip
    measured = Estimate(result.value, result.low, result.high, result.n_test)
    lines = [f"| {info.metric_title} | {_between(result.metric, measured)} |"]
    lines += [f"| {name.replace('_', ' ')} | {_between(name, estimate)} |" for name, estimate in result.metrics.items()]
    for name, value in result.baselines.items():
        known = result.baseline_details.get(name)
        n, metric = result.n_test, result.metric
        bounded = known and _between(metric, Estimate(value, known.get("low", value), known.get("high", value), n))
        shown = bounded or words.value(metric, value)
        lines.append(
            f"| baseline: {name.replace('_', ' ')}, {info.metric_title.lower()}{words.on_some(known)} | {shown} |"
        )
    compared = (
        words.sentence(result.verdict, result.metric)
        if result.verdict
        else "It was not compared with training from scratch in this run."
    )
    recipe_json = json.dumps(
        {
            "model": recipe.model, "strategy": recipe.strategy, "seed": recipe.seed, "settings": recipe.settings,
            "data_sha256": recipe.data_sha256, "versions": recipe.versions,
        },
        indent=2, ensure_ascii=False,
    )  # fmt: skip
    own: dict[str, str] = result.details.get("card", {})  # where a domain says it in words of its own
    learnt_from = f"{result.n_train:,} {info.unit}"
    chosen_by = f"{result.n_validation:,} {info.unit} decided when to stop."
    return f"""---
{metadata.to_yaml()}
---

# {title}

{card.title} ({card.source}; {card.source_task}), adapted with strategy `{result.strategy}`:
{result.trainable_parameters:,} of {result.parameters:,} parameters learnt from {own.get("learnt_from", learnt_from)}.

{_classes(result)}## How good it is

On {result.n_test:,} test {own.get("tested_on", f"{info.unit} that it never saw")}, with 95 % intervals:

| measure | value |
| --- | --- |
{chr(10).join(lines)}

{compared}

## Load it

```python
{result.details.get("load_snippet", "")}
```

{_inputs(result)}

## How it was trained

{result.epochs} epochs (best: {result.best_epoch}) on {result.device}, {result.precision},
in {result.seconds:.0f} s. {own.get("chosen_by", chosen_by)}
{len(result.skipped):,} were left out of the data.

```json
{recipe_json}
```

## Limits

{own.get("limits", _knows(result) + HOLD)} Licence of the pretrained weights: {card.licence}.
"""


def _classes(result: Result) -> str:
    return f"## Classes\n\n{', '.join(result.details['classes'])}\n\n" if "classes" in result.details else ""


def _inputs(result: Result) -> str:
    if "input" in result.details:
        return f"Inputs: {result.details['input']}."
    size = result.details["image_size"]
    return f"Inputs: {size} pixels square, RGB. Normalisation and framing are in `config.json`."


def _knows(result: Result) -> str:
    if "classes" not in result.details:
        return ""
    return "It knows only the classes above and answers with one of them for any input. "


def _between(metric: str, estimate: Estimate) -> str:
    value, low, high = (words.value(metric, number) for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"
