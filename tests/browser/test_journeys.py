"""What people do, from an upload to a model they carry home, in a real browser with real training."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from engines.vision import samples
from tests.browser.conftest import PATIENCE, TRAINING, picture, press, settle, visit
from tests.pages import finished_run

pytestmark = [pytest.mark.browser, pytest.mark.weights]

Visitor = Callable[..., BrowserContext]
A_CLASS = 14  # pictures


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small zip with a folder a class, made from the best sample that this machine has; one file in it is broken."""
    name = "photographs" if samples.available("photographs") else "digits"
    folder = samples.make(name, tmp_path_factory.mktemp("sample"))
    path = tmp_path_factory.mktemp("upload") / "my photographs é.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for label in sorted(p for p in folder.iterdir() if p.is_dir())[:4]:
            for image in sorted(label.iterdir())[:A_CLASS]:
                archive.write(image, f"{label.name}/{image.name}")
        archive.writestr(f"{sorted(folder.iterdir())[0].name}/broken.png", b"")
    return path


@pytest.fixture(scope="module")
def one_photograph(photographs: Path) -> dict[str, str | bytes]:
    with zipfile.ZipFile(photographs) as archive:
        name = archive.namelist()[0]
        return {"name": "new one.png", "mimeType": "image/png", "buffer": archive.read(name)}


def bring(page: Page, archive: Path) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(archive)
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    settle(page)


def take_first(page: Page, label: str) -> None:
    """Choose a selectbox's first option by keyboard. A list closes again when the page moves below it: open it anew."""
    choice = page.get_by_role("combobox", name=label)
    deadline = time.monotonic() + 30
    while not choice.input_value():
        assert time.monotonic() < deadline, f"nothing can be chosen in {label}"
        choice.press("ArrowDown")
        if choice.get_attribute("aria-expanded") == "true":
            choice.press("Enter")


def test_upload_train_result_export_and_reload_by_link(
    visitor: Visitor, photographs: Path, one_photograph: dict[str, str | bytes], tmp_path: Path
) -> None:
    context = visitor()
    page = context.new_page()
    visit(page, "/vision?step=data&set=epochs:3&set=folds:0&set=image_size:128")
    bring(page, photographs)
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text(f"{4 * A_CLASS} photographs in 4 classes")
    expect(main).to_contain_text("1 left out, and why")
    assert page.locator("img[src^='data:image']").count() >= 4  # the gallery
    picture(page, "data")

    press(page, "Choose a model")
    expect(main).to_contain_text("EfficientNet-Lite0")
    picture(page, "model")
    press(page, "Next: how much should learn?")
    expect(main).to_contain_text("on this machine", timeout=PATIENCE)
    page.get_by_role("radio", name="Last blocks").click()
    expect(page).to_have_url(re.compile("strategy=partial"))
    settle(page)
    page.locator("svg.wide [data-block='5']").click()  # the drawing is a control too
    expect(page).to_have_url(re.compile("blocks=3"))
    settle(page)
    expect(main).to_contain_text("on this machine", timeout=PATIENCE)
    picture(page, "strategy")
    page.get_by_role("radio", name="Head only").click()
    settle(page)

    press(page, "Start training")
    page.locator(".st-key-live_run").wait_for()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    verdict_card = page.locator(".st-key-verdict")
    curves = page.locator(".st-key-live_run .js-plotly-plot").nth(1)
    curves.or_(verdict_card).first.wait_for(timeout=TRAINING)  # a head may have learnt between two looks
    picture(page, "train")
    verdict_card.wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("From scratch", timeout=TRAINING)  # the comparison goes on behind the result
    settle(page)
    expect(main).to_contain_text("95 % interval")
    page.get_by_text("Details: how it learnt").click()
    page.locator(".js-plotly-plot").nth(2).wait_for()

    page.get_by_text("Can its percentages be believed?").click()
    expect(main).to_contain_text("Its percentages were made")
    page.get_by_text("Look through all").click()
    page.get_by_role("radio", name="All", exact=True).click()
    expect(main).to_contain_text(re.compile(r"(\d+) of \1 test photographs, the least sure first"))
    settle(page)
    take_first(page, "Where did it look?")
    expect(main).to_contain_text("Orange spoke for", timeout=PATIENCE)
    page.get_by_role("radio", name="Integrated gradients").click()
    expect(main).to_contain_text("completeness error", timeout=PATIENCE)

    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Model", exact=True).click()
    saved = tmp_path / "model.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert {"model.safetensors", "config.json"} <= names

    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files([one_photograph])  # type: ignore[list-item]
    expect(main).to_contain_text("Answered in", timeout=PATIENCE)

    address = page.url
    run = re.search(r"run=([\w-]{22})", address)
    assert run
    verdict = page.locator(".st-key-verdict").inner_text()
    elsewhere = visitor().new_page()
    visit(elsewhere, f"/vision?run={run.group(1)}")
    assert elsewhere.locator(".st-key-verdict").inner_text() == verdict
    page.reload()
    settle(page)
    assert page.locator(".st-key-verdict").inner_text() == verdict

    visit(page, "/")  # this browser remembers the run; a fresh one does not
    expect(main).to_contain_text("my photographs é.zip")
    page.reload()
    expect(main).to_contain_text("my photographs é.zip")
    page.get_by_role("link", name="Open").last.click()
    page.locator(".st-key-verdict").wait_for()
    visit(elsewhere, "/runs")
    expect(elsewhere.get_by_test_id("stMain")).to_contain_text("my photographs é.zip")  # it has opened the link
    picture(elsewhere, "runs")
    stranger = visitor().new_page()
    visit(stranger, "/runs")
    expect(stranger.get_by_test_id("stMain")).to_contain_text("No runs yet")


