"""ELMo against the authors' own program, and against the paper's equations written out one step at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.cards.waits import Waits
from engines.contract import InputError
from engines.text.models.elmo import Elmo, ElmoForSequenceClassification, ElmoSizes
from engines.text.models.elmo_input import characters, with_boundaries, word_ids, words
from engines.text.models.elmo_release import SMALL, build, from_release, options_of, sizes_from
from engines.text.models.encoders import elmo_stages, staged_elmo
from engines.text.models.tokenising import WordReader
from engines.training.tokens import Tokens

RELEASE = Path(__file__).parent / "elmo_release"
TINY = ElmoSizes(
    character_dim=3,
    filters=((1, 4), (3, 5)),
    highways=1,
    activation="tanh",
    cells=6,
    projection=4,
    cell_clip=0.5,
    projection_clip=0.4,
)
TEXTS = [["A", "gripping", "tale", "!"], ["Dull"], []]

pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(seed: int = 0, **changed: Any) -> Elmo:
    torch.manual_seed(seed)
    return Elmo(replace(TINY, **changed)).eval()


def test_what_is_known_of_the_words_beforehand_changes_no_number_and_nothing_is_asked() -> None:
    network = staged_elmo(ElmoForSequenceClassification(tiny(), 2))
    reader = WordReader(8, 2)
    windows = [one.windows for one in reader.read(["A gripping tale!", "Dull", "so dull " * 6])]
    network.eval()
    expected = network(Tokens.padded(windows))
    batch = reader.batch(windows)
    with Waits() as waits:
        found = network(batch)
        found.sum().backward()
    assert torch.equal(found, expected)
    assert waits.count == 0


# --- the original release -------------------------------------------------------------------------


def test_gives_the_numbers_of_the_authors_tensorflow_program() -> None:
    elmo = from_release(RELEASE / "options.json", RELEASE / "weights.hdf5").eval()
    sentences = json.loads((RELEASE / "sentences.json").read_text(encoding="utf-8"))
    expected = np.load(RELEASE / "expected.npz")
    with torch.no_grad():
        layers, mask = elmo.layers(characters(sentences))
    assert mask.sum(1).tolist() == [50, 16, 53]
    for row in range(3):
        forward_and_backward = np.concatenate(expected[f"layers_{row}"], -1)  # (T, 2P): the last LSTM layer
        ours = layers[row, : len(forward_and_backward), 2].numpy()
        np.testing.assert_allclose(ours, forward_and_backward, atol=2e-6)


def written_release(folder: Path, sizes: ElmoSizes, seed: int) -> tuple[Path, Path, dict[str, np.ndarray]]:
    """Files in the release's format with random weights, large enough for the clipping to bind."""
    draw = np.random.default_rng(seed)
    n, p, c = sum(number for _, number in sizes.filters), sizes.projection, sizes.cells
    shapes: dict[str, tuple[int, ...]] = {"char_embed": (261, sizes.character_dim)}
    for i, (width, number) in enumerate(sizes.filters):
        shapes |= {f"CNN/W_cnn_{i}": (1, width, sizes.character_dim, number), f"CNN/b_cnn_{i}": (number,)}
    for i in range(sizes.highways):
        shapes |= {f"CNN_high_{i}/W_{name}": (n, n) for name in ("carry", "transform")}
        shapes |= {f"CNN_high_{i}/b_{name}": (n,) for name in ("carry", "transform")}
    shapes |= {"CNN_proj/W_proj": (n, p), "CNN_proj/b_proj": (p,)}
    for direction in range(2):
        for layer in range(sizes.layers):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            shapes |= {f"{cell}/W_0": (2 * p, 4 * c), f"{cell}/B": (4 * c,), f"{cell}/W_P_0": (c, p)}
    arrays = {name: draw.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    options, weights = folder / "options.json", folder / "weights.hdf5"
    options.write_text(json.dumps(options_of(sizes)), encoding="utf-8")
    with h5py.File(weights, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return options, weights, arrays


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def by_the_book(text: list[str], sizes: ElmoSizes, w: dict[str, np.ndarray]) -> np.ndarray:
    """Layers (3, T, 2P) of one text: Peters et al. 2018 and bilm-tf, one word, one character, one step at a time."""
    sentence = [[258, 256, 259], *([258, *word.encode(), 259] for word in text), [258, 257, 259]]
    spelled = np.stack([spell([*ids, *[260] * (50 - len(ids))], sizes, w) for ids in sentence])
    layers = [np.concatenate([spelled, spelled], -1)]
    below = [spelled, spelled[::-1]]
    for layer in range(sizes.layers):
        outputs = []
        for direction in range(2):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            h, memory, steps = np.zeros(sizes.projection), np.zeros(sizes.cells), []
            for x in below[direction]:
                i, new, f, o = np.split(np.concatenate([x, h]) @ w[f"{cell}/W_0"] + w[f"{cell}/B"], 4)
                memory = sigmoid(f + 1) * memory + sigmoid(i) * np.tanh(new)
                memory = np.clip(memory, -sizes.cell_clip, sizes.cell_clip) if sizes.cell_clip else memory
                h = (sigmoid(o) * np.tanh(memory)) @ w[f"{cell}/W_P_0"]
                h = np.clip(h, -sizes.projection_clip, sizes.projection_clip) if sizes.projection_clip else h
                steps.append(h + x if layer and sizes.skip else h)
            outputs.append(np.stack(steps))
        below = outputs
        layers.append(np.concatenate([outputs[0], outputs[1][::-1]], -1))
    return np.stack(layers)[:, 1:-1]


def spell(ids: list[int], sizes: ElmoSizes, w: dict[str, np.ndarray]) -> np.ndarray:
    letters = w["char_embed"][ids]  # (50, character_dim)
    found: list[float] = []
    for i, (width, number) in enumerate(sizes.filters):
        kernel, bias = w[f"CNN/W_cnn_{i}"][0], w[f"CNN/b_cnn_{i}"]
        for k in range(number):
            windows = [(letters[at : at + width] * kernel[:, :, k]).sum() + bias[k] for at in range(51 - width)]
            found.append(np.tanh(max(windows)) if sizes.activation == "tanh" else max(0.0, *windows))
    x = np.array(found)
    for i in range(sizes.highways):
        carry = sigmoid(x @ w[f"CNN_high_{i}/W_carry"] + w[f"CNN_high_{i}/b_carry"])
        transformed = np.maximum(0, x @ w[f"CNN_high_{i}/W_transform"] + w[f"CNN_high_{i}/b_transform"])
        x = carry * transformed + (1 - carry) * x
    return x @ w["CNN_proj/W_proj"] + w["CNN_proj/b_proj"]


@pytest.mark.parametrize(
    "changed",
    [{}, {"activation": "relu", "highways": 2}, {"cell_clip": None, "projection_clip": None}, {"skip": False}],
    ids=["clipped", "relu, two highways", "free", "no skip"],
)
def test_reads_the_release_and_follows_the_equations(tmp_path: Path, changed: dict[str, Any]) -> None:
    sizes = replace(TINY, **changed)
    options, weights, arrays = written_release(tmp_path, sizes, seed=1)
    elmo = from_release(options, weights).eval()
    with torch.no_grad():
        layers, mask = elmo.layers(characters(TEXTS))  # padded: 4 words, 1 word, none
    for row, text in enumerate(TEXTS):
        assert mask[row].tolist() == [True] * len(text) + [False] * (4 - len(text))
        expected = by_the_book(text, sizes, arrays)  # (3, T, 2P)
        np.testing.assert_allclose(layers[row, : len(text)].transpose(0, 1), expected, atol=1e-5, rtol=1e-5)
        assert layers[row, len(text) :].abs().sum() == 0


def test_clipping_binds_on_the_weights_above(tmp_path: Path) -> None:
    options, weights, _ = written_release(tmp_path, TINY, seed=1)
    clipped = from_release(options, weights).layers(characters(TEXTS))[0]
    for free in (replace(TINY, cell_clip=None), replace(TINY, projection_clip=None)):
        options.write_text(json.dumps(options_of(free)), encoding="utf-8")
        assert (from_release(options, weights).layers(characters(TEXTS))[0] - clipped).abs().max() > 0.05


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("CNN/W_cnn_1", None, "weights.hdf5: CNN/W_cnn_1 is missing"),
        ("CNN", None, "CNN/W_cnn_0 is missing"),
        ("char_embed", np.zeros((261, 9), "float32"), r"char_embed has the shape \(261, 9\).*\(261, 3\)"),
        ("RNN_1/RNN/MultiRNNCell/Cell1/LSTMCell/W_P_0", np.zeros(4), r"W_P_0 has the shape \(4,\).*\(6, 4\)"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, name: str, array: Any, said: str) -> None:
    options, weights, _ = written_release(tmp_path, TINY, seed=0)
    with h5py.File(weights, "a") as file:
        del file[name]
        if array is not None:
            file[name] = array
    with pytest.raises(InputError, match=said):
        from_release(options, weights)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "describes no ELMo"),
        ('{"lstm": {}}', "char_cnn is missing"),
        (json.dumps(options_of(replace(TINY, activation="gelu"))), "activation is unknown"),
        (json.dumps(options_of(replace(TINY, cells=0))), "a size is below 1"),
        (json.dumps(options_of(replace(TINY, filters=((99, 2),)))), "wider than a word"),
    ],
)
def test_options_that_are_none_are_refused(tmp_path: Path, text: str, said: str) -> None:
    options, weights, _ = written_release(tmp_path, TINY, seed=0)
    options.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        from_release(options, weights)


