"""Whisper and CTC models in stages: what they hear does not depend on where the network was cut."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engines import weights
from engines.contract import InputError, Strategy
from engines.runs import RunFolder
from engines.speech.models import catalogue, ctc, ctranslate2, recogniser, states, whisper
from engines.speech.models.augmentation import masked, spoken_faster, variation
from engines.speech.models.states import PLAIN, Answers, EncoderStates, Spelt, Spoken, Variation, behind
from tests.tiny_speech import tone, write_ctc, write_whisper

pytestmark = pytest.mark.usefixtures("one_thread")
KINDS = ("wav2vec2", "hubert", "wavlm")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> whisper.Whisper:
    return whisper.from_folder(write_whisper(tmp_path_factory.mktemp("whisper") / "tiny"))


def sound(seconds: float = 1.0) -> np.ndarray:
    return tone(seconds)[:, 0]


def heard(model: Any, *clips: np.ndarray) -> EncoderStates:
    spelt = [torch.tensor(model.spell("a dog")[0], dtype=torch.int64) for _ in clips]
    return EncoderStates([model.hear(clip) for clip in clips], torch.stack(spelt))


# --- Whisper --------------------------------------------------------------------------------------


def test_whisper_in_stages_is_whisper(tiny: whisper.Whisper) -> None:
    batch = heard(tiny, sound(), sound(2.0))
    with torch.no_grad():
        staged = tiny.network(batch)
        whole = tiny.model(
            input_features=torch.stack(batch.states).transpose(1, 2), decoder_input_ids=batch.spelt
        ).logits
    torch.testing.assert_close(staged, whole, atol=1e-5, rtol=0)
    assert len(tiny.network.stages) == 3
    assert sum(p.numel() for p in tiny.network.head().parameters()) == sum(
        p.numel() for name, p in tiny.model.named_parameters() if ".decoder.layer" in name
    )


def test_the_boundary_changes_nothing(tiny: whisper.Whisper) -> None:
    batch = heard(tiny, sound())
    with torch.no_grad():
        whole = tiny.network(batch)
        for boundary in range(1, 4):
            torch.testing.assert_close(tiny.network(tiny.network.run(batch, 0, boundary), boundary), whole)


def test_greedy_writing_is_what_generate_writes(tiny: whisper.Whisper) -> None:
    clips = [sound(0.5), sound(1.0), sound(2.0)]
    features = torch.stack([tiny.hear(clip) for clip in clips])
    with torch.no_grad():
        states = tiny.model.model.encoder(features.transpose(1, 2)).last_hidden_state
        ours = whisper.greedy(tiny.model, states, tiny.prompt, [9, 9, 9])
        theirs = tiny.model.generate(
            features.transpose(1, 2),
            max_new_tokens=9,
            num_beams=1,
            do_sample=False,
            decoder_input_ids=torch.tensor([tiny.prompt] * 3),
        )
    end = tiny.tokenizer.eos_token_id
    for row, other in zip(ours, theirs.tolist(), strict=True):
        written = other[len(tiny.prompt) :] if other[: len(tiny.prompt)] == tiny.prompt else other
        assert row == (written[: written.index(end)] if end in written else written)


def test_it_stops_where_nobody_could_have_said_more(tiny: whisper.Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []
    ours = whisper.surely
    monkeypatch.setattr(whisper, "surely", lambda m, s, p, limits: asked.append(limits) or ours(m, s, p, [3] * 2))
    tiny.write(heard(tiny, sound(0.5), sound(0.5)), 0, [0.5, 60.0])
    assert asked == [[17, 224]]
    states = torch.zeros(2, 200, 16)
    assert all(
        len(row) <= limit for row, limit in zip(ours(tiny.model, states, tiny.prompt, [5, 2]), [5, 2], strict=True)
    )


def test_spelling(tiny: whisper.Whisper) -> None:
    reads, answers = tiny.spell("Dog.")
    assert reads[: len(tiny.prompt)] == tiny.prompt
    assert tiny.tokenizer.decode(reads[len(tiny.prompt) :]) == " Dog."
    assert len(reads) == len(answers)
    assert answers[: len(tiny.prompt) - 1] == [-100] * (len(tiny.prompt) - 1)
    assert answers[len(tiny.prompt) - 1 :] == [*reads[len(tiny.prompt) :], tiny.tokenizer.eos_token_id]
    with pytest.raises(ValueError, match="has a transcript of 301 tokens"):
        tiny.spell("a" * 300)


def test_a_saved_model_is_the_same_model(tiny: whisper.Whisper, tmp_path: Path) -> None:
    tiny.save(tmp_path / "model")
    again = recogniser.load("mine", tmp_path / "model" / "model.safetensors", tmp_path / "model")
    batch = heard(tiny, sound())
    with torch.no_grad():
        torch.testing.assert_close(again.network(batch), tiny.network(batch))
    assert again.write(batch, 0, [1.0]) == tiny.write(batch, 0, [1.0])


# --- CTranslate2 ----------------------------------------------------------------------------------


def packed(state: dict[str, torch.Tensor], layers: int) -> bytes:
    """A Whisper's state dict as CTranslate2 writes it, in half precision, to read back."""
    variables: dict[str, torch.Tensor] = {}
    for side in ("encoder", "decoder"):
        own = {n.removeprefix(f"model.{side}."): t for n, t in state.items() if n.startswith(f"model.{side}.")}
        for theirs, ours in (("position_encodings/encodings", "embed_positions.weight"), ("layer_norm", "layer_norm")):
            if theirs == "layer_norm":
                variables |= norm(f"{side}/layer_norm", own, "layer_norm")
            else:
                variables[f"{side}/{theirs}"] = own[ours]
        for conv in ("conv1", "conv2") if side == "encoder" else ():
            variables |= {f"{side}/{conv}/{end}": own[f"{conv}.{end}"] for end in ("weight", "bias")}
        for i in range(layers):
            at, layer = f"{side}/layer_{i}", f"layers.{i}"
            variables |= {
                f"{at}/ffn/linear_{k}/{end}": own[f"{layer}.fc{k + 1}.{end}"]
                for k in (0, 1)
                for end in ("weight", "bias")
            }
            variables |= norm(f"{at}/ffn/layer_norm", own, f"{layer}.final_layer_norm")
            variables |= attention(f"{at}/self_attention", own, f"{layer}.self_attn", [("q", "k", "v")])
            if side == "decoder":
                variables |= attention(f"{at}/attention", own, f"{layer}.encoder_attn", [("q",), ("k", "v")])
    variables["decoder/embeddings/weight"] = state["model.decoder.embed_tokens.weight"]
    raw = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(variables) + 1)
    raw += text("decoder/pre_norm") + struct.pack("<BBI", 0, 1, 1) + b"\1"
    for name, tensor in variables.items():
        body = tensor.numpy().astype("<f2").tobytes()
        raw += text(name) + struct.pack("<B", tensor.ndim) + struct.pack(f"<{tensor.ndim}I", *tensor.shape)
        raw += struct.pack("<BI", 4, len(body)) + body
    return raw + struct.pack("<I", 0)


