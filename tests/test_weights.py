"""Where weights come from: in which order places are looked in, and that nothing but the published file is used."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from engines import weights
from engines.contract import InputError, ModelCard, Stage
from engines.vision.models import backbones, catalogue
from tests import hub

pytestmark = pytest.mark.usefixtures("one_thread")

CARD = ModelCard(
    "toynet",
    "Toy net",
    "toy",
    12,
    48,
    "MIT",
    "us",
    "nothing",
    "vectors",
    (Stage("1", 6, 6),),
    head_inputs=2,
    hub="owner/toynet",
    package="toy_pack",
    sha256=None,
)
TENSORS = {"weight": torch.arange(6.0).view(2, 3)}
CONTENT = save(TENSORS)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The file that each place would hold, none of them there yet."""
    from huggingface_hub import constants

    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.syspath_prepend(str(tmp_path / "packs"))
    repository = tmp_path / "hub" / "models--owner--toynet"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(hub.COMMIT)
    (tmp_path / "packs" / "toy_pack").mkdir(parents=True)
    (tmp_path / "packs" / "toy_pack" / "__init__.py").touch()
    return {
        "models": tmp_path / "models" / "toynet" / "model.safetensors",
        "hub": repository / "snapshots" / hub.COMMIT / "model.safetensors",
        "torch": tmp_path / "torch" / "hub" / "checkpoints" / f"toynet-{DIGEST[:8]}.pth",
        "pack": tmp_path / "packs" / "toy_pack" / "files" / "toy.safetensors",
    }


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# --- here -----------------------------------------------------------------------------------------


def test_places_are_looked_in_in_order(places: dict[str, Path]) -> None:
    assert weights.find(CARD) is None
    for name in reversed(places):
        put(places[name])
        assert weights.find(CARD) == places[name], name
    assert weights.where(CARD) == "here"
    assert weights.fetch(CARD) == places["models"]


def test_older_file_names_count_too(places: dict[str, Path]) -> None:
    old = put(places["models"].with_name("pytorch_model.bin"))
    assert weights.find(CARD) == old
    put(places["models"])
    assert weights.find(CARD) == places["models"]


@pytest.mark.parametrize("place", ["models", "hub", "torch", "pack"])
def test_a_file_that_is_not_the_published_one(places: dict[str, Path], place: str) -> None:
    card = replace(CARD, sha256=DIGEST)
    path = put(places[place])
    if place == "models":
        put(path.with_name("source.json"), json.dumps({"sha256": DIGEST}).encode())
    if place == "hub":  # the cache's link points to a file that is named by its digest
        blob = put(path.parents[2] / "blobs" / DIGEST)
        path.unlink()
        path.symlink_to(blob)
    assert weights.fetch(card) == path
    target = path.resolve()
    target.write_bytes(CONTENT[:-1] + b"!")
    os.utime(target, (1, 1))
    with pytest.raises(
        InputError, match=rf"model toynet: {path.name} is damaged or not the published file; .*{DIGEST[:8]}"
    ):
        weights.fetch(card)


def test_a_file_that_somebody_put_there_needs_no_digest(places: dict[str, Path]) -> None:
    """HEADSTART_MODELS without source.json is the person's own choice."""
    path = put(places["models"])
    assert weights.fetch(replace(CARD, sha256="0" * 64)) == path


def test_nothing_here_and_no_hub(places: dict[str, Path]) -> None:
    assert not any(path.exists() for path in places.values())
    assert weights.where(CARD) == "unreachable"
    with pytest.raises(
        weights.WeightsUnavailable, match="model toynet: its weights are not on this machine and the hub"
    ):
        weights.fetch(CARD)


# --- from the hub ---------------------------------------------------------------------------------

ASK = """
import json, sys, time
from engines import weights
from engines.contract import InputError, ModelCard, Stage
card = ModelCard("toynet", "", "", 12, 48, "", "", "", "", (Stage("1", 6, 6),), 2, hub="owner/toynet")
answer = {}
for question in sys.argv[1:]:
    began = time.monotonic()
    try:
        answer[question] = str(getattr(weights, question)(card))
    except InputError as error:
        answer[question] = f"{type(error).__name__}: {error}"
    answer[f"{question} seconds"] = time.monotonic() - began
print(json.dumps(answer))
"""


