"""Asks the model beside this file what texts say.

    pip install -r requirements.txt
    python usage.py "a text" "another text"
    python usage.py TEXTS.csv

A table has its texts in a column called text, or in its only column; of a .txt file each line is a text. It prints a
line of JSON a text: the class, how likely it is, and how likely each class is.
"""

import sys
from collections.abc import Callable

import numpy as np

from engines.exports.usage_parts import HERE, RUN, Row, asked, chosen, each, say_all, texts_of, words_given

Windows = list[list[int]]
Network = Callable[[np.ndarray, np.ndarray], np.ndarray]


def reader() -> Callable[[str], Windows]:
    """text -> the tokens of its windows: a long text is read in several, and their answers are averaged."""
    if RUN["onnx"]:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(RUN["max_tokens"])

        def read(text: str) -> Windows:
            first = tokenizer.encode(text)
            return [window.ids for window in [first, *first.overflowing]]
    else:
        from transformers import AutoTokenizer

        known = AutoTokenizer.from_pretrained(HERE)

        def read(text: str) -> Windows:
            found = known(text, truncation=True, max_length=RUN["max_tokens"], return_overflowing_tokens=True)
            windows: Windows = found["input_ids"]
            return windows

    return lambda text: [ids or [RUN["padding"]] for ids in read(text)][: RUN["max_windows"]]


def loaded() -> Network:
    """input_ids and attention_mask, int64 (N, T) -> logits float32 (N, classes)."""
    if RUN["onnx"]:
        import onnxruntime

        session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
        return lambda ids, mask: np.asarray(session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0])
    else:
        import torch
        from transformers import AutoModelForSequenceClassification

        model = AutoModelForSequenceClassification.from_pretrained(HERE, trust_remote_code=True).eval()

        def ask(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                answer = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
            return np.asarray(answer.logits.float().numpy())

        return ask


def logits(network: Network, windows: Windows) -> np.ndarray:
    """float32 (classes,)."""
    longest = max(map(len, windows))
    ids = np.array([window + [RUN["padding"]] * (longest - len(window)) for window in windows], np.int64)
    mask = np.array([[1] * len(window) + [0] * (longest - len(window)) for window in windows], np.int64)
    return np.asarray(network(ids, mask).mean(0))


def model() -> Callable[[str], Row]:
    """Loads it; what it then says of a text. Raises ValueError for an empty one."""
    read, network = reader(), loaded()
    return asked(lambda text: chosen(RUN["classes"], logits(network, read(text)), RUN["temperature"]))


if __name__ == "__main__":
    texts = texts_of(words_given('"a text" … or TEXTS.csv'), RUN["columns"])
    sys.exit(say_all(each(texts, model())))
