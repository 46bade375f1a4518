"""Tiny image–text models in the hub's own format, CLIP and SigLIP, that truly answer: trained for seconds on which word
goes with which colour.

For tests alone: nothing here is a pretrained model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

COLOURS = {
    "amber": (214, 137, 16),
    "blue": (40, 90, 200),
    "green": (60, 150, 70),
    "grey": (120, 120, 120),
    "red": (190, 40, 50),
}
PROMPT = "a photo of a {}."
SIZE, PATCH, WIDTH, SHARED, PLACES = 64, 16, 16, 12, 24
MEAN, STD = [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]
STEPS, RATE, EACH = 80, 1e-2, 4


def write(models: Path, name: str, *, kind: str = "clip", steps: int = STEPS) -> Path:
    """A CLIP or SigLIP below `models`/`name` that knows the five colours by their names."""
    import torch
    from torch.nn import functional as F

    folder = models / name
    tokenizer = tokenizer_like(kind, folder)
    rng = np.random.default_rng(3)
    names = list(COLOURS)
    colours = torch.tensor([COLOURS[name] for name in names], dtype=torch.float32)[:, :, None, None] / 255
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    padding = {"padding": "max_length", "max_length": PLACES} if kind == "siglip" else {"padding": True}
    tokens = tokenizer([PROMPT.replace("{}", name) for name in names], return_tensors="pt", **padding)
    given = {key: tokens[key] for key in (("input_ids",) if kind == "siglip" else ("input_ids", "attention_mask"))}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = network_like(kind, tokenizer)
        optimiser = torch.optim.AdamW(model.parameters(), RATE)
        answers = torch.arange(len(names)).repeat(EACH)
        for _ in range(steps):
            noise = torch.from_numpy(rng.normal(0, 0.15, (len(answers), 3, SIZE, SIZE))).float()
            pictures = ((colours[answers] + noise).clamp(0, 1) - mean) / std
            seen = F.normalize(model.get_image_features(pixel_values=pictures).pooler_output, dim=-1)
            said = F.normalize(model.get_text_features(**given).pooler_output, dim=-1)
            loss = F.cross_entropy(model.logit_scale.exp() * seen @ said.T, answers)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval().save_pretrained(folder)
    processor = {"image_mean": MEAN, "image_std": STD, "size": {"shortest_edge": SIZE}, "do_resize": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return folder


def tokenizer_like(kind: str, folder: Path) -> Any:
    """CLIP's: bytes paired by merges.txt; SigLIP's: a SentencePiece model. Written to `folder` as the hub has them."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "siglip":
        import sentencepiece
        from transformers import SiglipTokenizer

        lines = [PROMPT.replace("{}", name).replace(".", "") for name in COLOURS] * 20
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_prefix=str(folder / "spiece"),
            vocab_size=40,
            hard_vocab_limit=False,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            minloglevel=2,
        )
        (folder / "spiece.vocab").unlink()
        tokenizer = SiglipTokenizer(str(folder / "spiece.model"), pad_token="<pad>", model_max_length=PLACES)
    else:
        from tokenizers.pre_tokenizers import ByteLevel
        from transformers import CLIPTokenizer

        letters = sorted(ByteLevel.alphabet())
        ends = [f"{letter}</w>" for letter in letters]
        vocabulary = [*letters, *ends, "<|startoftext|>", "<|endoftext|>"]
        numbered = {piece: number for number, piece in enumerate(vocabulary)}
        (folder / "vocab.json").write_text(json.dumps(numbered), encoding="utf-8")
        (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
        tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=PLACES * 2)
    tokenizer.save_pretrained(folder)
    return tokenizer


def network_like(kind: str, tokenizer: Any) -> Any:
    from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

    sizes = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    words = {**sizes, "vocab_size": len(tokenizer), "max_position_embeddings": PLACES * 2}
    pictures = {**sizes, "image_size": SIZE, "patch_size": PATCH}
    if kind == "siglip":
        words |= {"max_position_embeddings": PLACES, "projection_size": WIDTH, "pad_token_id": 0, "eos_token_id": 1}
        model = SiglipModel(SiglipConfig(text_config=words, vision_config=pictures))
        model.logit_scale.data.fill_(2.0)
        return model
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    return CLIPModel(CLIPConfig(text_config=words | ends, vision_config=pictures, projection_dim=SHARED))
