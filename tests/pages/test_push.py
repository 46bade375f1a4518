"""Sending a model to a hub from its result: what arrives, and where the token is afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, runs, weights
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.exports import upload_hub
from tests.exports.upload_hub import TOKEN, Hub
from tests.pages import finished_run
from tests.pages.opening import opened, text
from ui.page import visitor

EXPORTED = {"model.safetensors": b"weights", "README.md": b"---\ntags: [vision]\n---\n# A model\n"}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run with a model; what the server would export is a file of a few bytes."""
    run = finished_run.write(paths.runs() / runs.new_id())
    (run.path / "model").mkdir(exist_ok=True)

    def ask(question: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        if question["verb"] != "export":
            raise client.ServerFailed("not asked here")
        assert question["format"] == "safetensors"
        assert TOKEN not in str(question)
        out = Path(question["out"])
        out.mkdir()
        for name, content in EXPORTED.items():
            (out / name).write_bytes(content)
        return {"path": str(out)}

    monkeypatch.setattr(client, "ask", ask)
    return run


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with upload_hub.within_reach(monkeypatch) as found:
        yield found


def sent(at: AppTest, to: str, token: str) -> AppTest:
    at.text_input(key="push_to").set_value(to)
    at.text_input(key="push_token").set_value(token)
    next(button for button in at.button if button.label == "Send").click()
    at.run()
    assert not at.exception
    return at


def test_it_arrives_and_the_token_is_gone(own: RunFolder, hub: Hub) -> None:
    at = sent(opened("pages/vision.py", run=own.id), "anna/leaves", TOKEN)
    assert f"It is at {hub.address}/anna/leaves." in text(at)
    assert hub.files == {f"anna/leaves/{name}": content for name, content in EXPORTED.items()}
    assert hub.repositories["anna/leaves"]["visibility"] == "private"
    assert "push_token" not in at.session_state
    kept = [path for path in paths.home().rglob("*") if path.is_file()]
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in str(at.query_params)


def test_a_wrong_token_and_a_wrong_name_are_said(own: RunFolder, hub: Hub) -> None:
    at = sent(opened("pages/vision.py", run=own.id), "anna/leaves", "hf_another")
    assert "the hub does not know this token" in text(at)
    assert "is no name of a repository" in text(sent(at, "leaves", TOKEN))
    assert hub.files == {}


def test_a_public_host_does_not_offer_it(own: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.hub_reachable() is False, "no test reaches the hub"
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setattr(visitor, "myself", lambda: "ann")
    at = opened("pages/vision.py", run=own.id)
    assert [field.key for field in at.text_input if field.key and field.key.startswith("push")] == []
