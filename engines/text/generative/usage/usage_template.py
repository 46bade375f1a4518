"""Has the model beside this file write.

    pip install -r requirements.txt
    python usage.py "a text" "another text"
    python usage.py TEXTS.csv

A table has its texts in the column that the run had them in, in prompt or source, or in its only column; of a .txt file
each line is a text. It prints a line of JSON a text: what it says, and what the model answers.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from engines.exports.usage_parts import HERE, RUN, Row, asked, each, say_all, texts_of, words_given


def prompt(tokenizer: Any, config: Any, text: str) -> list[int]:
    """What the model reads, as tokens."""
    if RUN["translates"]:
        ids: list[int] = tokenizer(RUN["prefix"] + text)["input_ids"]
        return ids if len(ids) <= RUN["max_tokens"] else [*ids[: RUN["max_tokens"] - 1], ids[-1]]
    else:
        messages = [{"role": "user", "content": text}]
        if RUN["system"]:
            messages = [{"role": "system", "content": RUN["system"]}, *messages]
        asked = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(asked, add_special_tokens=False)["input_ids"]
        positions = getattr(config, "max_position_embeddings", None) or RUN["max_tokens"] + RUN["most_new"]
        return ids[-max(1, min(RUN["max_tokens"], positions - RUN["most_new"])) :]


def answer(model: Any, tokenizer: Any, text: str) -> str:
    """The likeliest token, one after another."""
    ids = prompt(tokenizer, model.config, text)
    if RUN["translates"]:
        most = min(RUN["most_new"], len(ids) * 3 // 2 + 10)
    else:
        most = RUN["most_new"]
    with torch.no_grad():
        whole = model.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.int64),
            max_new_tokens=most + 1,  # one more is cut off: some models force an end at the limit
            num_beams=RUN["beams"],
            do_sample=False,
            pad_token_id=int(tokenizer.pad_token_id or 0),
            eos_token_id=tokenizer.eos_token_id,
        )[0]
    if RUN["translates"]:
        new = whole[1:]
    else:
        new = whole[len(ids) :]
    written: str = tokenizer.decode(new[:most], skip_special_tokens=True)
    return written.strip()


def model() -> Callable[[str], Row]:
    """Loads it; what it then says of a text. Raises ValueError for an empty one."""
    tokenizer: Any = AutoTokenizer.from_pretrained(HERE)
    if RUN["translates"]:
        network: Any = AutoModelForSeq2SeqLM.from_pretrained(HERE, dtype=torch.float32).eval()
    else:
        network = AutoModelForCausalLM.from_pretrained(HERE, dtype=torch.float32).eval()
    return asked(lambda text: {"label": answer(network, tokenizer, text)})


if __name__ == "__main__":
    texts = texts_of(words_given('"a text" … or TEXTS.csv'), RUN["columns"])
    sys.exit(say_all(each(texts, model())))
