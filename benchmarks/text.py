"""What do running the frozen part once and batches of like length save, against the loops that people write?

    python benchmarks/text.py [--rounds 3] [--texts 160] [--epochs 5]

all-MiniLM-L6-v2 on film snippets, one thread, CPU seconds, the contenders in turn. Frozen features: the head alone over
`--epochs` epochs. Full fine-tuning: two epochs. The tutorial pads every text to 128 tokens; the Hugging Face Trainer
groups texts by length. Prints median ratios, and the training losses that each ended with.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import performance_page
from engines import hub_files
from engines.contract import Recipe, Strategy
from engines.data.tables import read_table
from engines.runs import RunFolder
from engines.text import samples
from engines.text.models import catalogue, encoders
from engines.text.models.tokenising import TextExamples, read_all
from engines.text.settings import TextSettings
from engines.training import devices, strategies
from engines.training.activation_cache import cache_activations
from engines.training.array_cache import key
from engines.training.loop import Plan, train

BATCH, PADDED, RATE = 16, 128, 1e-4
SETTINGS = TextSettings(batch_size=BATCH, patience=10_000, mixed_precision="no", layer_decay=1.0)
FINE_TUNING_EPOCHS = 2
Taken = dict[str, list[float]]


def main() -> None:
    parser = performance_page.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=5)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        texts, labels = films(Path(scratch), chosen.texts)
        frozen = interleaved(
            {
                "frozen, padded to 128 in every epoch": partial(padded, texts, labels, chosen.epochs, frozen=True),
                "frozen, here": partial(ours_frozen, texts, labels, chosen.epochs, Path(scratch)),
            },
            chosen.rounds,
        )
        full = interleaved(
            {
                "full, padded to 128": partial(padded, texts, labels, FINE_TUNING_EPOCHS, frozen=False),
                "full, Trainer, grouped by length": partial(trainer, texts, labels, Path(scratch)),
                "full, here, fp32": partial(ours_full, texts, labels, Path(scratch), "no"),
                "full, here, bf16": partial(ours_full, texts, labels, Path(scratch), "bf16"),
            },
            chosen.rounds,
        )
    heading = f"{chosen.texts} texts, {chosen.rounds} rounds, one thread, CPU seconds. Frozen: {chosen.epochs} epochs; "
    text = f"{heading}full: {FINE_TUNING_EPOCHS}.\n\n" + "\n\n".join(map(ratios, (frozen, full)))
    performance_page.publish(text, write=chosen.write)


def interleaved(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, tuple[list[float], float]]:
    """Name -> (CPU seconds of each round, the last training loss)."""
    seconds: Taken = {name: [] for name in contenders}
    losses = {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            began = time.process_time()
            losses[name] = contender()
            seconds[name].append(time.process_time() - began)
    return {name: (taken, losses[name]) for name, taken in seconds.items()}


def ratios(found: dict[str, tuple[list[float], float]]) -> str:
    first = next(iter(found.values()))[0]
    rows = []
    for name, (taken, loss) in found.items():
        ratio = statistics.median(theirs / ours for theirs, ours in zip(first, taken, strict=True))
        rows.append((name, f"{statistics.median(taken):.1f}", f"{ratio:.1f}", f"{loss:.3f}"))
    return performance_page.table(("", "median seconds", "median ratio", "last training loss"), rows)


def films(scratch: Path, n: int) -> tuple[list[str], Tensor]:
    table = read_table(samples.make("films", scratch / "sample"))
    texts, labels = table.column("text")[:n], table.column("label")[:n]
    return texts, torch.tensor([sorted(set(labels)).index(label) for label in labels])


def network() -> Any:
    return encoders.build(catalogue.cards()[0], 2, pretrained=True, seed=0)


def padded(texts: list[str], labels: Tensor, epochs: int, *, frozen: bool) -> float:
    """The tutorial's loop: every text padded to 128 tokens, every text through everything in every epoch."""
    torch.set_float32_matmul_precision("highest")  # what torch comes with: 'here' chooses anew
    model = network().model
    tokenizer = encoders.reader(catalogue.cards()[0], SETTINGS).tokenizer  # type: ignore[attr-defined]  # this reader has one
    inputs = tokenizer(texts, padding="max_length", truncation=True, max_length=PADDED, return_tensors="pt")
    model.backbone.requires_grad_(not frozen)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE)
    model.train()
    mean = 0.0
    for epoch in range(epochs):
        generator = devices.seed_everything(0, epoch)
        mean = 0.0
        for chosen in torch.randperm(len(texts), generator=generator).split(BATCH):
            logits = model(inputs["input_ids"][chosen], inputs["attention_mask"][chosen]).logits
            loss = F.cross_entropy(logits, labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            mean += loss.item() * len(chosen) / len(texts)
    return mean


def trainer(texts: list[str], labels: Tensor, scratch: Path) -> float:
    """The Hugging Face Trainer with dynamic padding, texts of like length together."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    torch.set_float32_matmul_precision("highest")
    tokenizer = encoders.reader(catalogue.cards()[0], SETTINGS).tokenizer  # type: ignore[attr-defined]  # this reader has one
    rows = [
        {**tokenizer(text, truncation=True, max_length=PADDED), "labels": int(label)}
        for text, label in zip(texts, labels, strict=True)
    ]
    model = library_model()
    arguments = TrainingArguments(
        output_dir=str(scratch / "trainer"),
        num_train_epochs=FINE_TUNING_EPOCHS,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        train_sampling_strategy="group_by_length",
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        logging_strategy="epoch",
        disable_tqdm=True,
    )
    run = Trainer(model, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer))
    run.train()
    return float(next(row["loss"] for row in reversed(run.state.log_history) if "loss" in row))


def library_model() -> Any:
    """The same backbone under the library's own classifier."""
    from transformers import AutoModelForSequenceClassification

    folder = hub_files.folder(catalogue.cards()[0])
    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)