def test_a_weight_file_that_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    options, weights, _ = written_release(tmp_path, TINY, seed=0)
    weights.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(InputError, match=r"weights.hdf5: it cannot be read as HDF5"):
        from_release(options, weights)


def test_options_go_out_as_they_came_in() -> None:
    told = json.loads((RELEASE / "options.json").read_text(encoding="utf-8"))
    assert options_of(sizes_from(told)) == told


# --- what goes in ---------------------------------------------------------------------------------


def test_a_word_is_its_bytes_between_marks() -> None:
    assert word_ids("né") == [259, 111, 196, 170, 260] + [261] * 45  # every id one up: 0 is for padding
    assert word_ids("x" * 60) == [259] + [121] * 48 + [260]


def test_texts_are_padded_and_the_sentence_gets_its_ends() -> None:
    ids = characters([["a", "b"], []])
    assert ids.shape == (2, 2, 50)
    assert ids[1].sum() == 0
    bounded, mask = with_boundaries(ids)
    begin, end = [259, 257, 260], [259, 258, 260]
    assert bounded[:, :, :3].tolist() == [
        [begin, [259, 98, 260], [259, 99, 260], end],
        [begin, end, [0, 0, 0], [0, 0, 0]],
    ]
    assert mask.tolist() == [[True] * 4, [True, True, False, False]]


