"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py

Nothing is learnt here. A model of natural language inference says how far each text entails a sentence about each class
(Yin et al. 2019); a text gets the class whose sentence it entails most. Beside this file lie texts.csv and the model.
This folder holds your data: share it with those who may read them.
"""

import csv
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from engines.exports.script_parts import HERE, RUN, as_in_the_run, judge, table

AT_ONCE = 32


def entailment(model: Any, tokenizer: Any, texts: list[str], sentence: str, room: int) -> Tensor:
    """float32 (N,): of each text the logit of 'entailment', the mean over its windows of `room` tokens."""
    found = []
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        beside = len(tokenizer("a text", sentence)["input_ids"]) - len(tokenizer("a text")["input_ids"])
        pairs = tokenizer(
            some,
            [sentence] * len(some),
            truncation="only_first",
            max_length=room + beside,
            padding=True,
            return_overflowing_tokens=True,
            return_tensors="pt",
        )
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
    as_in_the_run()
    csv.field_size_limit(1 << 30)
    rows = [{name: cell.removeprefix("'") for name, cell in row.items()} for row in table(HERE / "texts.csv")]
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
    judge([row["name"] for row in rows], predicted, labels, "texts")


if __name__ == "__main__":
    main()
