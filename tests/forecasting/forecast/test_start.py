"""A forecaster that goes on from a finished run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engines import api
from engines.contract import InputError, Recipe, Strategy
from engines.forecasting.forecast import model_files
from engines.forecasting.models import stages
from engines.runs import RunFolder
from tests import tiny_series

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_begins_with_what_was_learnt_and_is_compared_with_that(tmp_path: Path) -> None:
    data = tiny_series.write_series(tmp_path / "data")
    first, second = tmp_path / "first", tmp_path / "second"
    asked = api.recipe("forecasting.forecast", data, strategy="full", settings=tiny_series.SETTINGS)
    api.fit(asked, first)
    again = api.recipe("forecasting.forecast", data, model=str(first), strategy="zero-shot", settings={"horizon": 12})
    assert again.model == "fracast"
    assert again.start
    learnt = model_files.load(first).model.state_dict()
    card = api.task("forecasting.forecast").describe("fracast")
    network = stages.build(card, pretrained=True, seed=0, start=Path(again.start)).model.state_dict()
    came = stages.build(card, pretrained=True, seed=0).model.state_dict()
    assert all(torch.equal(network[name], own.cpu()) for name, own in learnt.items())
    assert any(not torch.equal(network[name], own) for name, own in came.items())
    result = api.fit(again, second)
    assert "It goes on from a finished run: it begins with the weights that were learnt there." in result.notes
    kept = model_files.load(second).model.state_dict()
    assert all(torch.equal(kept[name], own) for name, own in learnt.items()), "as it came is as it was learnt there"
    with pytest.raises(InputError, match="it goes on from another run"):
        api.export(second, tmp_path / "script", "script")


def test_one_of_the_hub_is_refused_in_a_sentence(tmp_path: Path) -> None:
    data = tiny_series.write_series(tmp_path / "data")
    run = tmp_path / "run"
    (run / "model").mkdir(parents=True)
    (run / "model" / "model.safetensors").write_bytes(b"")
    RunFolder(run).write("recipe.json", Recipe("forecasting.forecast", "", "ttm-r2", Strategy.FULL).to_json())
    recipe = Recipe("forecasting.forecast", str(data), "ttm-r2", Strategy.ZERO_SHOT, start=str(run))
    task = api.task("forecasting.forecast")
    with pytest.raises(InputError, match=r"a run of .* cannot be gone on from; accepted: a run of the model fracast"):
        task.open(recipe, RunFolder.create(recipe, tmp_path / "new"))