def test_words_are_cut_as_elmos_training_text_was() -> None:
    text = "I don't think it’s U.S.-made: 3,708 well-made films at 10:30pm; 3D :-) <3 wow!!! A:Die (…)"
    found = "I do n't think it ’s U.S. - made : 3,708 well-made films at 10:30 pm ; 3D :-) <3 wow !!! A : Die ( … )"
    assert " ".join(words(text)) == found


@given(st.text(max_size=60) | st.text("don't .:-)3,ß한👍\u200d", max_size=60))
def test_no_letter_of_a_text_is_lost(text: str) -> None:
    found = words(text)
    assert "".join(found) == "".join(c for word in text.split() for c in word)
    assert characters([found]).shape == (1, len(found), 50)


# --- the network ----------------------------------------------------------------------------------


def test_a_text_is_read_the_same_alone_and_beside_longer_ones() -> None:
    elmo = tiny()
    with torch.no_grad():
        together, _ = elmo(characters([["so", "n" * 48], ["no", "way", "out", "of", "here"]]))
        alone, _ = elmo(characters([["so", "n" * 48]]))
        other, _ = elmo(characters([["no", "way", "out", "of", "here"]]))  # without the long word: cropped
    torch.testing.assert_close(together[0, :2], alone[0])
    torch.testing.assert_close(together[1], other[0])


def test_forward_layers_do_not_see_what_follows() -> None:
    elmo = tiny()
    with torch.no_grad():
        one, _ = elmo.layers(characters([["the", "film", "is", "good"]]))
        two, _ = elmo.layers(characters([["the", "film", "is", "bad"]]))
    differs = (one - two)[0, :3, 1:].abs()  # (3 words, both LSTM layers, 2P)
    assert differs[..., :4].max() < 1e-6  # forward half
    assert differs[..., 4:].max(-1).values.min() > 1e-4  # backward half


