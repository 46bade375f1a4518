"""The warm server leaves the graphics cards to the runs."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from engines.contract import InputError
from engines.jobs.local import gpus
from engines.jobs.serving import cards, machine


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(gpus, "names", lambda: ("GPU-a", "GPU-b"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(cards, "_kept", [])
    cards.measured.cache_clear()
    return monkeypatch


@pytest.mark.usefixtures("two_cards")
def test_the_server_hides_the_cards_from_itself() -> None:
    cards.hide()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert cards.hidden()


def test_it_takes_them_where_it_is_told_to(two_cards: pytest.MonkeyPatch) -> None:
    two_cards.setenv("HEADSTART_ANSWERS_ON", "gpu")
    cards.hide()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert not cards.hidden()


def test_without_cards_nothing_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "names", tuple)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    cards.hide()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert not cards.hidden()


def test_a_card_is_measured_in_a_process_of_its_own(two_cards: pytest.MonkeyPatch) -> None:
    cards.hide()
    found = {"device": "cuda", "device_name": "NVIDIA A", "macs_per_second": 1e12, "precision": "bf16"}
    seen: list[Any] = []

    def answered(command: list[str], env: dict[str, str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append((command[1:], env["CUDA_VISIBLE_DEVICES"]))
        return subprocess.CompletedProcess(command, 0, stdout=f"a library's greeting\n{json.dumps(found)}\n")

    two_cards.setattr(subprocess, "run", answered)
    assert machine.measure() == machine.measure() == found
    assert seen == [(["-m", "engines.jobs.serving.machine"], "GPU-a,GPU-b")]


def test_a_card_that_does_not_answer_is_a_sentence(two_cards: pytest.MonkeyPatch) -> None:
    cards.hide()
    two_cards.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=""))
    with pytest.raises(InputError, match=r"^the graphics card: it does not answer"):
        cards.measured()
