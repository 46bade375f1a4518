"""A first detector from boxes that a person draws: by mouse and by key, trained on, and asked about other pictures."""

from __future__ import annotations

import io
import os
import re
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, PATIENCE, TRAINING, settle, visit
from tests.browser.test_accessibility import THEMES, Visitor, put_on, violations

WIDTH, HEIGHT = 320, 240
DRAWN_ON, OTHERS = 10, 2
WITHIN = 180
"""Seconds of machine time, from the button that trains to a proposal: of the clock, less what others took."""
Sides = tuple[int, int, int, int]


def picture(number: int) -> tuple[bytes, list[Sides]]:
    """A red disc and a blue one on noise, and where they are."""
    rng = np.random.default_rng(number)
    image = Image.fromarray(rng.integers(90, 160, (HEIGHT, WIDTH, 3), np.uint8))
    pen, boxes = ImageDraw.Draw(image), []
    for half, colour in ((0, "#d01010"), (1, "#1030d0")):
        side = int(rng.integers(60, 100))
        x = half * WIDTH // 2 + int(rng.integers(5, WIDTH // 2 - side - 5))
        y = int(rng.integers(5, HEIGHT - side - 5))
        pen.ellipse((x, y, x + side, y + side), fill=colour, outline="white", width=4)
        boxes.append((x, y, x + side, y + side))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue(), boxes


def begin(page: Page, n: int) -> None:
    page.goto("/showing")
    page.get_by_role("button", name="Draw boxes").click()
    files = [{"name": f"{i:02d}.png", "mimeType": "image/png", "buffer": picture(i)[0]} for i in range(n)]
    page.locator("input[type=file]").set_input_files(files)  # type: ignore[arg-type]
    page.get_by_text(f"{n - 1:02d}.png").first.wait_for()
    page.get_by_role("button", name="Add them").click()
    page.get_by_text(f"Picture 1 of {n}: 00.png").wait_for()


def sheet(page: Page) -> Locator:
    return page.locator(".sheet svg")


def drag(page: Page, sides: Sides) -> None:
    place = sheet(page).bounding_box()
    assert place is not None
    scale = place["width"] / WIDTH
    x0, y0, x1, y1 = (side * scale for side in sides)
    page.mouse.move(place["x"] + x0, place["y"] + y0)
    page.mouse.down()
    page.mouse.move(place["x"] + (x0 + x1) / 2, place["y"] + y1)
    page.mouse.move(place["x"] + x1, place["y"] + y1)
    page.mouse.up()


def drawn(page: Page) -> list[tuple[float, ...]]:
    """Left, top, width and height of the boxes on the sheet."""
    read = "(all) => all.map((r) => ['x', 'y', 'width', 'height'].map((name) => Number(r.getAttribute(name))))"
    return [tuple(row) for row in sheet(page).locator("rect").evaluate_all(read)]


