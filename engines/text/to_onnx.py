"""A trained text classifier as one ONNX file with its tokenizer, handed out only when it answers as the model does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from engines.export import onnx
from engines.export.parcel import parcel
from engines.text.entailing import EntailmentForSequenceClassification
from engines.text.pooled import PooledForSequenceClassification
from engines.text.predicting import TextClassifier
from engines.text.reading import TokenReader
from engines.text.to_script import OF_THE_MODEL

MOST_PROBES = 32
USAGE = '''\
"""Asks model.onnx: python usage.py "a text" "another text". Needs onnxruntime, tokenizers and numpy, no torch."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).parent
config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
own, labels = config["headstart"], [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(own["max_tokens"])


def logits(text):
    """float32 (C,): a long text is read in windows, and averaged."""
    first = tokenizer.encode(text)
    windows = [w.ids or [own["padding"]] for w in [first, *first.overflowing]][: own["max_windows"]]
    longest = max(map(len, windows))
    ids = np.array([w + [own["padding"]] * (longest - len(w)) for w in windows], np.int64)
    mask = np.array([[1] * len(w) + [0] * (longest - len(w)) for w in windows], np.int64)
    return session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0].mean(0)


for text in sys.argv[1:]:
    scores = logits(text) / own["temperature"]
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    print(json.dumps({"label": labels[shares.argmax()], "confidence": round(float(shares.max()), 4), "text": text}))
'''

USE = """

## This export

`python usage.py "a text"` asks model.onnx; it needs onnxruntime, tokenizers and numpy. The file takes int64
`input_ids` and `attention_mask` (N, T), the tokens of N texts as tokenizer.json makes them and 1 for each that is no
padding, T at most {longest}, and gives `logits` (N, {classes}), in the order of labels.txt. Of a text with more tokens,
usage.py averages the logits of its windows. Before this file was handed out, its answers were compared with PyTorch's
on {probes}, {many} at once and one alone: the largest difference of a logit was {error:.0e}, and each got the same
class.
"""


class _Logits(nn.Module):
    """The model with a tensor for an answer."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def export(run: Path, out: Path) -> Path:
    """model.onnx with tokenizer, configuration, labels, model card and a script that asks it, as a folder or a zip.

    Raises InputError when the run holds no model, when its layers cannot be written as ONNX (ELMo's loop over the words
    of a text is one of them), and when onnxruntime's answers differ from torch's.
    """
    classifier = TextClassifier(run)
    model, reader = classifier.network.model.cpu().eval(), classifier.reader
    reads_tokens = isinstance(model, (PooledForSequenceClassification, EntailmentForSequenceClassification))
    if not reads_tokens or not isinstance(reader, TokenReader):
        raise onnx.refusal(run, "an ELMo reads word after word in a loop, which an ONNX file cannot hold")
    folder_of = run / "model" if (run / "model").is_dir() else run
    if not (folder_of / "tokenizer.json").is_file():
        raise onnx.refusal(run, "its tokenizer cannot be written down as one file")
    inputs, probes = probe(run, classifier)
    with parcel(out) as folder:
        write(model, folder / "model.onnx", run, reader.length)
        error = onnx.largest_difference(_Logits(model), lengths(inputs), folder / "model.onnx", run)
        for file in folder_of.iterdir():
            if file.is_file() and file.name not in OF_THE_MODEL:
                shutil.copyfile(file, folder / file.name)
        config = configuration(folder_of, reader)
        (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
        (folder / "labels.txt").write_text("".join(f"{c}\n" for c in classifier.classes), encoding="utf-8")
        (folder / "usage.py").write_text(USAGE, encoding="utf-8")
        many = len(inputs["input_ids"])
        use = USE.format(longest=reader.length, classes=len(classifier.classes), probes=probes, many=many, error=error)
        (folder / "README.md").write_text((run / "README.md").read_text(encoding="utf-8") + use, encoding="utf-8")
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


def probe(run: Path, classifier: TextClassifier) -> tuple[dict[str, Tensor], str]:
    """int64 (N, T) each, N >= 3, longest first, to compare on, and what they are: the run's test texts, if it kept
    some; of a long one its first window."""
    texts: list[str] = []
    if (kept := run / "predictions.parquet").is_file() and "text" in pq.read_schema(kept).names:
        texts = [str(text) for text in pq.read_table(kept, columns=["text"])["text"].to_pylist()[:MOST_PROBES]]
    windows = [read.windows[0] for read in classifier.reader.read(texts)] if texts else []
    said = f"{len(windows)} texts of the test"
    if len(windows) < 3:
        generator = torch.Generator().manual_seed(0)
        sizes = [classifier.reader.length, 16, 5]  # type: ignore[attr-defined]
        model: Any = classifier.network.model
        highest = model.config.vocab_size
        windows = [torch.randint(highest, (size,), generator=generator) for size in sizes]
        said = f"{len(windows)} rows of random tokens, since the run kept fewer texts"
    tokens = classifier.inputs([[window] for window in sorted(windows, key=len, reverse=True)])
    return {"input_ids": tokens.values.cpu(), "attention_mask": tokens.mask.long().cpu()}, said


def lengths(inputs: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """All at once, then the shortest alone, without padding and at most half as long."""
    whole = inputs["input_ids"].shape[1]
    length = max(1, min(int(inputs["attention_mask"][-1].sum()), whole // 2))
    return [inputs, {name: each[-1:, :length] for name, each in inputs.items()}]
