"""Use a trained text classifier: keep it, load it, ask it, carry it home."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from engines import hub_files, paths
from engines.cancellation import in_batches
from engines.contract import ModelCard, Predictor, Progress, Task
from engines.runs import RunFolder, no_model
from engines.text.models import catalogue, elmo_release, encoders, entailment, nli_classifier, pooled
from engines.text.models.elmo import Elmo, ElmoForSequenceClassification
from engines.text.models.nli_classifier import EntailmentForSequenceClassification
from engines.text.models.pooled import PooledForSequenceClassification
from engines.text.models.tokenising import Read, Reader, WordReader, reader_of, tokenizer_of
from engines.text.settings import TextSettings
from engines.text.unlabelled import MOST_TEXTS, open_unlabelled
from engines.training import devices, learnt_weights
from engines.training.staged import Staged
from engines.training.tokens import Tokens

SNIPPET = """\
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model = AutoModelForSequenceClassification.from_pretrained(".", trust_remote_code=True).eval()
tokenizer = AutoTokenizer.from_pretrained(".")"""
"""Loads the exported model back, in the folder it was unpacked to; the code it trusts is the file pooled.py there."""

ELMO_SNIPPET = """\
from pathlib import Path
from engines.text.sentiment.predict import TextClassifier  # of Headstart
model = TextClassifier(Path("."))"""

AT_ONCE = 32


def snippet(card: ModelCard) -> str:
    return ELMO_SNIPPET if card.family == "ELMo" else SNIPPET


def save(
    folder: Path,
    network: Staged,
    card: ModelCard,
    classes: list[str],
    settings: TextSettings,
    *,
    temperature: float,
    columns: dict[str, str],
) -> None:
    """Writes a folder that Transformers reads (of ELMo: the same two files), and what the input must look like.

    `columns` are 'text' and 'label': in which column of a table they stood. Probabilities are
    softmax(logits / temperature): see `evidence.calibration`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file(apart(network.model.state_dict()), folder / "model.safetensors", metadata={"format": "pt"})
    model = network.model
    if isinstance(model, (PooledForSequenceClassification, EntailmentForSequenceClassification)):
        config: dict[str, Any] = model.config.to_dict()
        kind, code = (
            type(model).__name__,
            pooled if isinstance(model, PooledForSequenceClassification) else nli_classifier,
        )
        file = Path(str(code.__file__))
        config |= {"architectures": [kind], "auto_map": {"AutoModelForSequenceClassification": f"{file.stem}.{kind}"}}
        config.pop("_name_or_path", None)
        shutil.copyfile(file, folder / file.name)
        tokenizer_of(hub_files.folder(card, with_weights=False)).save_pretrained(folder)
    else:
        assert isinstance(model, ElmoForSequenceClassification)
        config = {"model_type": "elmo", "options": elmo_release.options_of(model.elmo.sizes)}
    numbered = {str(number): name for number, name in enumerate(classes)}
    config |= {
        "id2label": numbered,
        "label2id": {name: int(number) for number, name in numbered.items()},
        "headstart": {
            "model": card.name,
            "max_tokens": settings.max_tokens,
            "max_windows": settings.max_windows,
            "temperature": temperature,
            "columns": columns,
            **({"depth": len(network.stages)} if network.ends_early else {}),
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False, default=str), encoding="utf-8")


