"""A backbone that a person brings: what fits is taken, what does not is a sentence, and it runs like any other."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save, save_file

from engines import lifecycle, paths, registry, weights
from engines.cli import main
from engines.contract import InputError, Recipe, Strategy
from engines.runs import RunFolder
from engines.vision.classification import prepare
from engines.vision.classification.settings import VisionSettings
from engines.vision.models import checkpoints, network
from tests.vision.classification.test_export import write_pictures

pytestmark = pytest.mark.usefixtures("one_thread")

NET, TASK = "test_resnet", "vision.classification"
State = dict[str, torch.Tensor]


def trained(classes: int = 1000) -> State:
    torch.manual_seed(1)
    return dict(timm.create_model(NET, num_classes=classes).state_dict())


def kept(path: Path, state: State, **metadata: str) -> Path:
    save_file(state, path, metadata=metadata or None)
    return path


# --- what fits ------------------------------------------------------------------------------------


def test_a_checkpoint_is_taken_over_and_says_what_matched(tmp_path: Path) -> None:
    """The network that is built has every number of the file; its last layer is left to the run."""
    state = trained(7) | {"projector.weight": torch.ones(3)}
    name, told = checkpoints.bring(kept(tmp_path / "mine.safetensors", state), NET)
    assert checkpoints.is_one(name)
    assert name.startswith(f"{NET}@")
    fitting = len(trained()) - 2
    assert told[0] == f"{fitting} tensors fit {NET}."
    assert "Its last layer (fc.weight, fc.bias) is not used" in told[1]
    assert "1 further tensor is left out: projector.weight." in told[2]
    card = registry.task(TASK).describe(name)
    assert (card.title, card.hub, weights.where(card)) == ("test resnet from mine.safetensors", None, "here")
    built = network.build(card, 3, pretrained=True, seed=0).model.state_dict()
    assert all(torch.equal(built[own], tensor) for own, tensor in trained(7).items() if not own.startswith("fc."))
    assert built["fc.weight"].shape == (3, 96)


@pytest.mark.parametrize("prefix", checkpoints.PREFIXES)
def test_other_trainers_names(tmp_path: Path, prefix: str) -> None:
    state = {prefix + name: tensor for name, tensor in trained().items()}
    _, told = checkpoints.bring(kept(tmp_path / "mine.safetensors", state), NET)
    assert any(prefix in sentence and "was taken off" in sentence for sentence in told) is bool(prefix)


def test_half_precision_is_made_whole(tmp_path: Path) -> None:
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in trained().items()}
    name, _ = checkpoints.bring(kept(tmp_path / "mine.safetensors", half), NET)
    built = network.build(registry.task(TASK).describe(name), 3, pretrained=True, seed=0).model.state_dict()
    assert built["conv1.0.weight"].dtype is torch.float32
    assert torch.equal(built["conv1.0.weight"], half["conv1.0.weight"].float())


def test_what_lies_beside_it_says_the_architecture_and_how_pictures_are_normalised(tmp_path: Path) -> None:
    path = kept(tmp_path / "model.safetensors", trained())
    told = {"architecture": NET, "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}}
    (tmp_path / "config.json").write_text(json.dumps(told))
    card = registry.task(TASK).describe(checkpoints.bring(path)[0])
    format = prepare.input_format(card, VisionSettings())
    assert (format.mean, format.std, format.size) == ((0.1, 0.2, 0.3), (1, 1, 1), 160)


def test_its_own_metadata_may_say_the_architecture(tmp_path: Path) -> None:
    assert checkpoints.bring(kept(tmp_path / "a.safetensors", trained(), architecture=NET))[0].startswith(NET)


def test_random_weights_of_it_are_its_architectures(tmp_path: Path) -> None:
    """The comparison with scratch needs nothing of the file."""
    name, _ = checkpoints.bring(kept(tmp_path / "mine.safetensors", trained()), NET)
    own, other = (
        network.build(registry.task(TASK).describe(one), 3, pretrained=False, seed=4).model.state_dict()
        for one in (name, NET)
    )
    assert all(torch.equal(own[key], other[key]) for key in other)


# --- what does not --------------------------------------------------------------------------------

WHOLE = save(trained())
LENGTH = int.from_bytes(WHOLE[:8], "little")


def overlapping(header: dict[str, dict[str, object]]) -> None:
    first, second = [name for name in header if name != "__metadata__"][:2]
    header[second]["data_offsets"] = header[first]["data_offsets"]


def vast(header: dict[str, dict[str, object]]) -> None:
    header["conv1.0.weight"]["shape"] = [2**40, 2**40]


def backwards(header: dict[str, dict[str, object]]) -> None:
    header["conv1.0.weight"]["data_offsets"] = [100, 0]


def changed(how: Callable[[dict[str, dict[str, object]]], None]) -> bytes:
    header = json.loads(WHOLE[8 : 8 + LENGTH])
    how(header)
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + WHOLE[8 + LENGTH :]


HOSTILE = {
    "a header of 4 GB": (4 << 30).to_bytes(8, "little") + WHOLE[8:],
    "a header longer than the file": (1 << 20).to_bytes(8, "little") + WHOLE[8:200],
    "overlapping offsets": changed(overlapping),
    "offsets that run backwards": changed(backwards),
    "a shape beyond all memory": changed(vast),
    "cut short": WHOLE[:-100],
    "empty": b"",
    "no JSON": (16).to_bytes(8, "little") + b"x" * 16,
    "a zip": b"PK\x03\x04" + b"\0" * 64,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_a_sentence(tmp_path: Path, what: str) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(HOSTILE[what])
    with pytest.raises(
        InputError, match=r"^mine.safetensors: it is damaged, or no safetensors file \(.+\); accepted: "
    ):
        checkpoints.bring(path, NET)
    assert not paths.brought().exists()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_values_that_are_no_numbers(tmp_path: Path, number: float) -> None:
    state = trained()
    state["layer1.0.conv1.weight"][0, 0, 0, 0] = number
    path = kept(tmp_path / "mine.safetensors", state)
    with pytest.raises(InputError, match=r"layer1.0.conv1.weight holds values that are no numbers"):
        checkpoints.bring(path, NET)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
            return Path.touch, (Path(tmp_path / "opened"),)  # type: ignore[return-value]

    path = tmp_path / "mine.pth"
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(InputError, match=r"mine\.pth: it is a pickle, which can run code when it is opened"):
        checkpoints.bring(path, NET)
    assert not (tmp_path / "opened").exists()


def test_another_architecture_or_half_of_one(tmp_path: Path) -> None:
    path = kept(tmp_path / "mine.safetensors", trained())
    with pytest.raises(InputError, match=r"it does not hold test_vit: of its backbone's \d+ tensors \d+ are missing"):
        checkpoints.bring(path, "test_vit")
    state = trained()
    del state["layer1.0.conv1.weight"]
    with pytest.raises(InputError, match=r"it does not hold .* 1 are missing or of another shape, such as layer1"):
        checkpoints.bring(kept(path, state), NET)
    with pytest.raises(InputError, match="timm has no model of that name; similar"):
        checkpoints.bring(path, "resnet_18")
    with pytest.raises(InputError, match="nothing says which architecture it is of; accepted: ARCHITECTURE@mine"):
        checkpoints.bring(path)
    with pytest.raises(InputError, match="there is no such file"):
        checkpoints.bring(tmp_path / "none.safetensors", NET)


@pytest.mark.parametrize("mean", [[0.5, 0.5], ["a", 0, 0], [float("nan"), 0, 0], 3, [True, 0, 0], [-1, 0, 0]])
def test_a_config_that_lies(tmp_path: Path, mean: object) -> None:
    path = kept(tmp_path / "model.safetensors", trained())
    (tmp_path / "config.json").write_text(json.dumps({"architecture": NET, "pretrained_cfg": {"mean": mean}}))
    with pytest.raises(InputError, match=r"mean of config.json: found .*accepted: three numbers from 0 to 1"):
        checkpoints.bring(path)


@pytest.mark.parametrize("name", [f"{NET}@{'0' * 16}", "../x@0123456789abcdef", f"{NET}@../../../../etc/passwd"])
def test_a_checkpoint_that_is_not_here(name: str) -> None:
    with pytest.raises(InputError, match=r"is not on this machine|timm has no model of that name"):
        registry.task(TASK).describe(name)


def test_what_was_kept_and_then_changed_is_refused(tmp_path: Path) -> None:
    name, _ = checkpoints.bring(kept(tmp_path / "mine.safetensors", trained()), NET)
    file = paths.brought() / name / "model.safetensors"
    save_file({own: tensor + 1 for own, tensor in load_file(file).items()}, file)
    with pytest.raises(InputError, match="is damaged or not the published file"):
        network.build(registry.task(TASK).describe(name), 3, pretrained=True, seed=0)


# --- a run of it ----------------------------------------------------------------------------------


def test_a_run_of_it_learns_predicts_and_is_taken_home(tmp_path: Path) -> None:
    """Also when the file and what was kept of it are gone: a finished run holds all of its model."""
    data = write_pictures(tmp_path / "data", each=8)
    name, _ = checkpoints.bring(kept(tmp_path / "mine.safetensors", trained()), NET)
    recipe = Recipe(TASK, str(data), name, Strategy.FEATURES, settings={"epochs": 1, "image_size": 64})
    run = RunFolder.create(recipe, tmp_path / "run")
    result = lifecycle.fit(registry.task(TASK), recipe, run)
    run.write("result.json", result.to_json())
    config = json.loads((run.path / "model" / "config.json").read_text())
    assert config["architecture"] == NET
    script = registry.task(TASK).export(run.path, "script", tmp_path / "script")
    text = (script / "train.py").read_text()
    assert NET in text
    assert name not in text, "it needs nothing of Headstart"
    (paths.brought() / name / "source.json").unlink()
    picture = next(data.rglob("*.png"))
    (answer,) = registry.task(TASK).load(run.path).predict(picture)
    assert answer["label"] in {folder.name for folder in data.iterdir()}


def test_the_command_line_takes_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, path = write_pictures(tmp_path / "data", each=8), kept(tmp_path / "mine.safetensors", trained())
    given = ["--data", str(data), "--strategy", "features"]
    monkeypatch.setattr("sys.argv", ["headstart", "check", "--model", f"{NET}@{path}", TASK, *given])
    assert main() == 0
    assert "From now on it is called test_resnet@" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["headstart", "check", "--model", f"{NET}@{path}", "text.sentiment", *given])
    assert main() == 2
    assert "takes no checkpoint of your own" in capsys.readouterr().err
