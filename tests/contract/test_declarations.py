"""What a task says of itself is complete and true, before anything trains."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from engines import lifecycle, registry
from engines.contract import InputError, Recipe, Strategy
from engines.runs import RunFolder
from tests.contract.conftest import Subject
from tests.contract.tiny import TINY

EXPORTS = {"safetensors", "onnx", "sb3", "web", "script"}


def test_every_registered_task_is_tried() -> None:
    assert TINY.keys() == registry.known().keys()


def test_info(subject: Subject) -> None:
    info = subject.task.info
    assert registry.known().keys() >= {info.name}
    assert info.domain == info.name.split(".")[0]
    for field in fields(info):
        assert getattr(info, field.name) not in ("", (), None) or field.default is None, field.name
    assert len(set(info.strategies)) == len(info.strategies)
    assert set(info.exports) <= EXPORTS
    assert set(info.exports) - {"script", "web"} == subject.tiny.loads_back.keys()
    assert info.metric.help.endswith(".")


def test_models(subject: Subject) -> None:
    cards = subject.task.models()
    assert cards[0].name == subject.task.info.default_model
    assert len({card.name for card in cards}) == len(cards)
    for card in cards:
        assert all([card.title, card.family, card.licence, card.source, card.source_task, card.input]), card.name
        packed = card.package and re.fullmatch(r"[0-9a-f]{64}", card.sha256 or "")
        assert card.hub or card.torch_file or packed, card.name
        assert card.download_bytes > card.parameters, card.name
        assert all(stage.parameters >= 0 and stage.macs >= 0 for stage in card.stages), card.name
        assert 0 < sum(stage.parameters for stage in card.stages) <= card.parameters, card.name
        assert subject.task.describe(card.name) == card


def test_what_a_strategy_trains_grows_with_what_it_unfreezes(subject: Subject) -> None:
    for card in subject.task.models():
        stages = len(card.stages)
        counts = [card.trainable(Strategy.PARTIAL, blocks, 10) or 0 for blocks in range(1, stages + 1)]
        head = card.head_base + (card.head_inputs + 1) * 10 if card.head_parameters is None else card.head_parameters
        learnt = head if card.correction_parameters is None else card.correction_parameters
        assert card.trainable(Strategy.FEATURES, 1, 10) == learnt
        assert counts == sorted(counts)
        whole = counts[-1] + head * card.head_stays
        assert whole == card.trainable(Strategy.FULL, 1, 10) == card.trainable(Strategy.SCRATCH, 1, 10)
        assert card.trainable(Strategy.ZERO_SHOT, 1, 10) == 0


def test_a_model_that_is_not_there(subject: Subject) -> None:
    with pytest.raises(InputError, match=r"^model resnet_of_my_own: "):
        subject.task.describe("resnet_of_my_own")


def test_samples(subject: Subject, tmp_path: Path) -> None:
    samples = subject.task.samples()
    assert samples
    assert any(sample.needs is None for sample in samples), "one sample needs nothing installed"
    for sample in samples:
        assert all([sample.title, sample.description, sample.origin, sample.licence]), sample.name
    with pytest.raises(InputError, match=r"^sample nothing: "):
        subject.task.make_sample("nothing", tmp_path)


def test_every_setting_has_a_help_and_a_default_within_its_bounds(subject: Subject) -> None:
    settings = subject.task.settings
    defaults = {field.name: field.default for field in fields(settings)}
    assert settings.parse(defaults).changed() == {}
    assert all(field.metadata["help"] for field in fields(settings))


def test_settings_that_mean_nothing_to_the_task_are_refused(subject: Subject) -> None:
    settings = subject.task.settings
    known = {field.name: field for field in fields(settings)}
    assert settings.hidden <= known.keys()
    for name in settings.hidden:
        default, bounds = known[name].default, known[name].metadata
        others = [not default] if isinstance(default, bool) else [bounds["low"], bounds["high"]]
        for value in others:
            if value != default:
                with pytest.raises(InputError, match=f"^setting {name}: this task does not use it; known: ") as caught:
                    settings.parse({name: value})
                assert not settings.hidden & set(caught.value.problems[0].accepted.removeprefix("known: ").split(", "))
        assert settings.parse({name: default}).changed() == {}


def test_bad_settings_are_all_named(subject: Subject, tmp_path: Path) -> None:
    bad = subject.tiny.bad_settings
    first = subject.task.info.strategies[0]
    run = RunFolder.create(subject.recipe(first, **bad, no_such_setting=1), tmp_path / "run")
    with pytest.raises(InputError) as caught:
        lifecycle.fit(subject.task, run.recipe, run)
    assert {problem.where for problem in caught.value.problems} == {
        f"setting {name}" for name in (*bad, "no_such_setting")
    }
    assert all(str(problem).count("\n") == 0 and problem.accepted for problem in caught.value.problems)


def test_a_strategy_that_is_not_declared(subject: Subject, tmp_path: Path) -> None:
    for strategy in registry.strategies() - set(subject.task.info.strategies):
        recipe = Recipe(subject.task.info.name, str(subject.data), subject.tiny.model, strategy)
        run = RunFolder.create(recipe, tmp_path / strategy)
        with pytest.raises(InputError, match=f"^strategy: {strategy} is not offered here"):
            lifecycle.fit(subject.task, recipe, run)


def test_check(subject: Subject, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    report = subject.task.check(
        subject.data, settings=subject.settings, gallery=tmp_path / "gallery", progress=lambda *step: steps.append(step)
    )
    assert report.task == subject.task.info.name
    assert report.n_examples == subject.tiny.examples
    assert report.classes == subject.tiny.classes
    assert sum(report.splits.values()) == subject.tiny.examples
    assert report.splits["train"] > report.splits["test"] > 0
    assert (report.skipped, re.fullmatch(r"[0-9a-f]{64}", report.sha256) is not None) == ([], True)
    assert report.gallery
    assert all("text" in row or Path(row["thumbnail"]).is_file() for row in report.gallery)
    assert steps[-1][0] == steps[-1][1] > 0
    assert subject.task.check(subject.data).sha256 == report.sha256
    json.dumps(asdict(report))


def test_check_of_nothing(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for data in (tmp_path / "empty", tmp_path / "absent"):
        with pytest.raises(InputError) as caught:
            subject.task.check(data)
        assert data.name in caught.value.problems[0].where
