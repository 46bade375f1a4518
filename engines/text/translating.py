"""Use a trained translator: give it sentences, get them in the other language."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines.contract import ModelCard
from engines.text import asking, encoding, writing_model
from engines.text.translation_craft import AT_ONCE, TRANSLATION, limits


class Translator:
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path, describe: Callable[[str], ModelCard]):
        """Raises InputError when the run holds no model."""
        self.loaded = writing_model.load(run, TRANSLATION, describe)
        self.model = self.loaded.model

    def predict(self, data: Path) -> list[dict[str, Any]]:
        """A row a sentence: {'file', 'text', 'label', 'translation'}, the last two alike; a bad row has 'error'."""
        questions, rows = self.questions(data)
        for start in range(0, len(questions), AT_ONCE):
            chosen = questions[start : start + AT_ONCE]
            for (name, text), answer in zip(chosen, self.translate([text for _, text in chosen]), strict=True):
                rows.append({"file": name, "text": text, "label": answer, "translation": answer})
        return rows

    def questions(self, data: Path) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
        """(where it stands, text) of each sentence in a table, and {'file', 'error'} of each row without one."""
        return asking.questions(data, self.loaded.settings.source_column)

    def prompt(self, text: str) -> list[int]:
        """A sentence as the encoder reads it."""
        settings = self.loaded.settings
        return encoding.source(self.loaded.tokenizer, text, settings.max_tokens, settings.prefix or "")

    def own(self, text: str) -> list[bool]:
        """Which tokens of `prompt(text)` are the sentence's: not the prefix, and not the end-of-text."""
        tokenizer, prefix = self.loaded.tokenizer, self.loaded.settings.prefix or ""
        ids = self.prompt(text)
        before = len(tokenizer(prefix)["input_ids"]) - 1 if prefix else 0
        return [place >= before and token != tokenizer.eos_token_id for place, token in enumerate(ids)]

    def limit(self, ids: list[int]) -> int:
        """Tokens after which the translation of these is given up."""
        return limits([ids], self.loaded.settings)[0]

    def translate(self, texts: list[str]) -> list[str]:
        """Each sentence's translation."""
        settings, tokenizer = self.loaded.settings, self.loaded.tokenizer
        sources = [self.prompt(text) for text in texts]
        return writing_model.write(
            self.model, tokenizer, sources, self.loaded.device, most=limits(sources, settings), beams=settings.beams
        )
