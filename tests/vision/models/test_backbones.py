"""timm's networks as stages: the parts add up, and pretrained weights are all there or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from timm.data import ImageNetInfo

from engines import weights
from engines.contract import InputError, ModelCard, Strategy
from engines.training import strategies
from engines.training.settings import TrainSettings
from engines.training.staged import check_composition, count
from engines.vision.classification import prepare
from engines.vision.classification.settings import VisionSettings
from engines.vision.models import backbones, catalogue

pytestmark = pytest.mark.usefixtures("one_thread")

FAMILIES = {  # one small network a layout: its blocks
    "test_efficientnet": ["stem", "1", "2", "3", "4", "5"],
    "test_resnet": ["stem", "1", "2", "3", "4"],
    "test_vit": ["stem", "1", "2", "3", "4", "5", "6"],
    "test_convnext": ["stem", "1", "2", "3", "4"],
    "test_byobnet": ["body"],
}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of prepared weights."""
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def keep(models: Path, name: str, state: dict[str, torch.Tensor]) -> Path:
    path = models / name / "model.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
    return path


# --- stages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_the_stages_add_up(name: str) -> None:
    """Output, parameters and cost of the stages and the head are those of the network."""
    model = timm.create_model(name).eval()
    network = backbones.staged(model)
    assert [stage.name for stage in network.stages] == FAMILIES[name]
    check_composition(network, torch.rand(2, *model.pretrained_cfg["input_size"]))
    card = backbones.describe(name)
    head = (card.head_inputs + 1) * 1000
    assert sum(stage.parameters for stage in card.stages) + head == card.parameters == count(model.parameters())
    assert all(stage.macs > 0 for stage in card.stages)
    assert card.download_bytes == 4 * card.parameters


def test_that_stages_add_up_is_tried_once_an_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "_LAYOUTS", {})
    tried: list[str] = []
    monkeypatch.setattr(backbones, "check_composition", lambda network, _: tried.append(type(network.model).__name__))
    networks = [backbones.staged(timm.create_model(name, num_classes=n)) for name in FAMILIES for n in (3, 5)]
    assert len(tried) == len(FAMILIES)
    for first, second in zip(networks[::2], networks[1::2], strict=True):
        assert [stage.name for stage in first.stages] == [stage.name for stage in second.stages]
        assert not second.training


@pytest.mark.parametrize("name", FAMILIES)
def test_the_card_tells_what_would_learn(name: str) -> None:
    card = backbones.describe(name)
    for strategy in (Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.SCRATCH):
        network = backbones.build(card, 5, pretrained=False, seed=0)
        strategies.apply(network, strategy, TrainSettings(blocks=1))
        assert count(network.trainable().values()) == card.trainable(strategy, 1, 5), strategy


@pytest.mark.parametrize("name", [name for name, blocks in FAMILIES.items() if len(blocks) > 1])
def test_a_network_that_ends_early_sees_what_the_whole_one_sees_there(name: str) -> None:
    """Its features are the whole network's, averaged over places; what the card counts is what is left of it."""
    card, whole = backbones.describe(name), backbones.build(backbones.describe(name), 5, pretrained=False, seed=0)
    pictures = torch.rand(2, *whole.eval().model.pretrained_cfg["input_size"])  # type: ignore[union-attr, index]
    for depth in range(1, len(card.stages)):
        early = backbones.build(card, 5, pretrained=False, seed=0, depth=depth).eval()
        with torch.no_grad():
            seen, expected = early.run(pictures, 0, depth), whole.run(pictures, 0, depth)
            assert torch.equal(seen, expected.mean((2, 3)) if expected.ndim == 4 else expected.mean(1))
            torch.testing.assert_close(early.model(pictures), early.head()(seen))
        drawn = card.network(Strategy.FEATURES, 1, 5, depth=depth)
        assert (drawn.parameters, drawn.learning) == (count(early.parameters()), count(early.head().parameters()))
        assert card.cut(depth).stages == card.stages[:depth]


@pytest.mark.parametrize("depth", [0, 5, 6])
def test_all_of_a_network_is_the_network(depth: int) -> None:
    built = backbones.build(backbones.describe("test_resnet"), 5, pretrained=False, seed=0, depth=depth)
    assert not built.ends_early
    assert len(built.stages) == 5


def test_cost_is_counted_exactly() -> None:
    """The stem of test_resnet has three 3 × 3 convolutions at half the input's size."""
    card = backbones.describe("test_resnet")
    convolutions = [m for m in timm.create_model("test_resnet").conv1.modules() if isinstance(m, torch.nn.Conv2d)]
    sides = [80, 80, 80]
    macs = sum(conv.weight.numel() * side * side for conv, side in zip(convolutions, sides, strict=True))
    assert card.stages[0].macs == macs


@pytest.mark.parametrize(
    "card",
    [card for card in catalogue.cards() if card.name != "vgg16" and not catalogue.reads_names(card)],
    ids=lambda card: card.name,
)
def test_the_catalogue_holds_what_is_measured(card: ModelCard) -> None:
    """VGG-16 is left out: its 138 million random weights take seconds to draw."""
    described = backbones.describe(card.name)
    assert (described.stages, described.parameters, described.head_inputs) == (
        card.stages,
        card.parameters,
        card.head_inputs,
    )
    assert described.input == card.input


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnet_18", "timm has no model of that name; similar: .*resnet"),
        ("resnet18.mine", "timm knows no weights of that name; known: .*resnet18.a1_in1k"),
        ("efficientformerv2_s0", "its layout is not one that we can cut into a backbone and a head"),
        ("../resnet18", "timm has no model of that name"),
        ("", "timm has no model of that name"),
    ],
)
def test_names_that_do_not_work(name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=f"^model {name}: {sentence}"):
        backbones.describe(name)


