"""Tiny translators in the hub's own formats, with random weights, and conversations and sentence pairs to learn from.

For tests alone. GPTs are in `tiny_text`.
"""

from __future__ import annotations

import json
from pathlib import Path

WORDS = {
    "the": "le",
    "red": "rouge",
    "blue": "bleu",
    "green": "vert",
    "cat": "chat",
    "dog": "chien",
    "fox": "renard",
    "sees": "voit",
    "a": "un",
    "house": "maison",
    "tree": "arbre",
    "car": "voiture",
    "boat": "bateau",
}
SENTENCES = [
    f"the {colour} {animal} sees a {thing}"
    for colour in ("red", "blue", "green")
    for animal in ("cat", "dog", "fox")
    for thing in ("house", "tree", "car", "boat")
]
TRANSLATIONS = [" ".join(WORDS[word] for word in sentence.split()) for sentence in SENTENCES]
SUMS = [(f"What is {a} and {b}?", f"It is {a + b}.") for a in range(6) for b in range(6)]


# --- models ---------------------------------------------------------------------------------------


def write_t5(models: Path, name: str = "tiny-t5") -> None:
    """A T5 of two and two blocks, 32 wide; random weights."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    tokenizer = Tokenizer(Unigram())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    marks = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=80, special_tokens=marks, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(SENTENCES + TRANSLATIONS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>", unk_token="<unk>")
    fast.save_pretrained(models / name)
    config = T5Config(
        vocab_size=len(fast),
        d_model=32,
        d_ff=64,
        d_kv=16,
        num_heads=2,
        num_layers=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        dropout_rate=0.0,
    )
    _save(T5ForConditionalGeneration, config, models / name)


def write_marian(models: Path, name: str = "tiny-marian") -> None:
    """A Marian of two and two blocks, 32 wide, with sentencepiece models for both languages; random weights."""
    import sentencepiece
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder = models / name
    folder.mkdir(parents=True)
    vocabulary: dict[str, int] = {"</s>": 0, "<unk>": 1}
    for side, texts in (("source", SENTENCES), ("target", TRANSLATIONS)):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_prefix=str(folder / side),
            vocab_size=60,
            hard_vocab_limit=False,
            minloglevel=2,
            num_threads=1,
        )
        (folder / f"{side}.vocab").unlink()
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{side}.spm"))
        for number in range(pieces.get_piece_size()):
            if (piece := pieces.id_to_piece(number)) != "<s>":
                vocabulary.setdefault(piece, len(vocabulary))
    pad = vocabulary["<pad>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    MarianTokenizer(
        source_spm=str(folder / "source.spm"),
        target_spm=str(folder / "target.spm"),
        vocab=str(folder / "vocab.json"),
        source_lang="en",
        target_lang="fr",
    ).save_pretrained(folder)
    config = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        pad_token_id=pad,
        decoder_start_token_id=pad,
        eos_token_id=0,
        forced_eos_token_id=0,
        bos_token_id=0,
        scale_embedding=True,
        activation_function="swish",
        dropout=0.0,
    )
    _save(MarianMTModel, config, folder)


def _save(kind: type, config: object, folder: Path) -> None:
    """Random weights, always the same."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = kind(config)
    model.save_pretrained(folder)


# --- data -----------------------------------------------------------------------------------------


def write_chats(folder: Path) -> Path:
    """36 questions and answers."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps({"prompt": question, "response": answer}) for question, answer in SUMS]
    (folder / "chats.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "chats.jsonl"


def write_pairs(folder: Path) -> Path:
    """36 sentences and their translations, word by word."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{sentence},{translation}" for sentence, translation in zip(SENTENCES, TRANSLATIONS, strict=True)]
    (folder / "pairs.csv").write_text("\n".join(["source,target", *rows]) + "\n", encoding="utf-8")
    return folder / "pairs.csv"


def write_new_questions(folder: Path) -> tuple[Path, str]:
    folder.mkdir(parents=True)
    (folder / "new.csv").write_text('prompt,by\nWhat is 7 and 8?,me\n"",you\nWhat is it?,me\n', encoding="utf-8")
    return folder / "new.csv", "line 3"


def write_new_sentences(folder: Path) -> tuple[Path, str]:
    folder.mkdir(parents=True)
    rows = 'source,by\nthe red fox sees a red boat,me\n"",you\na cat sees the dog,me\n'
    (folder / "new.csv").write_text(rows, encoding="utf-8")
    return folder / "new.csv", "line 3"