RECORDED = {
    "vision": "recorded_photographs_0",
    "text": "recorded_films_seed_00",
    "speech": "recorded_voices_seed_0",
    "forecasting": "recorded_passengers_00",
    "control": "recorded_pendulum_late",
}


@pytest.mark.parametrize("domain", RECORDED)
def test_a_phones_first_screen_holds_the_verdict_and_where_to_try_it(visitor: Visitor, domain: str) -> None:
    """844 pixels, as the commonest phones have; the interval is there and nothing is cut off."""
    page = visitor(width=390).new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, f"/{domain}?run={RECORDED[domain]}")
    verdict = page.locator(".st-key-verdict")
    box = verdict.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 844
    assert "95 % interval" in verdict.inner_text()
    tried = page.get_by_text(re.compile("^(Try|What comes next)")).first.bounding_box()
    assert tried is not None
    assert tried["y"] + tried["height"] <= 844
    values = verdict.get_by_test_id("stMetricValue")
    assert all(values.nth(i).evaluate("e => e.scrollWidth <= e.clientWidth") for i in range(values.count()))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_click_on_a_cell_of_the_matrix_shows_its_pictures(visitor: Visitor, finished: str, width: int) -> None:
    page = visitor(width=width).new_page()
    visit(page, f"/vision?run={finished}")
    plot = page.locator(".js-plotly-plot").first
    plot.scroll_into_view_if_needed()
    for row, column, shown in ((1, 3, 1), (0, 0, 30), (3, 1, 2)):
        area = plot.locator(".nsewdrag").bounding_box()
        assert area
        x = area["x"] + area["width"] * (column + 0.5) / 4
        page.mouse.click(x, area["y"] + area["height"] * (row + 0.5) / 4)
        true, said = finished_run.CLASSES[row], finished_run.CLASSES[column]
        expect(page.locator(".st-key-cell")).to_contain_text(
            re.compile(rf"^{shown} test photographs?: true class {true}, said {said}")
        )
        settle(page)
        plot.scroll_into_view_if_needed()
    assert page.locator(".st-key-cell img").count() == 2


