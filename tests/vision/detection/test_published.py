"""torchvision's detectors and those of the hub: what is loaded, cut, learnt, found and told, on small random ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from engines import lifecycle, registry
from engines.contract import InputError, ModelCard, Recipe, Strategy
from engines.cost.work import Sizes
from engines.runs import RunFolder
from engines.training import strategies
from engines.training.examples import paired
from engines.training.staged import Taps
from engines.vision.detection import cost, train
from engines.vision.detection.evaluation import came_with
from engines.vision.detection.evaluation.metrics import Found
from engines.vision.detection.fit import DetectionStudy
from engines.vision.detection.networks import decode, families, kinds
from engines.vision.detection.networks.loss import Boxes
from engines.vision.detection.networks.torchvision_detector import TorchvisionDetector
from engines.vision.detection.settings import DetectionSettings
from tests import alone, tiny_boxes, tiny_detectors
from tests.contract.conftest import repeated
from tests.tiny_detectors import DETR, SSDLITE, TINY

SIZE = 64
FASTER = "fasterrcnn_mobilenet_v3_large_320_fpn"
HUB = (DETR, "tiny-yolos", "tiny-rt-detr")
TASK = registry.task("vision.detection")
QUERIES = [
    (DETR, Strategy.PARTIAL, 2, [(16, 2, 2)]),
    (DETR, Strategy.FEATURES, 2, [(4, 16)]),
    ("tiny-yolos", Strategy.FEATURES, 2, [(22, 16)]),
    ("tiny-rt-detr", Strategy.PARTIAL, 2, [(8, 8, 8), (8, 4, 4), (16, 2, 2)]),
    ("tiny-rt-detr", Strategy.PARTIAL, 1, [(16, 8, 8), (16, 4, 4), (16, 2, 2)]),
]
"""A model, a strategy and blocks that learn -> the shapes of what is kept of a picture."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_detectors.register()
    for name in (SSDLITE, *TINY):
        tiny_detectors.write_published(folder, name)
    for write in (tiny_detectors.write_detr, tiny_detectors.write_yolos, tiny_detectors.write_rt_detr):
        write(folder)
    return folder


