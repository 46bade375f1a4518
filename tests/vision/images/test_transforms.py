"""From a picture to a network's input: the same pixels as Pillow's, the frame, and the exact numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from engines.vision.classification import script_template
from engines.vision.images.transforms import InputFormat, edge_colour, shrunk


def format(framing: str = "pad") -> InputFormat:
    return InputFormat(56, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), framing)


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_a_photograph_is_shrunk_as_by_pillow() -> None:
    image = Image.fromarray(load_sample_image("china.jpg"))
    ours = shrunk(torch.from_numpy(np.array(image)).permute(2, 0, 1), 64, 96)
    theirs = np.asarray(image.resize((96, 64), Image.Resampling.BICUBIC))
    assert (ours.shape, ours.dtype) == ((64, 96, 3), np.uint8)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (64, 64), (40, 30), (200, 150)])
@pytest.mark.parametrize("framing", ["pad", "crop"])
def test_any_picture_becomes_a_square_and_the_script_makes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], framing: str
) -> None:
    noise(*size).save(tmp_path / "a.png")
    square = format(framing).read(tmp_path / "a.png")
    assert (square.shape, square.dtype) == ((64, 64, 3), np.uint8)
    monkeypatch.setattr(script_template, "RUN", {"stored": 64, "framing": framing, "not_only_jpeg": True, "npz": False})
    assert np.array_equal(script_template.square(tmp_path / "a.png"), square)


def test_the_frame_has_the_colour_of_the_edge() -> None:
    image = Image.new("RGB", (100, 50), (200, 100, 50))
    image.paste((0, 0, 0), (10, 10, 90, 40))
    assert edge_colour(torch.from_numpy(np.array(image)).permute(2, 0, 1)).tolist() == [200, 100, 50]
    square = format().square(image)
    assert square[:16].reshape(-1, 3).tolist() == [[200, 100, 50]] * (16 * 64)
    assert square[32, 32].tolist() == [0, 0, 0]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_an_input_is_normalised_channel_by_channel(layout: torch.memory_format) -> None:
    pixels = torch.from_numpy(np.array(noise(5, 4))).permute(2, 0, 1)[None].contiguous(memory_format=layout)
    inputs = format().normalise(pixels)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (format().mean, format().std))
    assert torch.equal(inputs, (pixels.float() / 255 - mean) / std)
    assert inputs.is_contiguous(memory_format=torch.channels_last)
