"""Image–text networks of the hub: the picture half cut off, and the word half asked once for the classes' names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engines import api, registry
from engines.contract import InputError, Recipe, Result, Strategy
from engines.runs import RunFolder
from engines.vision.models import catalogue, image_text
from engines.vision.models.tower import from_config
from tests import tiny_clip, tiny_text

TASK = "vision.classification"
KINDS = ("clip", "siglip")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        tiny_clip.write(folder, f"tiny-{kind}", kind=kind)
    tiny_text.write_bert(folder)
    return folder


@pytest.fixture(autouse=True)
def here(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MODELS", str(models))


def pictures(folder: Path, names: dict[str, str] | None = None, each: int = 6) -> Path:
    """Noisy squares of the colours in a folder a class; `names`: colour -> what its folder is called."""
    rng = np.random.default_rng(5)
    for colour, rgb in tiny_clip.COLOURS.items():
        own = folder / (names or {}).get(colour, colour)
        own.mkdir(parents=True)
        for number in range(each):
            noisy = np.array(rgb) + rng.normal(0, 40, (48, 48, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(own / f"{number}.png")
    return folder


def run_of(data: Path, strategy: Strategy, model: str = "tiny-clip", **settings: object) -> tuple[RunFolder, Result]:
    out = data.parent / "run"
    result = api.fit(Recipe(TASK, str(data), model, strategy, settings=dict(settings)), out)
    return RunFolder(out), result


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_the_whole_network_does(kind: str, models: Path) -> None:
    """Logits are those that transformers gives, but for SigLIP's bias, which is the same for every class."""
    from transformers import AutoModel, AutoTokenizer

    card = registry.task(TASK).describe(f"tiny-{kind}")
    sentences = [[tiny_clip.PROMPT.replace("{}", name)] for name in tiny_clip.COLOURS]
    x = torch.randn(3, 3, tiny_clip.SIZE, tiny_clip.SIZE, generator=torch.Generator().manual_seed(0))
    ours = image_text.named(card, sentences)(x)
    both = AutoModel.from_pretrained(models / card.name).eval()
    padding = {"padding": "max_length", "max_length": tiny_clip.PLACES} if kind == "siglip" else {"padding": True}
    tokens = AutoTokenizer.from_pretrained(models / card.name)(
        [s for (s,) in sentences], return_tensors="pt", **padding
    )
    asked = {key: tokens[key] for key in ("input_ids", "attention_mask")[: 1 if kind == "siglip" else 2]}
    with torch.no_grad():
        theirs = both(pixel_values=x, **asked).logits_per_image
    shift = theirs - ours.detach()
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift), atol=1e-4, rtol=0)
    torch.testing.assert_close(theirs.softmax(1), ours.softmax(1), atol=1e-5, rtol=0)


