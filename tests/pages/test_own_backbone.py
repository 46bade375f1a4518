"""A checkpoint of one's own on the Model step: what matched is shown, what is none is a sentence, nothing stays."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st
import timm
import torch
from safetensors.torch import save

from engines import paths
from engines.jobs.serving import client, handlers
from tests.pages.opening import File, opened, text

PAGE = "pages/vision.py"


@pytest.fixture(autouse=True)
def answered_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The warm server's own answers, without another process."""

    def ask(question: dict[str, Any], *_more: Any) -> dict[str, Any]:
        if question["verb"] in {"bring", "describe"}:
            return handlers.answer(question, handlers.LoadedModels(), lambda *_: None)
        return {"macs_per_second": 1e10, "device_name": "a test"}

    monkeypatch.setattr(client, "ask", ask)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the field for the file holds."""
    files: list[Any] = []
    real = st.file_uploader
    monkeypatch.setattr(
        st, "file_uploader", lambda *a, **k: files[0] if k.get("key") == "own_backbone_file" else real(*a, **k)
    )
    return files


def whole() -> bytes:
    torch.manual_seed(1)
    return save(dict(timm.create_model("test_resnet").state_dict()))


def taken(file: File, given: list[Any], architecture: str = "test_resnet") -> Any:
    given.append(file)
    at = opened(PAGE, step="model")
    at.text_input(key="own_backbone_name").set_value(architecture).run()
    return at.button(key="own_backbone_take").click().run()


def left() -> list[str]:
    return [path.name for path in paths.uploads().glob("backbone-*")]


def test_what_matched_is_shown_and_it_is_chosen(given: list[Any]) -> None:
    at = taken(File("mine.safetensors", whole()), given)
    assert not at.exception
    page = text(at)
    assert "tensors fit test" in page.replace("\\", "")
    assert "Its last layer" in page
    assert "".join(at.query_params["model"]).startswith("test_resnet@")
    assert left() == []


def huge_header() -> bytes:
    return (4 << 30).to_bytes(8, "little") + whole()[8:]


@pytest.mark.parametrize(
    ("content", "architecture", "sentence"),
    [
        (huge_header(), "test_resnet", "it is damaged, or no safetensors file"),
        (b"PK\3\4 no tensors", "test_resnet", "it is damaged, or no safetensors file"),
        (whole(), "resnet18", "it does not hold resnet18"),
        (whole(), "", "nothing says which architecture it is of"),
        (whole(), "nonesuch", "timm has no model of that name"),
    ],
)
def test_what_is_none_is_a_sentence(given: list[Any], content: bytes, architecture: str, sentence: str) -> None:
    at = taken(File("mine.safetensors", content), given, architecture)
    assert not at.exception
    assert any(sentence in warning.value.replace("\\", "") for warning in at.warning)
    assert left() == []