def examples(texts: list[str], labels: Tensor) -> TextExamples:
    reader = encoders.reader(catalogue.cards()[0], SETTINGS)
    read = read_all(reader, texts, lambda *_: None)
    return TextExamples([one.windows for one in read], labels, [key(text) for text in texts], reader)


def a_run(scratch: Path) -> RunFolder:
    shutil.rmtree(scratch / "run", ignore_errors=True)
    return RunFolder.create(Recipe("text.sentiment", "films", "all-MiniLM-L6-v2", Strategy.FULL), scratch / "run")


def ours_frozen(texts: list[str], labels: Tensor, epochs: int, scratch: Path) -> float:
    """The product's own way, with nothing known from an earlier run."""
    shutil.rmtree(scratch / "home", ignore_errors=True)
    run, on, learner = a_run(scratch), devices.accelerator(SETTINGS), network()
    strategies.apply(learner, Strategy.FEATURES, SETTINGS)
    given = examples(texts, labels)
    seen = cache_activations(
        learner,
        given,
        views=1,
        name=key("benchmark", given.identity),
        run=run,
        title="",
        unit="texts",
        device=on.device,
    )
    plan = Plan("head", "", "transfer", Strategy.FEATURES, epochs, RATE)
    return last_loss(learner, plan, seen, run, on, SETTINGS)


def ours_full(texts: list[str], labels: Tensor, scratch: Path, precision: str) -> float:
    settings = TextSettings(batch_size=BATCH, patience=10_000, mixed_precision=precision, layer_decay=1.0)
    run, on, learner = a_run(scratch), devices.accelerator(settings), network()
    strategies.apply(learner, Strategy.FULL, settings)
    plan = Plan("fine-tuning", "", "transfer", Strategy.FULL, FINE_TUNING_EPOCHS, RATE)
    return last_loss(learner, plan, examples(texts, labels), run, on, settings)


def last_loss(learner: Any, plan: Plan, given: Any, run: RunFolder, on: Any, settings: TextSettings) -> float:
    progress = train(
        learner,
        plan,
        given,
        None,
        settings,
        loss=F.cross_entropy,
        metric=None,
        run=run,
        accelerator=on,
        seed=0,
        unit="texts",
    )
    return float(progress.history[-1]["train_loss"])


if __name__ == "__main__":
    main()
