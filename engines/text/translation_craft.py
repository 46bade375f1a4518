"""The craft of translating: sentence pairs in, chrF and BLEU of held-out translations out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator

from engines.contract import Progress, Run, Skipped
from engines.data.tables import Table
from engines.evidence import resampling
from engines.text import craft, encoding, translation_scores, writing_model
from engines.text.columns import Guess, guess_pairs
from engines.text.conversations import Written, of_pairs
from engines.text.craft import Craft, Found, Measured, Prepared
from engines.text.sequences import Sequence, Sequences
from engines.text.writing_settings import TranslationSettings
from engines.training.examples import Pace
from engines.training.staged import Staged

AT_ONCE = 16


def read(data: Path, settings: TranslationSettings, seed: int, progress: Progress | None = None) -> Found:
    """The sentence pairs in a table, by the columns that were given or guessed. Raises InputError."""
    given = {"source_column": settings.source_column, "target_column": settings.target_column}

    def rows(table: Table, guess: Guess) -> tuple[list[Written], list[Skipped]]:
        return of_pairs(table, guess.roles["source"], guess.roles["target"])

    return craft.from_tables(
        data, lambda table: guess_pairs(table, **given), rows, "sentence pairs", settings, seed, progress
    )


def encode(tokenizer: Any, config: Any, written: Written, settings: TranslationSettings) -> Sequence:
    positions = getattr(config, "max_position_embeddings", None) or settings.max_tokens
    longest = min(settings.max_tokens, positions)
    return encoding.pair(tokenizer, config, written, longest, settings.prefix or "")


def measure(
    network: Staged, tokenizer: Any, examples: list[Written], sequences: Sequences, settings: TranslationSettings,
    on: Accelerator, run: Run,
) -> Measured:  # fmt: skip
    """Translates every test sentence, those of like length together; chrF and BLEU against the references."""
    order = sorted(range(len(examples)), key=lambda i: len(sequences.sequences[i].source))
    translations = [""] * len(examples)
    clock = Pace(len(examples), "sentences")
    for start in range(0, len(order), AT_ONCE):
        run.check_cancelled()
        chosen = order[start : start + AT_ONCE]
        sources = [sequences.sequences[i].source for i in chosen]
        with on.autocast():
            written = writing_model.write(
                network.model, tokenizer, sources, on.device, most=limits(sources, settings), beams=settings.beams
            )
        for i, text in zip(chosen, written, strict=True):
            translations[i] = text
        clock.step(len(chosen), lambda **numbers: run.emit("progress", phase="testing", **numbers))
    references = [one.answer for one in examples]
    statistics, value = translation_scores.chrf(translations, references)
    bleu = translation_scores.bleu(translations, references)
    columns: dict[str, list[Any]] = {"predicted": translations, "chrf": [value(row) for row in statistics]}
    return Measured(statistics, columns, further={"bleu": bleu})


def limits(sources: list[list[int]], settings: TranslationSettings) -> list[int]:
    """Tokens after which each translation is given up: half as many again as its source has, and ten."""
    return [min(settings.max_tokens, len(source) * 3 // 2 + 10) for source in sources]


def baselines(_: Any, prepared: Prepared) -> dict[str, float]:
    """The source, handed back as it is: names and numbers are right in it."""
    examples = prepared.examples("test")
    statistics, value = translation_scores.chrf([one.question for one in examples], [one.answer for one in examples])
    return {"copy": value(statistics.sum(0))}


def details(before: Measured | None, after: Measured) -> dict[str, Any]:
    """`bleu_before`: BLEU of the model as it came, with its interval; None where that was not measured."""
    if before is None:
        return {"bleu_before": None, "bleu_difference": None}
    ours, theirs = after.further["bleu"], before.further["bleu"]
    found, difference = resampling.estimate(*theirs), resampling.difference(ours[0], theirs[0], ours[1])
    return {"bleu_before": vars(found), "bleu_difference": vars(difference)}


TRANSLATION = Craft(
    settings=TranslationSettings,
    read=read,
    encode=encode,
    measure=measure,
    value=translation_scores.value_of_chrf,
    metric_of_loss=None,
    baselines=baselines,
    details=details,
    loader="AutoModelForSeq2SeqLM",
)
