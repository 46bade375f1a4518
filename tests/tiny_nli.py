"""Tiny models of natural language inference in the hub's own format, that truly answer: trained for seconds on which
sentences about a review its words entail.

For tests alone: nothing here is a pretrained model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import tiny_text

TEMPLATE = "This is {label}."
LABELS = ("contradiction", "entailment", "neutral")
STEPS, BATCH, RATE = 250, 48, 3e-3


def write_nli(models: Path, name: str = "tiny-nli", *, kind: str = "bert", steps: int = STEPS) -> Path:
    """A BERT, RoBERTa or BART below `models`/`name` that knows that 'a superb lamp' entails 'This is good.'."""
    import torch
    from torch.nn import functional as F

    tokenizer = tokenizer_like(kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = network_like(kind, tokenizer)
        pairs = [
            (
                text,
                TEMPLATE.replace("{label}", about),
                LABELS.index("entailment" if about == label else "contradiction"),
            )
            for text, label in tiny_text.reviews(60, seed=1, twisted=0)
            for about in tiny_text.CLASSES
        ]
        batch = tokenizer([p[0] for p in pairs], [p[1] for p in pairs], padding=True, return_tensors="pt")
        labels = torch.tensor([p[2] for p in pairs])
        weights = torch.tensor([0.5, 1.0, 1.0])
        optimiser = torch.optim.AdamW(model.parameters(), RATE)
        model.train()
        for _ in range(steps):
            chosen = torch.randperm(len(pairs))[:BATCH]
            logits = model(**{key: values[chosen] for key, values in batch.items()}).logits
            F.cross_entropy(logits, labels[chosen], weights).backward()
            optimiser.step()
            optimiser.zero_grad()
    model.eval().save_pretrained(models / name)
    tokenizer.save_pretrained(models / name)
    return models / name


def tokenizer_like(kind: str) -> Any:
    """A text and a sentence as BERT reads them, marked by type, or as RoBERTa and BART do."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    words = ["good", "bad"]
    if kind == "bert":
        marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    else:
        marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces = [*tiny_text.MARKS, *tiny_text.LETTERS, *(f"##{letter}" for letter in tiny_text.LETTERS), *words]
    vocabulary = [*marks, *pieces, *(word for word in tiny_text.WORDS if word not in pieces)]
    if kind == "bert":
        return tiny_text.bert_tokenizer(vocabulary)
    inner = tiny_text.bert_tokenizer([*vocabulary, "[UNK]", "[CLS]", "[SEP]"])._tokenizer
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=tiny_text.POSITIONS,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
    )


def network_like(kind: str, tokenizer: Any) -> Any:
    from transformers import (
        BartConfig,
        BartForSequenceClassification,
        BertConfig,
        BertForSequenceClassification,
        RobertaConfig,
        RobertaForSequenceClassification,
    )

    numbered = {"id2label": dict(enumerate(LABELS)), "label2id": {name: number for number, name in enumerate(LABELS)}}
    width, size = tiny_text.WIDTH, len(tokenizer)
    if kind == "bart":
        config: Any = BartConfig(
            vocab_size=size,
            d_model=width,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            dropout=0.0,
            scale_embedding=True,
            max_position_embeddings=tiny_text.POSITIONS,
            init_std=0.1,
            **numbered,
        )
        return BartForSequenceClassification(config)
    sizes = {
        "vocab_size": size,
        "hidden_size": width,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.1,
    }
    if kind == "roberta":
        places = tiny_text.POSITIONS + 2  # its positions begin at 2
        config = RobertaConfig(max_position_embeddings=places, type_vocab_size=1, pad_token_id=1, **sizes, **numbered)
        return RobertaForSequenceClassification(config)
    config = BertConfig(max_position_embeddings=tiny_text.POSITIONS, **sizes, **numbered)
    return BertForSequenceClassification(config)
