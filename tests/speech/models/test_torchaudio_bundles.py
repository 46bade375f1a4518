"""Models of torchaudio's pipelines: what they hear does not depend on whose names the weights have."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchaudio
from torchaudio.pipelines import Wav2Vec2ASRBundle

from engines import lifecycle, weights
from engines.contract import InputError, Recipe, Strategy
from engines.runs import RunFolder
from engines.speech.models import catalogue, recogniser, torchaudio_bundles
from engines.speech.models.states import EncoderStates
from engines.speech.transcription.task import Transcription
from tests.tiny_speech import tone, write_bundle, write_clips

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "torchaudio/WAV2VEC2_ASR_TINY"


@pytest.fixture(params=[False, True], ids=["base", "large"])
def tiny(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where torchaudio has it, and its file in torch's cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    bundle = write_bundle(tmp_path / "torch", large=request.param)
    monkeypatch.setattr(torchaudio.pipelines, NAME.removeprefix(torchaudio_bundles.OWNER), bundle, raising=False)
    return bundle


def test_it_hears_what_torchaudio_hears(tiny: Any) -> None:
    card = catalogue.describe(NAME)
    assert (card.head_parameters, len(card.stages), weights.where(card)) == (17 * 29, 3, "here")
    model: Any = recogniser.build(card)
    assert sum(p.numel() for p in model.network.model.parameters()) == card.parameters
    samples = tone(0.8)[:, 0]
    with torch.no_grad():
        theirs, _ = tiny.get_model()(torch.from_numpy(samples)[None])
        ours, _ = model.network(EncoderStates([model.hear(samples)], torch.empty(1, 0, dtype=torch.int64)))
    # before the large ones Transformers adds 1e-7 to the sound's variance, torchaudio 1e-5
    torch.testing.assert_close(ours, theirs, atol=5e-4 if model.extractor.do_normalize else 1e-5, rtol=0)
    _, answer = model.spell("A dog, don't!")
    assert "".join(tiny.get_labels()[i] for i in answer) == "A|DOG|DON'T"
    assert model.tokenizer.decode([0, *answer[:3], 0, *answer[2:]]) == "A DDOG DON'T"


@pytest.mark.parametrize("tiny", [False], indirect=True)
@pytest.mark.usefixtures("tiny")
def test_it_learns_and_is_taken_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_clips(tmp_path / "data", 8)
    settings = {"epochs": 3, "curve": 0, "blocks": 1, "device": "cpu"}
    run = RunFolder.create(
        Recipe("speech.transcription", str(data), NAME, Strategy.PARTIAL, settings=settings), tmp_path / "run"
    )
    lifecycle.fit(Transcription(), run.recipe, run)
    losses = [event.data["train_loss"] for event in run.events() if event.kind == "epoch"]
    assert losses[-1] < losses[0]
    saved = Transcription().load(run.path)
    assert len(saved.predict(data)) == 8
    (copied,), problems = weights.prefetch([catalogue.describe(NAME)], tmp_path / "models")
    assert not problems
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "elsewhere"))
    assert weights.where(catalogue.describe(NAME)) == "unreachable"
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    assert weights.find(catalogue.describe(NAME)) == copied
    assert recogniser.build(catalogue.describe(NAME)).width == 16


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("tiny", [False], indirect=True)
def test_what_is_no_model_of_theirs_or_does_not_fit(tmp_path: Path) -> None:
    for name in ("WAV2VEC2_BASE", "SOMETHING", "Wav2Vec2ASRBundle"):
        with pytest.raises(
            InputError, match="no such model that writes down speech; accepted: torchaudio/HUBERT_ASR_LARGE"
        ):
            catalogue.describe(torchaudio_bundles.OWNER + name)
    torch.save(
        {"aux.weight": torch.ones(32, 16), "aux.bias": torch.ones(32)}, tmp_path / "torch/hub/checkpoints/tiny_asr.pth"
    )
    with pytest.raises(InputError, match="do not make the model that torchaudio describes"):
        recogniser.build(catalogue.describe(NAME))


def test_every_bundle_has_its_architecture() -> None:
    named = [name for name, value in vars(torchaudio.pipelines).items() if type(value) is Wav2Vec2ASRBundle]
    shapes = [torchaudio_bundles.configuration(torchaudio_bundles.OWNER + name) for name in named]
    assert len(shapes) == 16
    assert {(s.hidden_size, s.num_hidden_layers) for s in shapes} == {(768, 12), (1024, 24), (1280, 48)}
    with pytest.raises(InputError, match="writes down speech"):
        torchaudio_bundles.find("torchaudio/MMS_FA")  # a subclass, made to align only


@pytest.mark.parametrize("tiny", [False], indirect=True)
def test_torch_downloads_it(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = tmp_path / "torch/hub/checkpoints" / tiny._path
    card = catalogue.describe(NAME)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(weights, "hub_reachable", lambda: True)
    assert weights.where(card) == "download"

    def refused(*_: Any, **__: Any) -> None:
        raise URLError("no such host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refused)
    with pytest.raises(weights.WeightsUnavailable, match=r"its server does not give it \(URLError\)"):
        weights.fetch(card)
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda _, to, *__, **___: shutil.copyfile(published, to))
    assert weights.fetch(card) == tmp_path / "empty/hub/checkpoints" / tiny._path