def apart(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As they are now, on the CPU; of tensors that a network uses in several places, one copy for each."""
    seen: set[int] = set()
    found = {}
    for name, tensor in state.items():
        own = tensor.detach().cpu().contiguous()
        found[name] = own.clone() if own.data_ptr() in seen else own
        seen.add(own.data_ptr())
    return found


def keep_learnt_only(folder: Path) -> None:
    """See `training.learnt_weights.keep_alone`."""
    learnt_weights.keep_alone(folder, pretrained(json.loads((folder / "config.json").read_text(encoding="utf-8"))))


def weights_of(folder: Path, config: dict[str, Any]) -> dict[str, Tensor]:
    """See `training.learnt_weights.whole`. Raises InputError when the backbone is not to be had."""
    return learnt_weights.whole(folder, lambda: pretrained(config))


def pretrained(config: dict[str, Any]) -> dict[str, Tensor]:
    """The weights that a model with this configuration started from."""
    name = config["headstart"]["model"]
    card = catalogue.find(name) or encoders.describe(name)
    depth = config["headstart"].get("depth", 0)
    return encoders.build(card, len(config["id2label"]), pretrained=True, seed=0, depth=depth).model.state_dict()


def load(task: Task, run: Path) -> TextClassifier:
    """See `contract.Task.load`."""
    return TextClassifier(run)


class TextClassifier(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Of a run's folder, or of an exported one. Raises InputError when there is no model in it (yet)."""
        folder = run / "model" if (run / "model").is_dir() else run
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            state = weights_of(folder, config)
        except FileNotFoundError:
            raise no_model(run) from None
        own = config["headstart"]
        self.classes = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
        self.temperature: float = own["temperature"]
        self.text_column: str | None = own.get("columns", {}).get("text") or named_in_recipe(run)
        self.device = devices.answers()
        self.network, self.reader = _rebuilt(folder, config)
        self.network.model.load_state_dict(state)
        self.network.eval().to(self.device)

    def read(self, text: str) -> Read:
        return self.reader.read([text])[0]

    def inputs(self, texts: list[list[Tensor]]) -> Tokens:
        """Each text's windows as one batch."""
        return self.reader.batch(texts).to(self.device)

    def logits(self, texts: list[str]) -> Tensor:
        """float32 (N, C) on the CPU, N > 0."""
        found = []
        for start in range(0, len(texts), AT_ONCE):
            read = self.reader.read(texts[start : start + AT_ONCE])
            with torch.no_grad():
                found.append(self.network(self.inputs([one.windows for one in read])).float().cpu())
        return torch.cat(found)

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """A row a text: {'file', 'text', 'label', 'confidence', 'probabilities'} and, of a table, in which 'column' it
        stood; a bad row has 'error'."""
        given = open_unlabelled(data, paths.work(data), text_column=self.text_column, most=MOST_TEXTS)
        yield from given.errors
        for some in in_batches(given.texts, AT_ONCE, progress):
            shares = (self.logits([text for _, text in some]).double() / self.temperature).softmax(1)  # (N, C)
            for (name, text), probabilities in zip(some, shares, strict=True):
                best = int(probabilities.argmax())
                yield {
                    "file": name,
                    "text": text,
                    "label": self.classes[best],
                    "confidence": float(probabilities[best]),
                    "probabilities": {c: float(p) for c, p in zip(self.classes, probabilities, strict=True)},
                    **given.reading,
                }


def named_in_recipe(run: Path) -> str | None:
    """The column of texts that somebody named, of a run from before a model kept what it read; else None."""
    if not (run / "recipe.json").is_file():
        return None
    named: str | None = RunFolder(run).recipe.settings.get("text_column")
    return named


def _rebuilt(folder: Path, config: dict[str, Any]) -> tuple[Staged, Reader]:
    """The network without its weights, and its reader, from what was saved."""
    own, outputs = config["headstart"], len(config["id2label"])
    if config["model_type"] == "elmo":
        elmo = Elmo(elmo_release.sizes_from(config["options"]))
        network = encoders.staged_elmo(ElmoForSequenceClassification(elmo, outputs, own.get("depth", 0)))
        return network, WordReader(own["max_tokens"], own["max_windows"])
    from transformers import AutoConfig

    known = AutoConfig.from_pretrained(folder)
    if "EntailmentForSequenceClassification" in config["architectures"]:
        says = config["entailment"]["says"]
        asking = entailment.staged(EntailmentForSequenceClassification(known))
        return asking, entailment.PremiseReader(folder, own["model"], says, own["max_tokens"], own["max_windows"])
    network = encoders.staged(PooledForSequenceClassification(known))
    longest = encoders.longest(known, own["max_tokens"])
    return network, reader_of(folder, own["model"], longest, own["max_windows"])
