"""The README.md of a trained model, in the Hugging Face model-card format, from what the run measured."""

from __future__ import annotations

import json
from pathlib import Path

from engines.contract import Estimate, ModelCard, Recipe, Result, TaskInfo
from engines.evidence.words import sentence

PIPELINES = {"vision.classification": "image-classification"}
LIBRARIES = {"vision": "timm"}


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
    own = Estimate(result.value, result.low, result.high, result.n_test)
    lines = [f"| {info.metric_title} | {_percent(own)} |"]
    lines += [f"| {name.replace('_', ' ')} | {_percent(estimate)} |" for name, estimate in result.metrics.items()]
    for name, value in result.baselines.items():
        known = result.baseline_details.get(name)
        low_high = f" ({known['low']:.1%} to {known['high']:.1%})" if known else ""
        lines.append(f"| baseline: {name.replace('_', ' ')}, {info.metric_title.lower()} | {value:.1%}{low_high} |")
    compared = (
        sentence(result.verdict) if result.verdict else "It was not compared with training from scratch in this run."
    )
    recipe_json = json.dumps(
        {
            "model": recipe.model, "strategy": recipe.strategy, "seed": recipe.seed, "settings": recipe.settings,
            "data_sha256": recipe.data_sha256, "versions": recipe.versions,
        },
        indent=2, ensure_ascii=False,
    )  # fmt: skip
    return f"""---
{metadata.to_yaml()}
---

# {title}

{card.title} ({card.source}; {card.source_task}), adapted with strategy `{result.strategy}`:
{result.trainable_parameters:,} of {result.parameters:,} parameters learnt from {result.n_train:,} {info.unit}.

## Classes

{", ".join(result.details.get("classes", []))}

## How good it is

On {result.n_test:,} test {info.unit} that it never saw, with 95 % intervals:

| measure | value |
| --- | --- |
{chr(10).join(lines)}

{compared}

## Load it

```python
{result.details.get("load_snippet", "")}
```

Inputs: {result.details["image_size"]} pixels square, RGB. Normalisation and framing are in `config.json`.

## How it was trained

{result.epochs} epochs (best: {result.best_epoch}) on {result.device}, {result.precision},
in {result.seconds:.0f} s. {result.n_validation:,} {info.unit} decided when to stop.
{len(result.skipped):,} files were left out.

```json
{recipe_json}
```

## Limits

It knows only the classes above and answers with one of them for any input. The numbers hold for data like the test
data; elsewhere they have to be measured again. Licence of the pretrained weights: {card.licence}.
"""


def _percent(estimate: Estimate) -> str:
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
