"""Tiny transformers in the hub's own format, with random weights, and reviews that they can learn to tell apart.

For tests alone: nothing here is a pretrained model, and no review was written by a customer.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

EACH = 20
CLASSES = ("bad", "good", "so-so")
OPINIONS = {
    "good": ("lovely", "superb", "delightful", "brilliant", "charming"),
    "bad": ("dreadful", "broken", "tedious", "ugly", "useless"),
    "so-so": ("average", "ordinary", "bearable", "plain", "middling"),
}
THINGS = ("film", "lamp", "chair", "phone", "novel", "soup", "garden", "song")
OPENINGS = ("The", "This", "My new", "Her old", "That", "Our")
VERBS = ("is", "was", "seems", "looks", "felt")
ENDINGS = ("", "to me", "today", "I think", "in the end", "for its price", "we said")
WORDS = sorted(
    {
        word.lower()
        for words in (*OPINIONS.values(), THINGS, OPENINGS, VERBS, ENDINGS, ("but", "and", "also", "not", "so", "-"))
        for phrase in words
        for word in phrase.split()
    }
)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MARKS = ".,!?'\"-=+@:;()"
WIDTH, LAYERS, HEADS, POSITIONS = 32, 2, 2, 128


# --- reviews --------------------------------------------------------------------------------------


def reviews(each: int = EACH, seed: int = 7, *, twisted: float = 0.3) -> list[tuple[str, str]]:
    """(text, class), `each` texts of each of CLASSES in turn; no two are alike.

    A `twisted` share of them also says a word of another class, so that no rule by a single word gets all.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, str] = {}
    for number in range(each * len(CLASSES)):
        label = CLASSES[number % len(CLASSES)]
        while len(found) == number:
            opening, thing, verb, ending = (str(rng.choice(words)) for words in (OPENINGS, THINGS, VERBS, ENDINGS))
            words = [str(word) for word in rng.permutation(OPINIONS[label])[: 2 if rng.random() < 0.5 else 1]]
            opinion = f"{' and '.join(words)}"
            if rng.random() < twisted:
                other = str(rng.choice([name for name in CLASSES if name != label]))
                opinion += f", not {rng.choice(OPINIONS[other])}"
            text = f"{opening} {thing} {verb} {opinion} {ending}".strip() + str(rng.choice([".", "!", "..."]))
            found.setdefault(text, label)
    return list(found.items())


def write_reviews(folder: Path, *, each: int = EACH, seed: int = 7) -> Path:
    """reviews.csv below `folder`: columns text and label, `each` rows of each of CLASSES."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_table(folder / "reviews.csv", reviews(each, seed))


def write_table(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        table.writerows(rows)
    return path


def write_new_reviews(folder: Path) -> tuple[Path, str]:
    """new.csv with five texts and, among them, a row without one; and what that row is called."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [text for text, _ in reviews(2, seed=8)][:5]
    path = folder / "new.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["text", "number"], *[[text, i] for i, text in enumerate([*texts[:2], "", *texts[2:]])]]
        )
    return path, "line 4"


# --- networks -------------------------------------------------------------------------------------


def write_bert(models: Path, name: str = "tiny-bert", *, seed: int = 0) -> Path:
    """A BERT of about 30,000 parameters, with its tokenizer of words and letters, below `models`/`name`."""
    from transformers import BertConfig, BertModel

    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *MARKS,
        *LETTERS,
        *(f"##{letter}" for letter in LETTERS),
    ]
    vocabulary += [word for word in WORDS if word not in vocabulary]
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=POSITIONS,
    )
    return _written(models / name, BertModel, config, bert_tokenizer(vocabulary), seed)


def write_gpt(models: Path, name: str = "tiny-gpt", *, seed: int = 0) -> Path:
    """A GPT-2 of about 45,000 parameters, with a byte-level tokenizer that knows WORDS, below `models`/`name`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = gpt_tokenizer()
    config = GPT2Config(
        vocab_size=tokenizer.vocab_size,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        n_positions=POSITIONS,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return _written(models / name, GPT2LMHeadModel, config, tokenizer, seed)


def write_llama(models: Path, name: str = "tiny-llama", *, seed: int = 0) -> Path:
    """A Llama, as SmolLM2 is one, of about 45,000 parameters, with the tokenizer of `write_gpt`."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = gpt_tokenizer()
    config = LlamaConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=1,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=POSITIONS,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    )
    return _written(models / name, LlamaForCausalLM, config, tokenizer, seed)


def bert_tokenizer(vocabulary: list[str]) -> Any:
    """Words of the vocabulary whole, others letter by letter."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    inner = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", numbers["[CLS]"]), ("[SEP]", numbers["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=POSITIONS,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def gpt_tokenizer() -> Any:
    """Bytes, joined letter after letter into WORDS as they stand within a sentence; no token to pad with."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges: dict[tuple[str, str], None] = {}
    for word in WORDS:
        for end in range(len(word)):
            merges["Ġ" + word[:end], word[end]] = None
    pieces += [piece for piece in dict.fromkeys(left + right for left, right in merges) if piece not in pieces]
    pieces.append("<|endoftext|>")
    inner = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, list(merges)))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, model_max_length=POSITIONS, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )


def _written(folder: Path, kind: Any, config: Any, tokenizer: Any, seed: int) -> Path:
    """config.json, model.safetensors and the tokenizer's files; the weights are the same for the same `seed`.

    They are drawn five times as wide as for training from scratch, so that different texts come out different.
    """
    import torch

    config.initializer_range = 0.1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# --- what is taken home ---------------------------------------------------------------------------


def onnx_loads_back(exported: Path, _snippet: str, predictor: Any, new: Path) -> None:
    """usage.py beside the file, run where there is no torch and no transformers, answers as the run's predictor does.

    Of the exported files, only those are there that an ONNX file needs.
    """
    if exported.suffix == ".zip":
        with zipfile.ZipFile(exported) as archive:
            archive.extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    assert {path.name for path in exported.iterdir()} == {
        "model.onnx",
        "config.json",
        "labels.txt",
        "usage.py",
        "requirements.txt",
        "README.md",
        "recipe.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    rows = [row for row in predictor.predict(new) if "label" in row]
    lines = "import sys, runpy\nsys.modules['torch'] = sys.modules['transformers'] = None\n"
    lines += "runpy.run_path('usage.py', run_name='__main__')"
    command = [sys.executable, "-c", lines, *(row["text"] for row in rows)]
    alone = subprocess.run(command, cwd=exported, capture_output=True, text=True, timeout=120, encoding="utf-8")
    assert alone.returncode == 0, alone.stderr
    answers = [json.loads(line) for line in alone.stdout.split("\n") if line]
    assert [answer["text"] for answer in answers] == [row["text"] for row in rows]
    assert [answer["label"] for answer in answers] == [row["label"] for row in rows]
    for answer, row in zip(answers, rows, strict=True):
        assert abs(answer["confidence"] - row["confidence"]) < 2e-4, (answer, row)
