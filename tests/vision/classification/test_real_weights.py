"""Real photographs and real weights: the frozen EfficientNet-Lite0 recognises what it never saw."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engines import lifecycle, registry
from engines.contract import Recipe, Result, Strategy
from engines.runs import RunFolder
from engines.vision import samples

pytestmark = [pytest.mark.weights, pytest.mark.debian]

TASK = "vision.classification"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def run(home: Path) -> RunFolder:
    recipe = Recipe(TASK, str(samples.make("photographs", home)), "tf_efficientnet_lite0", Strategy.FEATURES)
    run = RunFolder.create(recipe, home / "run")
    run.write("result.json", lifecycle.fit(registry.task(TASK), recipe, run).to_json())
    return run


@pytest.fixture
def result(run: RunFolder) -> Result:
    assert run.result is not None
    return run.result


def test_four_classes_of_photographs(result: Result) -> None:
    assert result.n_train + result.n_validation + result.n_test == 248
    assert result.n_test >= 60
    assert result.value >= 0.80
    assert result.low > 0.6 > result.baselines["majority"] == 0.25
    assert result.trainable_parameters == 1281 * 4
    assert result.skipped == []


def test_every_class_is_recognised(result: Result) -> None:
    assert all(row["recall"] >= 0.6 for row in result.details["per_class"])


def test_a_photograph_is_named(run: RunFolder) -> None:
    """Asked one by one, as the page does, it answers as in the test."""
    rows = pq.read_table(run.path / "predictions.parquet").to_pylist()
    predictor = registry.task(TASK).load(run.path)
    for row in rows[:5]:
        (answer,) = predictor.predict(Path(run.recipe.data) / row["file"])
        assert answer["label"] == row["predicted"]
        assert answer["confidence"] == pytest.approx(row["confidence"], abs=1e-4)
