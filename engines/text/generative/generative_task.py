"""What the two tasks share whose model writes: answering and translating."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from engines.contract import ModelCard, Sample, Task, no_such_sample
from engines.text import samples
from engines.text.generative import catalogue
from engines.text.generative.settings import WritingSettings


class GenerativeTask(Task):
    """A task whose model writes. The verbs that both do alike stand beside this file."""

    settings: type[WritingSettings]
    cards: ClassVar[tuple[ModelCard, ...]]
    encoder_decoder: ClassVar[bool] = False
    """Whether its models read a source before they write."""
    goes_on: ClassVar[bool] = True

    def models(self) -> list[ModelCard]:
        return list(self.cards)

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(self.cards, model)) is not None:
            return known
        from engines.text.generative import describe

        return describe.describe(model, encoder_decoder=self.encoder_decoder)

    def samples(self) -> list[Sample]:
        return samples.samples_of(self.info.name)

    def make_sample(self, name: str, out: Path) -> Path:
        known = [sample.name for sample in self.samples()]
        if name not in known:
            raise no_such_sample(name, known)
        return samples.make(name, out)