def test_a_name_with_a_tag() -> None:
    card = backbones.describe("test_resnet.r160_in1k")
    assert (card.name, card.hub) == ("test_resnet.r160_in1k", "timm/test_resnet.r160_in1k")
    assert card.stages == backbones.describe("test_resnet").stages


def test_a_size_that_the_network_cannot_take() -> None:
    card = backbones.describe("test_vit")
    assert prepare.input_format(card, VisionSettings()).size == 160
    with pytest.raises(InputError, match=r"setting image_size: found 64; test_vit takes .* accepted: 160"):
        prepare.input_format(card, VisionSettings(image_size=64))
    assert prepare.input_format(backbones.describe("test_resnet"), VisionSettings(image_size=64)).size == 64


# --- weights --------------------------------------------------------------------------------------


def test_pretrained_weights_are_loaded_whole(models: Path) -> None:
    torch.manual_seed(1)
    state = timm.create_model("test_resnet").state_dict()
    keep(models, "test_resnet", state)
    built = backbones.build(backbones.describe("test_resnet"), 3, pretrained=True, seed=0).model.state_dict()
    for name, tensor in state.items():
        if not name.startswith("fc."):
            assert torch.equal(built[name], tensor), name
    assert built["fc.weight"].shape == (3, 96)


def test_random_weights_follow_the_seed() -> None:
    card = backbones.describe("test_resnet")
    one, same, other = (
        backbones.build(card, 3, pretrained=False, seed=seed).model.state_dict()["conv1.0.weight"] for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("damage", ["missing", "renamed", "another network", "another shape"])
def test_weights_that_do_not_fit_are_refused(models: Path, damage: str) -> None:
    """Never a network that is half random and called pretrained."""
    state = timm.create_model("test_resnet").state_dict()
    match damage:
        case "missing":
            del state["layer1.0.conv1.weight"]
        case "renamed":
            state = {f"backbone.{name}": tensor for name, tensor in state.items()}
        case "another network":
            state = timm.create_model("test_byobnet").state_dict()
        case "another shape":
            state["layer1.0.conv1.weight"] = torch.zeros(1, 2, 3, 3)
    keep(models, "test_resnet", state)
    with pytest.raises(InputError, match=r"model test_resnet: model.safetensors holds weights of another network"):
        backbones.build(backbones.describe("test_resnet"), 3, pretrained=True, seed=0)


PACK = {
    "tf_efficientnet_lite0": 247,
    "tf_efficientnet_lite1": 322,
    "tf_efficientnet_lite2": 322,
    "mobilenetv2_100": 262,
}
"""The offline pack's networks, and how many tensors each has."""


def packed(name: str) -> tuple[ModelCard, dict[str, torch.Tensor], backbones.TimmModel]:
    """A network of the pack: its card, the tensors as they come, and timm's network with these weights."""
    card = catalogue.find(name)
    assert card is not None
    path = weights.fetch(card)
    assert weights.sha256(path) == card.sha256
    assert path.stat().st_size == card.download_bytes
    theirs = weights.read(path)
    model = timm.create_model(name).eval()
    model.load_state_dict(backbones.paired_in_order(theirs, model))
    return card, theirs, model


@pytest.mark.weights
@pytest.mark.parametrize("name", PACK)
def test_the_packs_networks_pair_tensor_by_tensor(name: str) -> None:
    """Nothing is left over on either side, and what is built holds what the file holds."""
    card, theirs, model = packed(name)
    state = model.state_dict()  # type: ignore[attr-defined]
    kept, names = (
        [name for name in names if not name.endswith("num_batches_tracked")] for names in (list(theirs), list(state))
    )
    assert len(kept) == len(names) == PACK[name]
    assert all(torch.equal(theirs[their], state[own]) for their, own in zip(kept, names, strict=True))
    if name == "tf_efficientnet_lite0":  # the names say the same
        alike = {"_conv_stem.weight": "conv_stem.weight", "_bn0.running_var": "bn1.running_var"}
        alike |= {
            "_blocks.3._project_conv.weight": "blocks.2.0.conv_pwl.weight",
            "_bn1.running_mean": "bn2.running_mean",
        }
        assert all(torch.equal(theirs[their], state[ours]) for their, ours in alike.items())
    built = backbones.build(card, 4, pretrained=True, seed=0).model.state_dict()
    assert all(torch.equal(built[own], state[own]) for own in names if not own.startswith("classifier"))


@pytest.mark.weights
def test_the_packs_mobilenet_answers_as_torchvisions_own_code() -> None:
    """The EfficientNet-Lites are held beside their own code by benchmarks/pack.py, which needs its package."""
    _, theirs, model = packed("mobilenetv2_100")
    original = torchvision.models.mobilenet_v2().eval()
    original.load_state_dict(theirs)
    pictures = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(original(pictures), model(pictures))  # type: ignore[operator]


@pytest.mark.weights
@pytest.mark.parametrize(
    ("name", "photograph", "seen"),
    [("tf_efficientnet_lite0", "flower.jpg", "daisy"), *((name, "china.jpg", "palace") for name in PACK)],
)
def test_the_packs_networks_see_what_is_in_a_photograph(name: str, photograph: str, seen: str) -> None:
    """The photographs come with scikit-learn; the classes are ImageNet's thousand."""
    card, _, model = packed(name)
    format = prepare.input_format(card, VisionSettings(framing="crop"))
    square = np.asarray(format.square(Image.fromarray(load_sample_image(photograph))))
    with torch.no_grad():
        logits = model(format.plain(torch.from_numpy(square.copy()).permute(2, 0, 1)[None]))  # type: ignore[operator]
    assert ImageNetInfo().index_to_description(int(logits.argmax())) == seen
