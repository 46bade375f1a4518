"""The task text.generation: a chatbot that answers as your conversations do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract import (
    DataReport,
    InputError,
    ModelCard,
    Predictor,
    Problem,
    Progress,
    Recipe,
    Result,
    Run,
    Sample,
    Settings,
    Strategy,
    Task,
    TaskInfo,
    Verdict,
)
from engines.text import writer_catalogue
from engines.text.writing_settings import GenerationSettings, WritingSettings

if TYPE_CHECKING:
    from engines.text.craft import Craft


class Generation(Task):
    """Causal language models of Transformers."""

    info = TaskInfo(
        name="text.generation",
        title="Chat",
        unit="conversations",
        metric="perplexity",
        metric_title="Perplexity",
        metric_help="Between how many equally likely next tokens the model wavers, on average, while it reads the "
        "answers of conversations that it never saw: 1 would be certain of every one.",
        higher_is_better=False,
        strategies=(Strategy.LORA, Strategy.PARTIAL, Strategy.FULL, Strategy.ZERO_SHOT, Strategy.SCRATCH),
        formats=(
            "a table (CSV, TSV, JSONL, Parquet, XLSX) with a column of questions and one of answers",
            "JSONL with a list of messages a line: role and content",
        ),
        exports=("safetensors", "script"),
        default_model="smollm2-135m-instruct",
        rival="zero_shot",
    )
    settings: type[WritingSettings] = GenerationSettings
    cards: tuple[ModelCard, ...] = writer_catalogue.CHAT

    def craft(self) -> Craft:
        from engines.text.chat_craft import CHAT

        return CHAT

    def models(self) -> list[ModelCard]:
        return list(self.cards)

    def describe(self, model: str) -> ModelCard:
        if (known := writer_catalogue.find(self.cards, model)) is not None:
            return known
        from engines.text import describing

        return describing.describe(model, encoder_decoder=self.info.name == "text.translation")

    def samples(self) -> list[Sample]:
        from engines.text import samples

        return samples.samples_of(self.info.name)

    def make_sample(self, name: str, out: Path) -> Path:
        from engines.text import samples

        known = [sample.name for sample in self.samples()]
        if name not in known:
            raise InputError(Problem(f"sample {name}", "there is no such sample", f"known: {', '.join(known)}"))
        return samples.make(name, out)

    def check(
        self,
        data: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        gallery: Path | None = None,
        test: Path | None = None,
        progress: Progress | None = None,
    ) -> DataReport:
        from engines.text import writing_checking

        chosen = settings if isinstance(settings, self.settings) else self.settings()
        return writing_checking.report(
            self.craft(), self.info, data, chosen, seed=seed, gallery=gallery is not None, test=test, progress=progress
        )

    def fit(self, recipe: Recipe, run: Run) -> Result:
        from engines.text import writing_outcome

        return writing_outcome.fit(self.craft(), self.info, recipe, self.describe(recipe.model), run)

    def compare(
        self, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int
    ) -> tuple[list[dict[str, Any]], Verdict]:
        from engines.text import writing_comparison

        card = self.describe(recipe.model)
        return writing_comparison.compare(self.craft(), self.info, recipe, card, run, list(budgets), seeds)

    def load(self, run: Path) -> Predictor:
        from engines.text import chatting

        return chatting.Chatbot(run, self.describe)

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        from engines.text import writing_explaining

        return writing_explaining.explain(self.load(run), run, data, method=method, example=example)

    def export(self, run: Path, format: str, out: Path) -> Path:
        self.require_offered(format)
        if format == "script":
            from engines.text import writing_script

            return writing_script.export(run, out, self.describe)
        from engines.text import writing_model

        return writing_model.export(run, out, self.craft(), self.describe)
