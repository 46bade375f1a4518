"""A trained text classifier as one ONNX file with its tokenizer, handed out only when it answers as the model does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from engines.contract import Task
from engines.exports import bundle, onnx
from engines.messages import _
from engines.text.models.nli_classifier import EntailmentForSequenceClassification
from engines.text.models.pooled import PooledForSequenceClassification
from engines.text.models.tokenising import TokenReader
from engines.text.sentiment.export_script import OF_THE_MODEL
from engines.text.sentiment.predict import TextClassifier
from engines.text.sentiment.usage import write as usage

MOST_PROBES = 32
READS_TOKENS = PooledForSequenceClassification, EntailmentForSequenceClassification
USE = _("""\
{how}

model.onnx takes int64 `input_ids` and `attention_mask` (N, T), the tokens of N texts as tokenizer.json makes them and 1
for each that is no padding, T at most {longest}, and gives `logits` (N, {classes}), in the order of labels.txt. Of a
text with more tokens, usage.py averages the logits of its windows. Before this file was handed out, its answers were
compared with PyTorch's on {probes}, {many} at once and one alone: the largest difference of a logit was {error:.0e},
and each got the same class.
""")


class _Logits(nn.Module):
    """The model with a tensor for an answer."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def export(task: Task, run: Path, out: Path) -> Path:
    """model.onnx with tokenizer, configuration, labels, model card, recipe and a script that asks it.

    Raises InputError when the run holds no model, when its layers cannot be written as ONNX (ELMo's loop over the words
    of a text is one of them), and when onnxruntime's answers differ from torch's.
    """
    classifier = TextClassifier(run)
    model, reader = classifier.network.model.cpu().eval(), classifier.reader
    if not isinstance(model, READS_TOKENS) or not isinstance(reader, TokenReader):
        raise onnx.refusal(run, _("an ELMo reads word after word in a loop, which an ONNX file cannot hold"))
    folder_of = run / "model" if (run / "model").is_dir() else run
    if not (folder_of / "tokenizer.json").is_file():
        raise onnx.refusal(run, _("its tokenizer cannot be written down as one file"))
    inputs, probes = probe(run, classifier, reader.length, model.config.vocab_size)
    with bundle.parcel(out) as folder:
        write(model, folder / "model.onnx", run, reader.length)
        error = onnx.largest_difference(_Logits(model), lengths(inputs), folder / "model.onnx", run)
        bundle.copied([f for f in folder_of.iterdir() if f.is_file() and f.name not in OF_THE_MODEL], folder)
        config = configuration(folder_of, reader)
        (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
        (folder / "labels.txt").write_text("".join(f"{c}\n" for c in classifier.classes), encoding="utf-8")
        usage.write(folder, run, classifier, onnx=True)
        checked = {"probes": probes, "many": len(inputs["input_ids"]), "error": error}
        use = USE.format(
            how=usage.how(run, classifier), longest=reader.length, classes=len(classifier.classes), **checked
        )
        bundle.papers(folder, run, use, load=onnx.load_lines("model.onnx"))
    return out


def write(model: nn.Module, path: Path, run: Path, longest: int) -> None:
    """Writes `path`: input_ids, attention_mask (N, T) -> logits (N, C), any N, T up to `longest`. Raises InputError."""
    example = {name: torch.ones(3, 7, dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    sizes = {0: torch.export.Dim("n"), 1: torch.export.Dim("t", max=longest)}
    onnx.write(_Logits(model), example, path, run, sizes=[sizes, sizes])


def configuration(folder: Path, reader: TokenReader) -> dict[str, Any]:
    """The model's configuration with what usage.py reads, and without where to find code that is not here."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for name in ("auto_map", "entailment"):
        config.pop(name, None)
    config["headstart"] |= {"max_tokens": reader.length, "padding": reader.padding}
    return config


def probe(run: Path, classifier: TextClassifier, longest: int, words: int) -> tuple[dict[str, Tensor], str]:
    """int64 (N, T) each, N >= 3, longest first, to compare on, and what they are: the run's test texts, if it kept
    some; of a long one its first window."""
    texts: list[str] = []
    if (kept := run / "predictions.parquet").is_file() and "text" in pq.read_schema(kept).names:
        texts = [str(text) for text in pq.read_table(kept, columns=["text"])["text"].to_pylist()[:MOST_PROBES]]
    windows = [read.windows[0] for read in classifier.reader.read(texts)] if texts else []
    said = _("{windows} texts of the test", windows=len(windows))
    if len(windows) < 3:
        generator = torch.Generator().manual_seed(0)
        windows = [torch.randint(words, (size,), generator=generator) for size in (longest, 16, 5)]
        said = _("{windows} rows of random tokens, since the run kept fewer texts", windows=len(windows))
    tokens = classifier.inputs([[window] for window in sorted(windows, key=len, reverse=True)])
    return {"input_ids": tokens.values.cpu(), "attention_mask": tokens.mask.long().cpu()}, said


def lengths(inputs: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """All at once, then the shortest alone, without padding and at most half as long."""
    whole = inputs["input_ids"].shape[1]
    length = max(1, min(int(inputs["attention_mask"][-1].sum()), whole // 2))
    return [inputs, {name: each[-1:, :length] for name, each in inputs.items()}]
