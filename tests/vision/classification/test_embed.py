"""What single pictures look like to the default network, and when it is worth having it written for ONNX Runtime."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines import registry
from engines.training import frozen_onnx
from engines.vision.classification import embed
from tests.contract.tiny import TINY

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> embed.Pictures:
    TINY["vision.classification"].write_weights(tmp_path)
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path))
    return embed.Pictures(registry.task("vision.classification").describe("test_resnet"))


def picture(shade: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((30, 40, 3), shade, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_what_cannot_be_seen_is_said_in_its_place(looks: embed.Pictures) -> None:
    good, black, broken, other = looks.embed([picture(200), picture(3), b"\x89PNG", picture(90)])
    assert isinstance(good, np.ndarray)
    assert (good.dtype, good.ndim) == (np.float32, 1)
    assert black == "is black: is the lens covered, or the light off?"
    assert isinstance(broken, str)
    assert isinstance(other, np.ndarray)
    assert not np.array_equal(good, other)


def test_only_who_asks_for_one_after_another_has_it_written(
    looks: embed.Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    monkeypatch.setattr(frozen_onnx.Later, "begin", lambda _: begun.append(looks.alone))
    for _ in range(3):
        looks.embed([picture(shade) for shade in range(60, 60 + embed.MANY)])
    assert begun == [], "a set that is looked through would be done before"
    for shade in range(60, 60 + 2 * embed.MANY):
        looks.embed([picture(shade)])
    assert begun == [embed.MANY]