@pytest.fixture(autouse=True)
def here(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MODELS", str(models))


def card_of(name: str) -> ModelCard:
    return families.of(name).describe(name, SIZE)


def targets() -> Boxes:
    boxes = torch.zeros(3, 2, 4)
    boxes[0] = torch.tensor([[4.0, 6, 30, 28], [34, 30, 60, 62]])
    boxes[1, 0] = torch.tensor([10.0, 10, 40, 50])
    return Boxes(boxes, torch.tensor([[1, 0], [1, -1], [-1, -1]]))


@pytest.mark.parametrize("name", [SSDLITE, *TINY, *HUB])
def test_it_is_counted_as_it_is_built(name: str) -> None:
    card = card_of(name)
    network = families.of(name).build(card, 3, pretrained=True, seed=0, size=SIZE)
    for stage, own in zip(card.stages, network.stages, strict=True):
        assert stage.parameters == sum(p.numel() for p in own.parameters()), stage.name
        assert stage.macs > 0
    head = sum(p.numel() for p in network.head().parameters())
    assert (card.head_inputs + 1) * 3 + card.head_base == head
    assert card.head_macs > 0


@pytest.mark.parametrize("name", [SSDLITE, *TINY])
def test_stages_one_by_one_give_what_torchvision_gives(name: str, models: Path) -> None:
    """The same boxes, scores and classes as torchvision's own code, of its own COCO head."""
    card = card_of(name)
    theirs = get_model(name, weights=None, weights_backbone=None, num_classes=91)
    theirs.load_state_dict(torch.load(models / name / "pytorch_model.bin", weights_only=True), strict=False)
    theirs.eval()
    background = TorchvisionDetector(name, 1, SIZE).background
    own = families.of(name).as_it_came(card, [], size=SIZE).model.eval()
    assert isinstance(own, TorchvisionDetector)
    own.columns = None
    pictures = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    theirs.transform = _AsTheyAre(SIZE)  # these are normalised, and of their size
    for attribute in ("score_thresh", "nms_thresh", "detections_per_img"):
        if hasattr(theirs, attribute):
            value = {"score_thresh": decode.FLOOR, "nms_thresh": own.same, "detections_per_img": decode.MOST}[attribute]
            setattr(theirs, attribute, value)
    with torch.no_grad():
        expected, said = theirs(list(pictures)), own(pictures).numpy()
        staged = families.of(name).answering(_staged_of(own))(pictures).numpy()
    np.testing.assert_allclose(staged, said, atol=1e-5)
    for wanted, answers in zip(expected, said, strict=True):
        boxes, scores, labels, broken = decode.boxes_of_candidates(answers, SIZE, own.same)
        assert broken == 0
        real = (wanted["boxes"][:, :2] < wanted["boxes"][:, 2:]).all(1)  # FCOS answers with some of no area
        wanted = {key: value[real] for key, value in wanted.items()}
        n = min(20, len(wanted["scores"]))
        np.testing.assert_allclose(scores[:n], wanted["scores"][:n].numpy(), atol=1e-4)
        clear = np.abs(np.diff(scores[: n + 1], append=0)) > 1e-3  # equally sure ones may stand in another order
        same = (wanted["labels"][:n].numpy() - background == labels[:n]) | ~clear[:n]
        assert same.all()
        near = np.abs(wanted["boxes"][:n].numpy() - boxes[:n]).max(1, initial=0) < 0.05
        assert (near | ~clear[:n]).all()


class _AsTheyAre(torch.nn.Module):
    """In place of torchvision's resizing: pictures and boxes stay as they are."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def forward(self, images: list[torch.Tensor], targets: object = None) -> tuple[object, object]:
        from torchvision.models.detection.image_list import ImageList

        return ImageList(torch.stack(images), [(self.size, self.size)] * len(images)), targets

    def postprocess(self, result: object, *_sizes: object) -> object:
        return result


def _staged_of(model: TorchvisionDetector):  # type: ignore[no-untyped-def]
    from engines.vision.detection.networks import torchvision_family

    return torchvision_family.staged(model).eval()


@pytest.mark.parametrize("name", [SSDLITE, *TINY, *HUB])
def test_it_learns_what_it_is_shown(name: str) -> None:
    """Its loss falls, pictures without boxes count, and its gradients reach all that is to learn."""
    family = families.of(name)
    network = family.build(card_of(name), 2, pretrained=True, seed=0, size=SIZE)
    strategies.apply(network, Strategy.FULL, TASK.settings())
    network.train()
    pictures = torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    cost = family.loss(network, targets(), SIZE, torch.device("cpu"))
    optimiser = torch.optim.AdamW(network.trainable().values(), lr=5e-3)
    torch.manual_seed(0)
    losses = []
    for _step in range(24 if name in HUB else 10):
        loss = cost(network(pictures), targets())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert np.mean(losses[-2:]) < 0.96 * losses[0], losses
    reached = [p.grad is not None and bool(p.grad.abs().sum()) for p in network.head().parameters()]
    assert np.mean(reached) > 0.5
    network.eval()
    with torch.no_grad():
        assert np.isfinite(float(cost(network(pictures), targets())))
        none = Boxes(torch.zeros(3, 1, 4), torch.full((3, 1), -1))
        assert np.isfinite(float(cost(network(pictures), none)))


@pytest.mark.parametrize("name", [SSDLITE, DETR])
def test_only_what_tells_classes_is_new(name: str) -> None:
    family, card = families.of(name), card_of(name)
    came = family.as_it_came(card, [1, -1], size=SIZE).model.state_dict()
    for seed in (0, 1):
        own = family.build(card, 2, pretrained=True, seed=seed, size=SIZE).model.state_dict()
        changed = {key for key, tensor in own.items() if key not in came or not torch.equal(came[key], tensor)}
        counted = {key for key in changed if not any(part in key for part in family.OF_CLASSES)}
        assert all(key.endswith("num_batches_tracked") for key in counted), counted
        assert changed


@pytest.mark.parametrize("name", [SSDLITE, DETR])
def test_weights_of_another_network_are_refused(
    name: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = card_of(name)
    if name == SSDLITE:
        (tmp_path / name).mkdir()
        state = torch.load(models / name / "pytorch_model.bin", weights_only=True)
        torch.save(dict(list(state.items())[5:]), tmp_path / name / "pytorch_model.bin")
    else:
        from safetensors.torch import load_file, save_file

        tiny_detectors.write_detr(tmp_path, name)
        state = load_file(tmp_path / name / "model.safetensors")
        first = next(key for key in state if "encoder" in key)
        save_file(
            {k: t for k, t in state.items() if k != first}, tmp_path / name / "model.safetensors", {"format": "pt"}
        )
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path))
    with pytest.raises(InputError, match="weights of another network"):
        families.of(name).build(card, 2, pretrained=True, seed=0, size=SIZE)


def test_the_names_of_older_files_are_known(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's first files call the pyramid's tensors otherwise."""
    name = "tiny_retinanet"
    state = torch.load(models / name / "pytorch_model.bin", weights_only=True)
    older = {key.replace(".0.weight", ".weight").replace(".0.bias", ".bias"): t for key, t in state.items()}
    older = {key if "fpn.inner_blocks" in key else own: state[own] for key, own in zip(older, state, strict=True)}
    assert older.keys() != state.keys()
    (tmp_path / name).mkdir()
    torch.save(older, tmp_path / name / "pytorch_model.bin")
    expected = families.of(name).as_it_came(card_of(name), [1], size=SIZE).model.state_dict()
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path))
    found = families.of(name).as_it_came(card_of(name), [1], size=SIZE).model.state_dict()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


