"""Use a trained translator: give it sentences, get them in the other language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engines.cancellation import in_batches
from engines.contract import Predictor, Progress, Task
from engines.text.generative import encoding, model_files, new_inputs
from engines.text.generative.examples import readable, writable
from engines.text.generative.model_files import Loaded
from engines.text.unlabelled import Unlabelled

AT_ONCE = 16


def load(task: Task, run: Path) -> Translator:
    """See `contract.Task.load`. Raises InputError when the run holds no model."""
    return Translator(model_files.load(task, run))


class Translator(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, loaded: Loaded):
        self.loaded, self.model = loaded, loaded.model

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """A row a sentence: {'file', 'text', 'label', 'translation'}, the last two alike, and of a table 'column'; a
        bad row has 'error'."""
        given = self.questions(data)
        yield from given.errors
        for some in in_batches(given.texts, AT_ONCE, progress):
            for (name, text), answer in zip(some, self.translate([text for _, text in some]), strict=True):
                yield {"file": name, "text": text, "label": answer, "translation": answer} | given.reading

    def questions(self, data: Path) -> Unlabelled:
        """The sentences in a table, read as those were that it learnt from."""
        return new_inputs.questions(data, self.loaded.columns)

    def prompt(self, text: str) -> list[int]:
        """A sentence as the encoder reads it."""
        settings = self.loaded.settings
        longest = readable(self.model.config, settings)
        return encoding.source(self.loaded.tokenizer, text, longest, settings.prefix or "")

    def own(self, text: str) -> list[bool]:
        """Which tokens of `prompt(text)` are the sentence's: not the prefix, and not the end-of-text."""
        tokenizer, prefix = self.loaded.tokenizer, self.loaded.settings.prefix or ""
        ids = self.prompt(text)
        before = len(tokenizer(prefix)["input_ids"]) - 1 if prefix else 0
        return [place >= before and token != tokenizer.eos_token_id for place, token in enumerate(ids)]

    def limit(self, ids: list[int]) -> int:
        """Tokens after which the translation of these is given up."""
        return limits([ids], writable(self.model.config, self.loaded.settings))[0]

    def translate(self, texts: list[str]) -> list[str]:
        """Each sentence's translation."""
        sources = [self.prompt(text) for text in texts]
        return model_files.write(
            self.model,
            self.loaded.tokenizer,
            sources,
            self.loaded.device,
            most=[self.limit(source) for source in sources],
            beams=self.loaded.settings.beams,
        )


def limits(sources: list[list[int]], longest: int) -> list[int]:
    """Tokens after which each translation is given up: half as many again as its source has, and ten, but never more
    than `longest`."""
    return [min(longest, len(source) * 3 // 2 + 10) for source in sources]