def text(word: str) -> bytes:
    return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"


def norm(name: str, own: dict[str, torch.Tensor], ours: str) -> dict[str, torch.Tensor]:
    return {f"{name}/gamma": own[f"{ours}.weight"], f"{name}/beta": own[f"{ours}.bias"]}


def attention(
    name: str, own: dict[str, torch.Tensor], ours: str, groups: list[tuple[str, ...]]
) -> dict[str, torch.Tensor]:
    found = norm(f"{name}/layer_norm", own, f"{ours}_layer_norm")
    for number, group in enumerate(groups):
        found[f"{name}/linear_{number}/weight"] = torch.cat([own[f"{ours}.{p}_proj.weight"] for p in group])
        biases = [own.get(f"{ours}.{p}_proj.bias", torch.zeros(len(own[f"{ours}.{p}_proj.weight"]))) for p in group]
        found[f"{name}/linear_{number}/bias"] = torch.cat(biases)
    for end in ("weight", "bias"):
        found[f"{name}/linear_{len(groups)}/{end}"] = own[f"{ours}.out_proj.{end}"]
    return found


def test_ctranslate2_reads_back_to_the_last_tensor(tiny: whisper.Whisper, tmp_path: Path) -> None:
    state = tiny.model.state_dict()
    path = tmp_path / "model.bin"
    path.write_bytes(packed(state, 2))
    assert whisper.is_ctranslate2(path)
    found = ctranslate2.whisper(ctranslate2.read([path]))
    assert found.keys() == state.keys()
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, state[name].half().float(), atol=0, rtol=0)
    halves = [tmp_path / "one", tmp_path / "two"]
    raw = path.read_bytes()
    halves[0].write_bytes(raw[:1000]), halves[1].write_bytes(raw[1000:])
    assert ctranslate2.read(halves).keys() == ctranslate2.read([path]).keys()