def asked(endpoint: str, home: Path, *questions: str) -> dict[str, Any]:
    """What a fresh process, whose hub is at `endpoint`, answers."""
    ours = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "NO_PROXY": "*", "no_proxy": "*"}
    environment = {**os.environ, **ours, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", ASK, *questions], env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


@pytest.fixture
def local_hub() -> Iterator[hub.Hub]:
    with hub.running() as running:
        running.files["owner/toynet/model.safetensors"] = CONTENT
        yield running


def test_a_download_is_kept(local_hub: hub.Hub, tmp_path: Path) -> None:
    answer = asked(local_hub.address, tmp_path, "where", "fetch", "find")
    assert answer["where"] == "download"
    assert Path(answer["fetch"]).read_bytes() == CONTENT
    assert answer["find"] == answer["fetch"]
    local_hub.asked.clear()
    again = asked(local_hub.address, tmp_path, "where", "fetch")
    assert (again["where"], again["fetch"]) == ("here", answer["fetch"])
    assert local_hub.asked == []


def test_a_wrong_file_from_the_hub_is_refused_and_deleted(local_hub: hub.Hub, tmp_path: Path) -> None:
    local_hub.digests["owner/toynet/model.safetensors"] = DIGEST
    local_hub.files["owner/toynet/model.safetensors"] = CONTENT[:-1] + b"!"
    answer = asked(local_hub.address, tmp_path, "fetch", "find")
    assert answer["fetch"].startswith(
        "InputError: model toynet: model.safetensors is damaged or not the published file"
    )
    assert answer["find"] == "None"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes()[-1:] == b"!"]
    local_hub.files["owner/toynet/model.safetensors"] = CONTENT
    assert Path(asked(local_hub.address, tmp_path, "fetch")["fetch"]).read_bytes() == CONTENT


def test_the_older_file_name_on_the_hub(local_hub: hub.Hub, tmp_path: Path) -> None:
    local_hub.files = {"owner/toynet/pytorch_model.bin": CONTENT}
    assert Path(asked(local_hub.address, tmp_path, "fetch")["fetch"]).name == "pytorch_model.bin"
    local_hub.files.clear()
    answer = asked(local_hub.address, tmp_path / "other", "fetch")
    assert answer["fetch"].startswith("WeightsUnavailable: model toynet: owner/toynet holds no weights; accepted: ")


@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_hub_that_gives_nothing(local_hub: hub.Hub, tmp_path: Path, status: int) -> None:
    local_hub.status = status
    answer = asked(local_hub.address, tmp_path, "fetch")
    assert answer["fetch"].startswith("WeightsUnavailable: model toynet: the hub does not give it (")


def test_a_hub_that_is_not_there_is_known_at_once(tmp_path: Path) -> None:
    with socket.socket() as closed:  # bound, so that nobody else takes the port, and never listening
        closed.bind(("127.0.0.1", 0))
        answer = asked(f"http://127.0.0.1:{closed.getsockname()[1]}", tmp_path, "where", "fetch")
    assert answer["where"] == "unreachable"
    assert "the hub cannot be reached" in answer["fetch"]
    assert answer["fetch seconds"] < 0.5


def test_a_hub_that_never_answers_is_known_within_two_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and says nothing
        answer = asked(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, "find", "where", "fetch")
    assert answer["where"] == "unreachable"
    assert 1.9 < answer["where seconds"] < 3.5  # two, and what importing takes on a busy machine
    assert answer["fetch seconds"] < 0.5  # not asked again


def test_a_connection_that_breaks_after_the_hub_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(weights, "hub_reachable", lambda: True)  # a minute ago; this process may not use the network
    with pytest.raises(weights.WeightsUnavailable, match="the hub does not give it"):
        weights.fetch(CARD)


# --- reading --------------------------------------------------------------------------------------


