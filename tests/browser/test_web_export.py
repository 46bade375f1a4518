"""The page that runs a model in the browser: it answers as `predict` does, on a narrow screen and without a network."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from safetensors.torch import save_file

from engines.contract import Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from engines.vision.classification.predict import Classifier
from engines.vision.classification.task import Classification
from tests.browser.test_accessibility import THEMES, violations
from tests.contract import odd_inputs
from tests.vision.classification.test_export import write_pictures

pytestmark = pytest.mark.browser
TASK = Classification()
SEEN = {"pad": {"test_time": "flip"}, "crop": {"test_time": "five-crop"}}
"""Each way of framing a picture, with one of looking at it more than once."""
OF_16_BITS = "deep.png"
"""Grey of which a browser keeps the upper 8 bits."""
REDUCED = ("large.jpg", "half.jpg", "quarter.jpg", "eighth.jpg")
"""JPEGs that Pillow decodes at a part of their size; a browser decodes them whole, their colours blurred a little."""
CLOSE, WHERE_REDUCED = 1e-4, 0.03
"""The largest difference of a probability. Measured: 3e-7, and 0.016 where JPEGs are reduced."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        """Says nothing."""


@dataclass
class Exported:
    """An exported page, where it is served, and the run that it comes from."""

    folder: Path
    run: RunFolder
    server: ThreadingHTTPServer

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture(scope="module", params=list(SEEN))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    place = tmp_path_factory.mktemp("web")
    (place / "models" / "test_resnet").mkdir(parents=True)
    torch.manual_seed(0)
    save_file(timm.create_model("test_resnet").state_dict(), place / "models" / "test_resnet" / "model.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(place / "models"))
        patch.setenv("HEADSTART_HOME", str(place / "home"))
        settings: dict[str, Any] = {"epochs": 2, "folds": 0, "image_size": 64, "framing": request.param}
        data = str(write_pictures(place / "data"))
        recipe = Recipe(TASK.info.name, data, "test_resnet", Strategy.FEATURES, settings=settings | SEEN[request.param])
        run = RunFolder.create(recipe, place / "run")
        assert worker.execute(run) == worker.DONE, run.state
        folder = TASK.export(run.path, "web", place / "page")
        large(odd_inputs.pictures(folder / "odd"))
        with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield Exported(folder, run, server)
            server.shutdown()


def large(folder: Path) -> None:
    """Photographs that are decoded at a half, a quarter and an eighth of their size, smooth as photographs are."""
    rng = np.random.default_rng(5)
    for name, (width, height) in {"half": (190, 171), "quarter": (401, 333), "eighth": (1203, 901)}.items():
        rough = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        rough.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{name}.jpg", quality=90)


@pytest.fixture
def page(exported: Exported, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(exported.address)
    yield page
    context.close()


def answers(page: Page, names: list[str]) -> dict[str, dict[str, Any]]:
    rows = page.evaluate(
        """async (names) => {
            const files = [];
            for (const name of names) files.push(new File([await (await fetch(`odd/${name}`)).blob()], name));
            return (await ownModel(files)).predictions;
        }""",
        names,
    )
    return {row["file"]: row for row in rows}


def test_it_answers_odd_pictures_as_predict_does(exported: Exported, page: Page) -> None:
    expected = {row["file"]: row for row in Classifier(exported.run.path).predict(exported.folder / "odd")}
    found = answers(page, sorted(expected))
    assert "no picture" in found.pop("words.png")["error"]
    far = {}
    for name, row in found.items():
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-9)
        far[name] = max(abs(row["probabilities"][c] - p) for c, p in expected[name]["probabilities"].items())
    allowed = {name: WHERE_REDUCED if name in REDUCED else CLOSE for name in far.keys() - {OF_16_BITS}}
    assert {name: far[name] for name, most in allowed.items() if far[name] > most} == {}


def test_a_phone_asks_it_and_asks_again_without_a_network(exported: Exported, page: Page) -> None:
    expect(page.locator("#about")).to_contain_text("fine-tuned with Headstart")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    for _with_network in (True, False):
        page.locator("#file").set_input_files(exported.folder / "odd" / "long.png")
        expect(page.locator("#answers strong")).to_have_count(1, timeout=60_000)
        assert page.locator(".share").count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for scheme in THEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert violations(page) == []
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("#about")).to_contain_text("fine-tuned with Headstart")
    assert {url for url in asked if not url.startswith((exported.address, "blob:", "data:"))} == set()


def test_a_page_without_its_model_says_so(exported: Exported, browser: Browser) -> None:
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.route("**/model.onnx", lambda route: route.fulfill(status=404))
    page.goto(exported.address)
    page.locator("#file").set_input_files(exported.folder / "odd" / "long.png")
    expect(page.locator("#said")).to_contain_text("model.onnx is missing beside this page", timeout=60_000)
    context.close()