@pytest.mark.parametrize("cut", [3, 30, 500])
def test_ctranslate2_cut_short(tiny: whisper.Whisper, tmp_path: Path, cut: int) -> None:
    (tmp_path / "model.bin").write_bytes(packed(tiny.model.state_dict(), 2)[:cut])
    with pytest.raises(ValueError, match=r"cut short|reshape|buffer"):
        ctranslate2.read([tmp_path / "model.bin"])


def test_a_weight_file_in_two_packages(tmp_path: Path) -> None:
    first, second = tmp_path / "w_part1" / "model.bin.part1", tmp_path / "w_part2" / "model.bin.part2"
    for path in (first, second):
        path.parent.mkdir()
        path.write_bytes(b"x")
    assert weights.parts(first) == [first, second]
    assert weights.parts(tmp_path / "a.bin") == [tmp_path / "a.bin"]
    second.unlink()
    with pytest.raises(FileNotFoundError):
        weights.parts(first)


# --- CTC ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stable", [False, True])
def test_ctc_in_stages_is_the_model(kind: str, stable: bool, tmp_path: Path) -> None:
    changes = {"do_stable_layer_norm": stable, "feat_extract_norm": "layer" if stable else "group"}
    model = ctc.from_folder(write_ctc(tmp_path / kind, kind, **changes))
    clips = [sound(0.5), sound(0.8)]
    with torch.no_grad():
        logits, lengths = model.network(heard(model, *clips))
        for i, clip in enumerate(clips):
            whole = model.model(model.hear(clip).T).logits[0]
            assert lengths[i] == len(whole) == model.frames(len(clip))
            torch.testing.assert_close(logits[i, : lengths[i]], whole, atol=1e-5, rtol=0)
        halfway = model.network.run(heard(model, *clips), 0, 2)
        torch.testing.assert_close(model.network(halfway, 2)[0], logits)


@pytest.mark.parametrize("stable", [False, True])
def test_a_card_hears_clips_of_any_length_at_once_as_one_by_one(stable: bool, tmp_path: Path) -> None:
    """Behind the convolutions, padded and masked: an answer does not depend on its neighbours."""
    model = ctc.from_folder(write_ctc(tmp_path / "wav2vec2", "wav2vec2", do_stable_layer_norm=stable))
    batch = heard(model, sound(0.5), sound(1.0), sound(0.7))
    layers = (model.model.wav2vec2.encoder.layers, model.network.stages[1:])
    with torch.no_grad():
        x = together = model.network.run(batch, 0, 1)
        for layer, stage in zip(*layers, strict=True):
            x = stage.run(x)
            run = partial(attended, layer)
            together = ctc.at_once(run, together)
        last = model.model.wav2vec2.encoder.layer_norm if stable else torch.nn.Identity()
        alone = [ctc.at_once(run, EncoderStates([state], batch.spelt)) for state in x.states]
    for own, other in zip(together.states, x.states, strict=True):
        torch.testing.assert_close(last(own), other, atol=1e-5, rtol=1e-4)
    assert [len(own.states[0]) for own in alone] == [len(state) for state in x.states]


