"""The study of a translator: sentence pairs in, chrF and BLEU of held-out translations out."""

from __future__ import annotations

from typing import Any

from engines.contract import Recipe, Run, Scores, Task, Trial
from engines.evidence import bootstrap
from engines.evidence.scores import Sums
from engines.text.generative import encoding, model_files
from engines.text.generative.conversations import Written
from engines.text.generative.examples import Sequence, readable, writable
from engines.text.generative.fit import GenerativeStudy, Measured
from engines.text.generative.settings import TranslationSettings
from engines.text.translation import prepare, scores
from engines.text.translation.predict import AT_ONCE, limits
from engines.training.examples import Pace
from engines.training.staged import Staged


def open_study(task: Task, recipe: Recipe, settings: TranslationSettings, run: Run) -> TranslationStudy:
    """See `contract.Task.open`."""
    return TranslationStudy(task, recipe, settings, run)


class TranslationStudy(GenerativeStudy[TranslationSettings]):
    """Sentence pairs, and a model that makes one side of the other."""

    way = prepare.WAY
    value = staticmethod(scores.value_of_chrf)

    def encode(self, written: Written) -> Sequence:
        longest = readable(self.config, self.settings)
        return encoding.pair(self.tokenizer, self.config, written, longest, self.settings.prefix or "")

    def measure(self, network: Staged, run: Run) -> Measured:
        """Translates every test sentence; chrF and BLEU against the references."""
        tested = self.prepared.examples("test")
        translations = self.translated(network, [one.source for one in self.sequences["test"].sequences], run)
        references = [one.answer for one in tested]
        statistics, value = scores.chrf(translations, references)
        columns: dict[str, list[Any]] = {"predicted": translations, "chrf": [value(row) for row in statistics]}
        return Measured(statistics, columns, further={"bleu": scores.bleu(translations, references)})

    def translated(self, network: Staged, sources: list[list[int]], run: Run) -> list[str]:
        """What the network makes of each source (token ids), those of like length together. Raises Cancelled."""
        settings, on = self.settings, self.on
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        translations = [""] * len(sources)
        clock = Pace(len(sources), "sentences")
        for start in range(0, len(order), AT_ONCE):
            run.check_cancelled()
            chosen = order[start : start + AT_ONCE]
            read = [sources[i] for i in chosen]
            most = limits(read, writable(self.config, settings))
            with on.autocast():
                written = model_files.write(
                    network.model, self.tokenizer, read, on.device, most=most, beams=settings.beams
                )
            for i, text in zip(chosen, written, strict=True):
                translations[i] = text
            clock.step(len(chosen), lambda **numbers: run.emit("progress", phase="testing", **numbers))
        return translations

    def baselines(self, trial: Trial) -> dict[str, Scores | float]:
        """The source, handed back as it is: names and numbers are right in it."""
        tested = self.prepared.examples("test")
        statistics, value = scores.chrf([one.question for one in tested], [one.answer for one in tested])
        return {"copy": value(statistics.sum(0))}

    def own_details(self, after: Measured) -> dict[str, Any]:
        """`bleu_before`: BLEU of the model as it came, with its interval; None where that was not measured."""
        if self.came is None:
            return {"bleu_before": None, "bleu_difference": None}
        ours, theirs = after.further["bleu"], self.came.further["bleu"]
        found, difference = bootstrap.estimate(*theirs), Sums([ours[0]], ours[1]).minus(Sums([theirs[0]], theirs[1]))
        return {"bleu_before": vars(found), "bleu_difference": vars(difference)}