def test_a_damaged_file_of_torchvision_is_noticed(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name carries the beginning of its digest."""
    card = card_of(SSDLITE)
    assert card.torch_file is not None
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / card.torch_file).write_bytes((models / SSDLITE / "pytorch_model.bin").read_bytes())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("HEADSTART_MODELS")
    with pytest.raises(InputError, match="damaged or not the published file"):
        families.of(SSDLITE).build(card, 2, pretrained=True, seed=0, size=SIZE)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("maskrcnn_resnet50_fpn", "none of torchvision's detectors"),
        ("deeplabv3_resnet50", "none of torchvision's detectors"),
        ("ssd300_vgg16", "none of torchvision's detectors"),
        ("../etc", "is no name of a model on the hub"),
        ("nobody/nothing", "is not on this machine and the hub cannot be reached"),
    ],
)
def test_what_is_no_detector_is_refused(name: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=reason):
        TASK.describe(name)


def test_strategies_that_do_not_fit_are_refused() -> None:
    for strategy, model, reason in (
        (Strategy.ZERO_SHOT, "resnet18", "finds nothing before it learns"),
        (Strategy.LORA, SSDLITE, "made of convolutions"),
        (Strategy.LORA, "tf_efficientnet_lite0", "made of convolutions"),
    ):
        with pytest.raises(InputError, match=reason):
            TASK.require_offered(Recipe(TASK.info.name, "data", model, strategy))
    TASK.require_offered(Recipe(TASK.info.name, "data", DETR, Strategy.LORA))


def test_classes_are_known_by_their_names() -> None:
    theirs = ["__background__", "person", "N/A", "dining table", "tv", "potted plant"]
    own = ["Persons", "sofa", "dining_table", "TVmonitor", "background", "pottedplant"]
    assert came_with.columns(own, theirs) == [1, -1, 3, 4, -1, 5]
    assert came_with.all_of(theirs) == [1, 3, 4, 5]


def test_what_is_still_found_is_counted() -> None:
    def found(scores: list[float], *boxes: list[float]) -> Found:
        return Found(
            np.array(boxes, dtype=float).reshape(-1, 4), np.zeros(len(scores), dtype=np.int64), np.array(scores)
        )

    before = [found([0.9, 0.8, 0.2], [0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]), found([0.6], [0, 0, 9, 9])]
    after = [found([0.7, 0.4], [0, 0, 9, 9], [20, 0, 29, 9]), found([])]
    kept = came_with.kept(before, after, 80)
    assert (kept["n"], kept["value"], kept["pictures"]) == (3, pytest.approx(1 / 3), 2)
    assert kept["low"] < 1 / 3 < kept["high"]
    assert came_with.kept([found([0.3], [0, 0, 9, 9])], after[:1], 80)["n"] == 0


def study_of(tmp_path: Path, model: str, strategy: Strategy, **settings: object) -> tuple[Recipe, RunFolder]:
    data = tmp_path / "data"
    if not data.exists():
        tiny_boxes.write_data(data)
    recipe = Recipe(TASK.info.name, str(data), model, strategy, settings={"image_size": SIZE, "epochs": 1} | settings)
    return recipe, RunFolder.create(recipe, tmp_path / f"run-{model}-{strategy}")


@pytest.mark.parametrize("strategy", [Strategy.FEATURES, Strategy.PARTIAL])
def test_kept_maps_give_what_the_whole_network_gives(tmp_path: Path, strategy: Strategy) -> None:
    study = TASK.open(*study_of(tmp_path, SSDLITE, strategy))
    assert isinstance(study, DetectionStudy)
    network = study.build(pretrained=True, seed=0)
    strategies.apply(network, strategy, study.settings)
    network.eval()
    spec = study.train_spec(study.settings, 0, study.run, np.arange(6), np.arange(0))
    behind, at = train.behind(spec, network, spec.training, varied=True), torch.arange(6)
    kept, plain = (paired(each, at, torch.Generator().manual_seed(3)) for each in (behind, spec.training))
    with torch.no_grad():
        one, other = network(kept.inputs, network.boundary), network(plain.inputs)
    assert isinstance(one, Taps)
    assert len(one.maps) == len(other.maps) == 6
    for a, b in zip(one.maps, other.maps, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("name", "strategy", "blocks", "kept"), QUERIES)
def test_what_a_frozen_one_of_queries_sees_is_kept(
    tmp_path: Path, name: str, strategy: Strategy, blocks: int, kept: list[tuple[int, ...]]
) -> None:
    """No more than what its queries read; and it comes to the same losses, and finds the same."""
    study = TASK.open(*study_of(tmp_path, name, strategy, blocks=blocks))
    assert isinstance(study, DetectionStudy)
    network = study.build(pretrained=True, seed=0)
    strategies.apply(network, strategy, study.settings)
    assert list(train.keeps(network, network.boundary)) == kept
    spec = study.train_spec(study.settings, 0, study.run, np.arange(6), np.arange(0))
    behind, at = train.behind(spec, network, spec.training, varied=True), torch.arange(6)
    seen, plain = (paired(each, at, torch.Generator().manual_seed(3)) for each in (behind, spec.training))
    assert isinstance(seen.inputs, Taps)
    cost = spec.family.loss(network, targets(), SIZE, torch.device("cpu"))
    losses: list[tuple[float, list[torch.Tensor]]] = []
    for inputs in (network(seen.inputs, network.boundary), plain.inputs):  # pictures go through the whole network
        network.train()
        torch.manual_seed(0)  # RT-DETR draws noisy queries
        loss = cost(inputs, seen.targets)
        gradients = torch.autograd.grad(loss, list(network.trainable().values()), allow_unused=True)
        losses.append((float(loss.detach()), [g for g in gradients if g is not None]))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-5)
    for one, other in zip(losses[0][1], losses[1][1], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
    network.eval()
    with torch.no_grad():
        found = spec.family.answering(network)(seen.inputs, network.boundary)
        torch.testing.assert_close(found, network.model.candidates(plain.inputs), atol=1e-4, rtol=1e-4)  # type: ignore


def test_of_one_of_queries_all_but_the_decoder_is_paid_for_once() -> None:
    card, sizes = card_of(DETR), Sizes(10, 0)
    assert [kinds.kept(card, boundary) for boundary in (1, 2, 3)] == [1, 2, 2]
    assert kinds.kept(card_of(SSDLITE), 3) == 3
    few, many = (
        cost.work(card, Strategy.FEATURES, DetectionSettings(epochs=n, baseline="none"), sizes) for n in (1, 11)
    )
    more = sum(one.amount for one in many if one.unit == "MACs") - sum(one.amount for one in few if one.unit == "MACs")
    assert more == pytest.approx(100 * (card.stages[2].macs + 3 * card.head_macs))


def test_a_detector_is_tested_as_it_came_and_told_what_it_forgot(tmp_path: Path) -> None:
    recipe, run = study_of(tmp_path, DETR, Strategy.LORA, baseline="none")
    result = lifecycle.fit(TASK, recipe, run)
    assert "zero_shot" in result.baselines
    assert result.verdict is not None
    assert any("came with 2 of these 2 classes" in note for note in result.notes)
    assert result.details["came_with"]["classes"] == 4
    assert result.details["forgetting"]
    assert result.trainable_parameters < result.parameters
    assert not any("lora" in name for name in TASK.load(run.path).model.state_dict())  # type: ignore[attr-defined]


def test_none_of_its_classes_is_a_sentence(tmp_path: Path, models: Path) -> None:
    if not (models / "tiny-other").exists():
        tiny_detectors.write_detr(models, "tiny-other", {0: "cat", 1: "dog"})
    recipe, run = study_of(tmp_path, "tiny-other", Strategy.ZERO_SHOT)
    with pytest.raises(InputError, match="it came with none of these classes: amber, blue"):
        lifecycle.rehearse(TASK, recipe, run)


@pytest.mark.parametrize(("name", "blocks", "epochs"), [(SSDLITE, 3, 2), (FASTER, 2, 1), ("tiny-rt-detr", 1, 2)])
def test_a_script_repeats_a_run_of_published_ones(
    tmp_path: Path, models: Path, name: str, blocks: int, epochs: int
) -> None:
    """Its frozen stages and its own loss, regions drawn by chance included, where Headstart cannot be seen."""
    if name == FASTER:
        tiny_detectors.write_published(models, FASTER)
    recipe, run = study_of(tmp_path, name, Strategy.PARTIAL, baseline="none", epochs=epochs, blocks=blocks)
    lifecycle.fit(TASK, recipe, run)
    folder = TASK.export(run.path, "script", tmp_path / "script")
    ended = alone.run(folder / "train.py", tmp_path / "data", cwd=tmp_path)
    repeated(ended, folder, run)
    script = (folder / "train.py").read_text(encoding="utf-8")
    assert "Cost(" not in script
    assert "timm" not in script, "what this run did not use is not in it"