def attended(layer: Any, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    made = layer(states, attention_mask=mask)
    return made[0] if isinstance(made, tuple) else made


def test_what_was_heard_once_is_kept_while_it_is_little(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def hear(samples: np.ndarray) -> torch.Tensor:
        made.append(len(samples))
        return torch.from_numpy(samples)[:, None]

    clips = [np.ones(n, np.float32) for n in (3, 4, 5)]
    spoken = Spoken(clips, Spelt([[]] * 3, [[1]] * 3), hear, lambda n: n, 1, "made")
    for _ in range(2):
        spoken.plain(torch.arange(3))
        spoken.varied(torch.tensor([2, 0]), torch.Generator())
    assert made == [3, 4, 5]
    assert spoken.subset(torch.tensor([1])).plain(torch.tensor([0])).states[0].shape == (4, 1)
    assert made == [3, 4, 5, 4], "a subset numbers its clips anew"
    monkeypatch.setattr(states, "HEARD_BYTES", 1)
    made.clear()
    few = Spoken(clips, spoken.spelt, hear, lambda n: n, 1, "made")
    for _ in range(2):
        few.plain(torch.arange(3))
    assert made == [3, 4, 5, 4, 5]
    faster = Variation("speed", waveform=lambda samples, _: samples[:-1])
    made.clear()
    each_time = Spoken(clips, spoken.spelt, hear, lambda n: n, 1, "made", faster)
    each_time.varied(torch.arange(3), torch.Generator())
    assert made == [2, 3, 4]
    assert (each_time.made_slowly, few.made_slowly) == (True, False)


def test_ctc_spelling_and_loss(tmp_path: Path) -> None:
    model = ctc.from_folder(write_ctc(tmp_path / "ctc", "wav2vec2"))
    _, answer = model.spell("A Dog, don't!")
    assert model.tokenizer.decode(answer, group_tokens=False) == "a dog don't"
    with pytest.raises(ValueError, match="letters that this model does not know"):
        model.spell("привет")
    logits = torch.full((1, 8, len(model.tokenizer)), -20.0)
    for place, token in enumerate([answer[0], answer[0], 0, answer[1], 0, answer[2], 0, 0]):
        logits[0, place, token] = 20.0
    asked = Answers.of(torch.tensor([[*answer[:3], -100]]))
    loss = model.loss((logits, torch.tensor([8])), asked, 0.0)
    assert float(loss) == pytest.approx(0, abs=1e-4)
    assert asked.to(torch.device("meta")).lengths.tolist() == [3], "which a card would be asked for"


def test_a_hub_model_is_described_and_built_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path))
    write_ctc(tmp_path / "someone" / "small-ctc", "hubert")
    card = catalogue.describe("someone/small-ctc")
    assert (card.family, card.head_parameters, len(card.stages)) == ("HuBERT", 17 * 32, 3)
    model = recogniser.build(card)
    assert sum(p.numel() for p in model.network.model.parameters()) == card.parameters
    write_whisper(tmp_path / "mine")
    mine = catalogue.describe("mine")
    with pytest.raises(InputError, match=r"setting language: found 'de'"):
        recogniser.build(mine, "de")
    for name, says in (("nobody/nothing", "it is not here"), ("../../etc", "this is no name of a model")):
        with pytest.raises(InputError, match=says):
            catalogue.describe(name)


def test_files_of_another_kind_of_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path))
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="it is no Whisper and no CTC model"):
        catalogue.describe("bert")
    (tmp_path / "bert" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="its files do not make a model"):
        recogniser.load("bert", tmp_path / "bert" / "model.safetensors", tmp_path / "bert")


