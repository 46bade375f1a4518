"""Image–text networks of the hub: the picture half cut off, and the word half asked once for the classes' names."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engines import api, registry
from engines.contract import InputError, Recipe, Result, Strategy
from engines.runs import RunFolder
from engines.vision.models import catalogue, image_text
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
    settings = {"blocks": 1} if strategy is Strategy.PARTIAL else {}
    _, result = run_of(pictures(tmp_path / "data"), strategy, f"tiny-{kind}", epochs=2, folds=0, **settings)
    card = registry.task(TASK).describe(f"tiny-{kind}")
    assert result.trainable_parameters > card.head_inputs
    assert result.value >= 0.8


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


def test_a_size_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^setting image_size: found 96; tiny-clip takes pictures of one size"):
        run_of(pictures(tmp_path / "data"), Strategy.ZERO_SHOT, image_size=96)


def test_another_kind_of_model_of_the_hub_is_named() -> None:
    with pytest.raises(
        InputError, match=r"^model tiny-bert: it is a model of the kind 'bert'; accepted: CLIP"
    ):
        registry.task(TASK).describe("tiny-bert")


def test_damaged_weights_are_said(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(models / "tiny-clip", tmp_path / "models" / "tiny-clip")
    (tmp_path / "models" / "tiny-clip" / "model.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    with pytest.raises(InputError, match=r"^model tiny-clip: tiny-clip holds weights of another network"):
        image_text.whole(registry.task(TASK).describe("tiny-clip"))