@pytest.mark.browser
def test_boxes_are_drawn_by_mouse_and_key_and_survive_a_reload(visitor: Visitor) -> None:
    page = visitor().new_page()
    page.set_viewport_size({"width": 1280, "height": 1300})
    page.set_default_timeout(PATIENCE)
    begin(page, 2)
    page.get_by_text("No boxes yet: drag over an object").wait_for()
    drag(page, (40, 30, 140, 130))
    page.get_by_text("1 box so far.").wait_for()
    [(x, y, width, height)] = drawn(page)
    assert np.abs(np.array([x, y, width, height]) - [40, 30, 100, 100]).max() < 1.5
    sheet(page).press("ArrowRight")
    expect(sheet(page).locator("rect")).to_have_count(1)
    assert drawn(page)[0][0] == pytest.approx(x + 0.01 * WIDTH, abs=0.1)
    sheet(page).press("Shift+ArrowDown")
    assert drawn(page)[0][3] == pytest.approx(height + 0.01 * HEIGHT, abs=0.1)
    sheet(page).press("Escape")
    sheet(page).press("n")
    page.get_by_text("2 boxes so far.").wait_for()
    page.get_by_role("button", name="Class 1: from 40 % to 60 % across, 40 % to 60 % down", exact=True).wait_for()
    page.reload()
    page.get_by_role("button", name="Previous").click()
    page.get_by_text("2 boxes so far.").wait_for()
    page.get_by_role("button", name="Class 1: from 40 % to 60 % across, 40 % to 60 % down", exact=True).click()
    sheet(page).press("Delete")
    page.get_by_text("1 box so far.").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("2 boxes so far.").wait_for()
    found = []
    for width_ in (1280, 390):
        page.set_viewport_size({"width": width_, "height": 900})
        for scheme in THEMES:
            put_on(page, scheme)
            settle(page)
            found += violations(page)
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.browser
@pytest.mark.weights
def test_a_first_detector_from_own_boxes(visitor: Visitor) -> None:
    """Twenty boxes on ten pictures; it learns, and then proposes boxes on a picture that it never saw."""
    page = visitor().new_page()
    page.set_viewport_size({"width": 1280, "height": 1300})
    page.set_default_timeout(PATIENCE)
    begin(page, DRAWN_ON + OTHERS)
    for number in range(DRAWN_ON):
        page.locator(f'.sheet svg[aria-label^="{number:02d}.png"]').wait_for()
        expect(sheet(page)).to_have_count(1)  # the one before is gone
        for place, sides in enumerate(picture(number)[1], 1):
            drag(page, sides)
            page.get_by_text(re.compile(rf"^{2 * number + place} box(es)? so far\.")).wait_for()
        page.get_by_role("button", name="Next").click()
    address = page.url
    page.get_by_role("button", name="Train it").click()
    page.wait_for_url("**/vision?**")
    page.get_by_text(re.compile("10 pictures in 1 class")).wait_for()
    began = time.monotonic()
    page.get_by_role("button", name="Train now").click()
    page.get_by_text("What it found on the test pictures").wait_for(timeout=TRAINING)
    page.goto(address)
    page.get_by_text("Let a trained detector propose boxes").wait_for()
    page.get_by_text(f"Picture {DRAWN_ON + 1} of {DRAWN_ON + OTHERS}").wait_for()
    page.get_by_role("button", name="Propose").click()
    page.get_by_text(re.compile(r"^\d+ box(es)? (is|are) proposed")).wait_for()
    took = time.monotonic() - began
    proposed = drawn(page)
    print(f"trained and asked in {took:.0f} s: {proposed}")
    truth = picture(DRAWN_ON)[1]
    hits = [any(_overlap(sides, box) > 0.5 for box in proposed) for sides in truth]
    assert any(hits), (truth, proposed)
    page.get_by_role("button", name="Accept all").click()
    page.get_by_text(re.compile(rf"^{2 * DRAWN_ON + len(proposed)} boxes so far")).wait_for()
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert took / crowd <= WITHIN, f"{took:.0f} s on a machine that {crowd:.1f} times as many waited for"


@pytest.mark.browser
@pytest.mark.weights
def test_what_the_camera_shows_is_looked_at_frame_after_frame(address: str, browser: Browser) -> None:
    """By the recorded detector, through Chromium's fake camera."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *fake]) as own:
        page = own.new_context(base_url=address, viewport={"width": 1280, "height": 1100}).new_page()
        page.set_default_timeout(PATIENCE)
        visit(page, "/vision?run=recorded_scenes_seed_0")
        page.get_by_text("Find things on what the camera shows").click()
        page.get_by_role("button", name="Turn the camera on").click()
        page.get_by_text(re.compile(r"^Answered in \d+ ms\. No frame is kept")).wait_for()
        frame = page.locator('img[alt="what the camera shows"]')
        first = frame.get_attribute("src")
        assert first is not None
        expect(frame).not_to_have_attribute("src", first)  # the next one came by itself
        page.get_by_role("button", name="Turn the camera off").click()
        page.get_by_role("button", name="Turn the camera on").wait_for()


def _overlap(sides: Sides, box: tuple[float, ...]) -> float:
    x0, y0, x1, y1 = box[0], box[1], box[0] + box[2], box[1] + box[3]
    width, height = min(sides[2], x1) - max(sides[0], x0), min(sides[3], y1) - max(sides[1], y0)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((sides[2] - sides[0]) * (sides[3] - sides[1]) + (x1 - x0) * (y1 - y0) - both)