def test_the_catalogue_says_what_the_networks_are() -> None:
    card = catalogue.find(catalogue.DEFAULT)
    assert card is not None
    assert (card.parameters, card.head_parameters, len(card.stages)) == (37_760_256, 9_464_064, 5)
    assert card.trainable(Strategy.PARTIAL, 2, 0) == 3_548_928
    assert card.trainable(Strategy.FULL, 2, 0) == 535_296 + 4 * 1_774_080 + 768 + 9_464_064


# --- behind the boundary --------------------------------------------------------------------------


def empty_run(path: Path) -> RunFolder:
    run = RunFolder(path)
    run.write("recipe.json", "{}")
    return run


def spoken(model: Any, vary: Any = PLAIN) -> Spoken:
    clips = [sound(0.4 + 0.1 * i) for i in range(3)]
    spelt = [model.spell(word) for word in ("a", "dog", "ran home")]
    both = Spelt([reads for reads, _ in spelt], [answers for _, answers in spelt])
    return Spoken(clips, both, model.hear, model.frames, model.width, "tones", vary)


@pytest.mark.parametrize("kind", ["whisper", "wavlm"])
def test_what_is_cached_is_what_the_frozen_part_gives(kind: str, tiny: whisper.Whisper, tmp_path: Path) -> None:
    model: Any = tiny if kind == "whisper" else ctc.from_folder(write_ctc(tmp_path / "m", kind))
    run, examples = empty_run(tmp_path), spoken(model)
    model.network.boundary = 2
    device = torch.device("cpu")
    cached = behind(model.network, examples, weights=kind, views=1, run=run, device=device, unit="clips")
    assert len(cached) == 3
    for i in range(3):
        expected = model.network.run(examples.plain(torch.tensor([i])), 0, 2).states[0]
        torch.testing.assert_close(cached.plain(torch.tensor([i])).states[0], expected, atol=1e-5, rtol=0)
    indices = torch.tensor([2, 0])
    assert torch.equal(cached.targets(indices).ids, examples.targets(indices).ids)
    assert cached.weight(indices) == examples.weight(indices) > 0
    events = len(run.events())
    again = behind(model.network, examples, weights=kind, views=1, run=run, device=device, unit="clips")
    assert torch.equal(again.states, cached.states)
    (said,) = [event.data["title"] for event in run.events()[events:]]
    assert said.endswith("known from an earlier run")


def test_variants_of_a_clip_are_kept_beside_it(tiny: whisper.Whisper, tmp_path: Path) -> None:
    tiny.network.boundary = 1
    vary = variation("both", spectrogram=True, keeps_length=True)
    run = empty_run(tmp_path)
    cached = behind(
        tiny.network, spoken(tiny, vary), weights="w", views=3, run=run, device=torch.device("cpu"), unit="clips"
    )
    assert len(cached.starts) == 10
    drawn = [cached.varied(torch.tensor([1]), torch.Generator().manual_seed(s)).states[0] for s in range(12)]
    known = [cached.state(1), cached.state(4), cached.state(7)]
    assert all(any(torch.equal(one, other) for other in known) for one in drawn)
    assert not all(torch.equal(one, known[0]) for one in drawn)


def test_augmentation_is_drawn_from_its_generator() -> None:
    mel, clip = torch.rand(100, 16), sound()
    for vary in (lambda g: masked(mel, g), lambda g: torch.from_numpy(spoken_faster(clip, g))):
        first, again = (vary(torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(first, again)
    hidden = masked(mel, torch.Generator().manual_seed(1))
    assert 0 < (hidden != mel).float().mean() < 0.6
    lengths = {len(spoken_faster(clip, torch.Generator().manual_seed(s))) for s in range(12)}
    assert {round(n / len(clip), 1) for n in lengths} == {0.9, 1.0, 1.1}


def test_a_ctc_model_is_not_said_faster_behind_a_boundary() -> None:
    assert variation("both", spectrogram=False, keeps_length=True).name == ""
    assert variation("both", spectrogram=False, keeps_length=False).name == "speed"
    assert variation("mask", spectrogram=True, keeps_length=True).name == "mask"
