"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py

Nothing is learnt here. A model of natural language inference says how far each text entails a sentence about each class
(Yin et al. 2019); a text gets the class whose sentence it entails most. Beside this file lie texts.csv and the model.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

RUN: dict[str, Any] = {}  # filled in by the export
HERE = Path(__file__).parent
AT_ONCE = 32


def entailment(model: Any, tokenizer: Any, texts: list[str], sentence: str, room: int) -> Tensor:
    """float32 (N,): of each text the logit of 'entailment', the mean over its windows of `room` tokens."""
    found = []
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        beside = len(tokenizer("a text", sentence)["input_ids"]) - len(tokenizer("a text")["input_ids"])
        pairs = tokenizer(
            some, [sentence] * len(some), truncation="only_first", max_length=room + beside, padding=True,
            return_overflowing_tokens=True, return_tensors="pt",
        )  # fmt: skip
        owner = pairs.pop("overflow_to_sample_mapping").tolist()
        read = [i for i, text in enumerate(owner) if owner[:i].count(text) < RUN["most_windows"]]
        with torch.no_grad():
            inputs = {name: values[read].to(RUN["device"]) for name, values in pairs.items()}
            logits = model(**inputs).logits[:, RUN["entailment"]].float().cpu()
        of_text = torch.tensor([owner[i] for i in read])
        sums = torch.zeros(len(some)).index_add(0, of_text, logits)
        found.append(sums / torch.bincount(of_text))  # a long text is the mean of its windows
    return torch.cat(found)


def main() -> None:
    torch.set_num_threads(RUN["threads"])
    if RUN["matmul"] != "highest":
        torch.set_float32_matmul_precision(RUN["matmul"])
    csv.field_size_limit(1 << 30)
    with (HERE / "texts.csv").open(encoding="utf-8-sig", newline="") as file:
        # an apostrophe before a cell keeps spreadsheets from computing it
        rows = [{name: cell.removeprefix("'") for name, cell in row.items()} for row in csv.DictReader(file)]
    rows = [row for row in rows if row["part"] == "test"]
    tokenizer = AutoTokenizer.from_pretrained(HERE)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(HERE))
    model.load_state_dict(load_file(HERE / "pretrained.safetensors"))
    model.to(RUN["device"]).eval()

    texts = [row["text"] for row in rows]
    sentences = [RUN["hypothesis"].replace("{label}", name.replace("_", " ")) for name in RUN["classes"]]
    logits = torch.stack([entailment(model, tokenizer, texts, each, RUN["longest"]) for each in sentences], 1)  # (N, C)
    predicted = logits.argmax(1).numpy()
    labels = np.array([RUN["classes"].index(row["label"]) for row in rows])
    value = float(np.mean([(predicted == labels)[labels == label].mean() for label in np.unique(labels)]))
    answers = {row["name"]: RUN["classes"][answer] for row, answer in zip(rows, predicted, strict=True)}
    (HERE / "predictions.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"balanced accuracy {value} on {len(labels)} test texts; in the run it was {RUN['value']}")


if __name__ == "__main__":
    main()