def test_the_mix_weighs_layers_by_softmax_and_scales() -> None:
    elmo = tiny()
    elmo.mix.w.data = torch.tensor([1.0, 0.0, 2.0]).log().clamp(min=-1e9)
    elmo.mix.gamma.data = torch.tensor(3.0)
    ids = characters(TEXTS)
    layers, _ = elmo.layers(ids)
    torch.testing.assert_close(elmo(ids)[0], layers[:, :, 0] + 2 * layers[:, :, 2])  # 3 · (⅓, 0, ⅔)


def test_stages_add_up_to_the_mean_word_and_can_be_cut_anywhere() -> None:
    elmo = tiny()
    elmo.mix.w.data = torch.tensor([0.3, -1.0, 0.5])
    ids = characters(TEXTS)
    vectors, mask = elmo(ids)
    stages = elmo_stages(elmo)
    assert [stage.name for stage in stages] == ["characters", "LSTM 1", "LSTM 2", "mix"]
    x: Tensor = ids
    shapes = []
    for stage in stages:
        x = stage.run(x.clone())
        shapes.append(tuple(x.shape))
    assert shapes == [(3, 6, 5), (3, 6, 13), (3, 3, 8), (3, 8)]
    torch.testing.assert_close(x[:2], torch.stack([vectors[0].mean(0), vectors[1, 0]]))
    assert x[2].abs().sum() == 0  # a text without words
    assert mask.sum() == 5


def test_every_parameter_has_one_stage_and_learns() -> None:
    elmo = tiny()
    owned = [parameter for stage in elmo_stages(elmo) for parameter in stage.parameters()]
    assert len(owned) == len(set(map(id, owned))) == len(list(elmo.parameters()))
    x: Tensor = characters([["one", "two"], ["three"]])
    for stage in elmo_stages(elmo):
        x = stage.run(x)
    x.square().sum().backward()
    still = [name for name, p in elmo.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert still == []
    assert elmo.characters.embedding.weight.grad is not None
    assert elmo.characters.embedding.weight.grad[0].abs().sum() == 0


def test_half_precision_gives_about_the_same() -> None:
    elmo = tiny(cell_clip=3.0, projection_clip=3.0)
    with torch.no_grad():
        whole, _ = elmo(characters(TEXTS))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half, _ = elmo(characters(TEXTS))
    assert (whole - half).abs().max() < 0.02 * whole.abs().max()


# --- the small one carried here -------------------------------------------------------------------


def test_the_small_elmo_is_small_and_random_weights_come_from_the_seed() -> None:
    assert sum(file.stat().st_size for file in SMALL.iterdir()) < 15e6
    pretrained, again = build(pretrained=True, seed=0), build(pretrained=True, seed=1)
    random, same, other = (build(pretrained=False, seed=seed) for seed in (0, 0, 1))
    for (name, a), b, c, d, e in zip(
        pretrained.named_parameters(),
        again.parameters(),
        random.parameters(),
        same.parameters(),
        other.parameters(),
        strict=True,
    ):
        assert torch.equal(a, b), name
        assert torch.equal(c, d), name
        if c.ndim > 1:
            assert not torch.equal(c, e), name
            assert not torch.equal(a, c), name


@pytest.mark.parametrize(
    ("word", "alike", "spelled_alike"),
    [("movie", "film", "move"), ("good", "great", "goods"), ("he", "she", "hex"), ("was", "is", "wasp")],
)
def test_the_small_elmo_has_learnt_which_words_are_used_alike(word: str, alike: str, spelled_alike: str) -> None:
    """Random weights know spelling only."""
    ids = characters([["The", word, "."], ["The", alike, "."], ["The", spelled_alike, "."]])
    similarity = torch.nn.functional.cosine_similarity
    with torch.no_grad():
        learnt, random = (build(pretrained=p).eval().layers(ids)[0][:, 1, 2] for p in (True, False))  # last LSTM
    assert similarity(learnt[0], learnt[1], dim=0) > similarity(learnt[0], learnt[2], dim=0) + 0.2
    assert similarity(random[0], random[1], dim=0) < similarity(random[0], random[2], dim=0) + 0.02