def test_several_sentences_are_averaged_at_length_1() -> None:
    card = registry.task(TASK).describe("tiny-clip")
    one, other, mean = (
        image_text.named(card, [list(about)]).head().weight[0]
        for about in (["a photo of a red."], ["a blue thing"], ["a photo of a red.", "a blue thing"])
    )
    expected = (one + other) / (one + other).norm() * one.norm()
    torch.testing.assert_close(mean, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_told_apart_by_the_names_of_their_classes(kind: str, tmp_path: Path) -> None:
    run, result = run_of(pictures(tmp_path / "data"), Strategy.ZERO_SHOT, f"tiny-{kind}")
    assert (result.value, result.trainable_parameters, result.epochs) == (1.0, 0, 0)
    assert "such as 'a photo of a amber.'" in " ".join(result.notes)
    rows = registry.task(TASK).load(run.path).predict(tmp_path / "data" / "red")
    assert {row["label"] for row in rows} == {"red"}
    assert not (run.path / "model" / "head.safetensors").exists()


@pytest.mark.parametrize("strategy", [Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.LORA])
@pytest.mark.parametrize("kind", KINDS)
def test_its_picture_half_learns_like_any_other_network(kind: str, strategy: Strategy, tmp_path: Path) -> None:
    settings = {Strategy.PARTIAL: {"blocks": 1}, Strategy.FEATURES: {"frozen_part": "onnx"}}.get(strategy, {})
    _, result = run_of(pictures(tmp_path / "data"), strategy, f"tiny-{kind}", epochs=2, folds=0, **settings)
    card = registry.task(TASK).describe(f"tiny-{kind}")
    assert result.trainable_parameters > card.head_inputs
    assert result.value >= 0.8


@pytest.fixture(scope="module", params=KINDS)
def named(request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run by names, beside its data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        patch.setenv("HEADSTART_HOME", str(tmp_path_factory.mktemp("home")))
        folder = tmp_path_factory.mktemp(request.param)
        return run_of(pictures(folder / "data"), Strategy.ZERO_SHOT, f"tiny-{request.param}")[0]


def alone(program: str, folder: Path, *words: str) -> str:
    """What a fresh interpreter that sees nothing of Headstart prints."""
    command = [sys.executable, "-W", "ignore", "-c", program, *words]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.parametrize("format", ["safetensors", "onnx"])
def test_it_is_carried_home(named: RunFolder, format: str, tmp_path: Path) -> None:
    out = registry.task(TASK).export(named.path, format, tmp_path / "exported")
    red = named.path.parent / "data" / "red" / "0.png"
    use = "import runpy, sys; sys.argv[0] = 'usage.py'; runpy.run_path('usage.py', run_name='__main__')"
    (row,) = map(json.loads, alone(use, out, str(red)).splitlines())
    expected = registry.task(TASK).load(named.path).predict(red)[0]
    assert row["label"] == "red"
    assert row["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-4)
    if format == "safetensors":
        assert "library_name: transformers" in (out / "README.md").read_text(encoding="utf-8")
        assert "timm" not in (out / "requirements.txt").read_text(encoding="utf-8").split("==")
        shutil.copyfile(red, out / "picture.jpg")
        result = named.result
        assert result is not None
        assert alone(f"import sys; sys.path.insert(0, '.')\n{result.details['load_snippet']}", out).strip() == "red"


def test_it_says_where_it_looked(named: RunFolder, tmp_path: Path) -> None:
    (row,) = registry.task(TASK).explain(named.path, named.path.parent / "data" / "blue" / "0.png", tmp_path / "out")
    assert row["label"] == "blue"
    assert Path(row["picture"]).is_file()


def test_a_head_on_its_first_block(tmp_path: Path) -> None:
    run, result = run_of(pictures(tmp_path / "data"), Strategy.FEATURES, epochs=3, folds=0, depth=2)
    assert [stage.get("left_out", False) for stage in result.details["stages"]] == [False, False, True]
    red = tmp_path / "data" / "red" / "0.png"
    out = registry.task(TASK).export(run.path, "safetensors", tmp_path / "exported")
    shutil.copyfile(red, out / "picture.jpg")
    said = alone(f"import sys; sys.path.insert(0, '.')\n{result.details['load_snippet']}", out).strip()
    assert said == registry.task(TASK).load(run.path).predict(red)[0]["label"]


CODES = dict(zip(tiny_clip.COLOURS, ("n02123045", "0", "class_3", "7", "n01440764"), strict=True))


def test_codes_are_no_names(tmp_path: Path) -> None:
    data = pictures(tmp_path / "first" / "data", CODES)
    with pytest.raises(InputError, match=r"^class names: '0', '7', 'class_3', .*: codes, not words; accepted: words"):
        run_of(data, Strategy.ZERO_SHOT)
    called = "{" + ", ".join(f'"{code}": "{colour}"' for colour, code in CODES.items()) + "}"
    data = pictures(tmp_path / "data", CODES)
    _, result = run_of(data, Strategy.ZERO_SHOT, class_names=called)
    assert result.value == 1.0
    assert result.details["classes"] == sorted(CODES.values())


def test_a_network_that_knows_no_words_cannot(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^strategy: zero-shot is not for tf_efficientnet_lite0: it knows pictures"):
        run_of(pictures(tmp_path / "data"), Strategy.ZERO_SHOT, "tf_efficientnet_lite0")
    task = registry.task(TASK)
    assert not task.lacks(Strategy.ZERO_SHOT, task.describe("clip-vit-base-patch32"))
    assert [card.name for card in task.models() if catalogue.reads_names(card)] == [
        "clip-vit-base-patch32",
        "siglip-base-patch16-224",
    ]


def test_the_catalogue_holds_what_is_measured() -> None:
    """Of the published configuration of CLIP ViT-B/32, which Transformers takes for granted."""
    from transformers import CLIPConfig

    card, config = registry.task(TASK).describe("clip-vit-base-patch32"), CLIPConfig()
    with torch.device("meta"):
        network = from_config({**config.vision_config.to_dict(), "projection_dim": config.projection_dim}, 2)
    head = sum(p.numel() for p in network.head.classifier.parameters())
    assert (
        sum(p.numel() for p in network.parameters()) - head == card.parameters == sum(s.parameters for s in card.stages)
    )
    assert (len(card.stages), card.head_inputs) == (13, network.head.classifier.in_features)


def test_a_size_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^setting image_size: found 96; tiny-clip takes pictures of one size"):
        run_of(pictures(tmp_path / "data"), Strategy.ZERO_SHOT, image_size=96)


def test_another_kind_of_model_of_the_hub_is_named() -> None:
    with pytest.raises(InputError, match=r"^model tiny-bert: it is a model of the kind 'bert'; accepted: CLIP"):
        registry.task(TASK).describe("tiny-bert")


def test_damaged_weights_are_said(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(models / "tiny-clip", tmp_path / "models" / "tiny-clip")
    (tmp_path / "models" / "tiny-clip" / "model.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    with pytest.raises(InputError, match=r"^model tiny-clip: tiny-clip holds weights of another network"):
        image_text.whole(registry.task(TASK).describe("tiny-clip"))