def test_a_run_is_cancelled_and_may_go_on(visitor: Visitor, photographs: Path) -> None:
    page = visitor().new_page()
    visit(page, "/vision?step=data&strategy=full&set=epochs:500&set=patience:500&set=baseline:none")
    bring(page, photographs)
    press(page, "Train now")
    page.get_by_role("button", name="Cancel").wait_for()
    page.locator(".st-key-live_run .js-plotly-plot").first.wait_for(timeout=TRAINING)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_test_id("stMain")).to_contain_text("What was learnt so far is kept", timeout=30_000)
    press(page, "Resume")
    page.get_by_role("button", name="Cancel").wait_for(timeout=30_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_test_id("stMain")).to_contain_text("What was learnt so far is kept", timeout=30_000)


@pytest.mark.parametrize(
    ("name", "content"),
    [("holiday.zip", b"this is a letter, not an archive"), ("empty.zip", None)],
    ids=["no zip at all", "empty zip"],
)
def test_a_bad_zip_gets_a_sentence(visitor: Visitor, name: str, content: bytes | None) -> None:
    if content is None:
        buffer = io.BytesIO()
        zipfile.ZipFile(buffer, "w").close()
        content = buffer.getvalue()
    page = visitor().new_page()
    visit(page, "/vision?step=data")
    files = [{"name": name, "mimeType": "application/zip", "buffer": content}]
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(files)  # type: ignore[arg-type]
    alert = page.get_by_test_id("stAlert")
    alert.wait_for(timeout=PATIENCE)
    expect(alert).to_contain_text(name)
    assert "Traceback" not in page.content()
    assert alert.inner_text().strip().endswith(".")
    assert "data=" not in page.url
    expect(page.get_by_role("button", name="Use this sample").first).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/story",
        "/vision",
        "/vision?step=data",
        "/vision?step=model",
        "/vision?step=strategy",
        "/runs",
        "/vision?run=nonsense",
        "/vision?run={finished}",
        "/vision?run={finished}&step=train",
    ],
)
def test_nothing_is_wider_than_a_phone(visitor: Visitor, finished: str, path: str) -> None:
    page = visitor(width=390).new_page()
    visit(page, path.format(finished=finished))
    widths = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=stMain] *')]
            // a slider's input is cut off, and a table scrolls within itself
            .filter((e) => !e.closest('svg, .js-plotly-plot, pre, input[type=range], .stDataFrameGlideDataEditor'))
            .map((e) => Math.round(e.getBoundingClientRect().right))"""
    )
    assert max(widths) <= 390
    steps = page.locator(".st-key-step_switch button")
    if steps.count():
        tops = {round(steps.nth(i).bounding_box()["y"]) for i in range(5)}  # type: ignore[index]
        assert len(tops) == 1  # five steps on one line
    if path in {"/", "/vision"}:
        picture(page, "phone-home" if path == "/" else "phone-result")


CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const ground = light(parse(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor));
  const inked = [...document.querySelectorAll('.js-plotly-plot .annotation-text, .js-plotly-plot .xtick text')];
  const plain = [...document.querySelectorAll('[data-testid=stMain] p, h1')];
  return {
    ground,
    text: Math.min(...plain.filter((e) => e.innerText.trim() && !e.closest('button'))
      .map((e) => ratio(light(parse(getComputedStyle(e).color)), ground))),
    ticks: Math.min(...inked.filter((e) => e.closest('.xtick'))
      .map((e) => ratio(light(parse(getComputedStyle(e).fill)), ground)), 99),
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_are_readable(visitor: Visitor, finished: str, scheme: str) -> None:
    page = visitor(color_scheme=scheme).new_page()
    pages = {"/": "home", "/vision": "result", f"/vision?run={finished}": "", "/runs": ""}
    pages |= {f"/{name}": name * (scheme == "light") for name in ("text", "speech", "forecasting", "control")}
    for path, name in pages.items():
        visit(page, path)
        if "run=" in path:
            page.locator(".js-plotly-plot .xtick").first.wait_for()
        found = page.evaluate(CONTRAST)
        assert (found["ground"] < 0.05) == (scheme == "dark")
        assert found["text"] >= 4.5
        assert found["ticks"] >= 3
        if name:
            picture(page, f"{name}-{scheme}")