def test_reading(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors")
    torch.save(TENSORS, tmp_path / "a.pth")
    torch.save({"state_dict": TENSORS, "epoch": 3}, tmp_path / "b.bin")
    for name in ("a.safetensors", "a.pth", "b.bin"):
        found = weights.read(tmp_path / name)
        assert found.keys() == {"weight"}
        assert torch.equal(found["weight"], TENSORS["weight"])


def test_a_pickle_with_code_in_it_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        weights.read(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_tensors_are_paired_in_order() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    theirs = {
        f"their.{number}": tensor + 1.0
        for number, (name, tensor) in enumerate(model.state_dict().items())
        if not name.endswith("num_batches_tracked")
    }
    theirs |= {"their.num_batches_tracked": torch.tensor(5)}
    paired = backbones.paired_in_order(theirs, model)
    assert paired.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        expected = tensor if name.endswith("num_batches_tracked") else tensor + 1.0
        assert torch.equal(paired[name], expected), name
    model.load_state_dict(paired)


@pytest.mark.parametrize("change", [{"their.0": torch.zeros(3, 3)}, {"one.more": torch.zeros(1)}])
def test_tensors_that_do_not_pair_up(change: dict[str, torch.Tensor]) -> None:
    model = torch.nn.Linear(2, 3)
    theirs = {"their.0": torch.zeros(3, 2), "their.1": torch.zeros(3)}
    backbones.paired_in_order(theirs, model)
    with pytest.raises(ValueError, match="do not pair up"):
        backbones.paired_in_order(theirs | change, model)


# --- for machines without a network ---------------------------------------------------------------


def test_prefetch_makes_a_folder_that_serves_elsewhere(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(places["hub"])
    absent = replace(CARD, name="absent", hub=None, package=None)
    copied, problems = weights.prefetch([CARD, absent], tmp_path / "usb stick")
    assert copied == [tmp_path / "usb stick" / "toynet" / "model.safetensors"]
    assert [problem.where for problem in problems] == ["model absent"]
    places["hub"].unlink()
    assert weights.find(CARD) is None
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "usb stick"))
    assert weights.fetch(CARD) == copied[0]
    copied[0].write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(InputError, match="is damaged or not the published file"):
        weights.fetch(CARD)


PREFETCH = """
import sys
from pathlib import Path
from engines import weights
from engines.contract import ModelCard, Stage
card = ModelCard("owner/tiny-bert", "", "", 12, 48, "", "", "", "", (Stage("1", 6, 6),), 2, hub="owner/tiny-bert")
copied, problems = weights.prefetch([card], Path(sys.argv[1]))
print(len(copied), *problems)
"""


def test_a_text_model_of_the_hub_prefetched_works_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its configuration and its tokenizer come with it, nothing else does."""
    from engines.text.models import encoders as reading
    from engines.text.settings import TextSettings
    from engines.training.tokens import Tokens
    from tests import tiny_text

    original = tiny_text.write_bert(tmp_path / "models" / "owner")
    with hub.running() as running:
        for path in original.iterdir():
            running.files[f"owner/tiny-bert/{path.name}"] = path.read_bytes()
        running.files["owner/tiny-bert/tf_model.h5"] = b"of another library"
        told = {"HF_ENDPOINT": running.address, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
        known = {**os.environ, "NO_PROXY": "*", "no_proxy": "*", "HF_HUB_DISABLE_PROGRESS_BARS": "1", **told}
        command = [sys.executable, "-c", PREFETCH, str(tmp_path / "usb stick")]
        ran = subprocess.run(command, env=known, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout.strip()) == (0, "1"), ran.stderr
    found = {path.name for path in (tmp_path / "usb stick" / "owner" / "tiny-bert").iterdir()}
    assert found == {path.name for path in original.iterdir()} | {"source.json"}

    def answer(models: Path) -> torch.Tensor:
        monkeypatch.setenv("HEADSTART_MODELS", str(models))
        card = reading.describe("owner/tiny-bert")
        windows = reading.reader(card, TextSettings()).read(["A superb lamp."])[0].windows
        with torch.no_grad():
            network = reading.build(card, 2, pretrained=True, seed=0).eval()
            return network.run(Tokens.padded([windows]), 0, len(network.stages))

    assert torch.equal(answer(tmp_path / "usb stick"), answer(tmp_path / "models"))


@pytest.mark.weights
def test_the_pack_prefetched_is_read_like_the_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = catalogue.find("tf_efficientnet_lite0")
    assert card is not None
    example = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    from_pack = backbones.build(card, 3, pretrained=True, seed=0).eval()
    copied, problems = weights.prefetch([card], tmp_path / "models")
    assert problems == []
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    assert weights.find(card) == copied[0]
    from_folder = backbones.build(card, 3, pretrained=True, seed=0).eval()
    with torch.no_grad():
        assert torch.equal(from_pack.run(example, 0, 8), from_folder.run(example, 0, 8))
