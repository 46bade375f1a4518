"""Speech in a real browser: clips are brought, a recogniser adapts and is compared; and a voice is recorded."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from engines.speech import samples
from tests.browser.conftest import ARGUMENTS, CHROMIUM, PATIENCE, TRAINING, picture, press, settle, visit
from ui.speech.data import ENOUGH

pytestmark = [pytest.mark.browser, pytest.mark.weights]

Visitor = Callable[..., BrowserContext]
CLIPS = 10
QUICK = "set=epochs:1&set=curve:1&set=rehearse:false"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of a few clips of the Scottish sample, and one file that is no sound."""
    folder = tmp_path_factory.mktemp("clips")
    source = samples.SHIPPED / "scottish"
    with (source / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"][:CLIPS]
    table = [
        "file_name;transcription;accent",
        *(f"{i}.ogg;{row['transcription']};Scottish" for i, row in enumerate(rows)),
    ]
    with zipfile.ZipFile(folder / "my clips é.zip", "w") as archive:
        for i, row in enumerate(rows):
            archive.write(source / row["file_name"], f"{i}.ogg")
        archive.writestr("metadata.csv", "\n".join([*table, "notes.wav;this is no sound;Scottish"]))
        archive.writestr("notes.wav", "no sound")
    return folder / "my clips é.zip"


@pytest.fixture(scope="module")
def new_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("new") / "new one.ogg"
    shutil.copyfile(samples.SHIPPED / "scottish" / "scottish" / "test-00.ogg", target)
    return target


def test_clips_are_brought_learnt_from_and_compared(visitor: Visitor, clips: Path, new_clip: Path) -> None:
    page = visitor().new_page()
    visit(page, f"/speech?step=data&{QUICK}")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(clips)
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    settle(page)
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text(f"{CLIPS} clips")
    expect(main).to_contain_text("1 left out, and why")
    assert page.locator("audio").count() >= 3
    picture(page, "speech-data")

    press(page, "Train now")
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("As it came")
    expect(main).to_contain_text("What it cost the accent it came with")
    expect(main).to_contain_text("Scottish")
    page.locator(".st-key-forgetting .js-plotly-plot").first.wait_for()
    expect(page.locator(".st-key-clip_by_clip audio").first).to_be_visible()

    page.locator(".st-key-try_files").get_by_test_id("stFileUploaderDropzoneInput").set_input_files(new_clip)
    expect(main).to_contain_text("Answered in", timeout=PATIENCE)
    page.get_by_role("button", name="Which sound was which word?").click()
    expect(main).to_contain_text("each word below the sound it was heard in", timeout=PATIENCE)

    run = re.search(r"run=([\w-]{22})", page.url)
    assert run
    verdict = page.locator(".st-key-verdict").inner_text()
    elsewhere = visitor().new_page()
    visit(elsewhere, f"/speech?run={run.group(1)}")
    assert elsewhere.locator(".st-key-verdict").inner_text() == verdict


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """What the microphone hears: a WAV file, heard from its beginning whenever a recording starts."""
    return tmp_path / "voice.wav"


@pytest.fixture
def microphone(browser: Browser, address: str, voice: Path) -> Iterator[BrowserContext]:
    """A visitor with a phone in whose microphone `voice` is heard."""
    say("Hello.", voice)
    heard = f"--use-file-for-fake-audio-capture={voice}%noloop"
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", heard]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *fake])
    context = other.new_context(base_url=address, viewport={"width": 390, "height": 900}, permissions=["microphone"])
    context.set_default_timeout(30_000)
    yield context
    other.close()


def say(sentence: str, into: Path) -> None:
    """A synthetic Scottish voice."""
    subprocess.run(["espeak-ng", "-v", "en-gb-scotland", "-s", "190", "-w", into, sentence], check=True)


def test_sentences_are_read_into_the_microphone_and_learnt_from(microphone: BrowserContext, voice: Path) -> None:
    page = microphone.new_page()
    visit(page, f"/speech?step=data&task=speech.transcription&{QUICK}")
    box = page.locator(".st-key-record")
    sentences = samples.to_read()[:ENOUGH]
    for number, sentence in enumerate(sentences, start=1):
        say(sentence, voice)
        expect(box).to_contain_text(sentence)
        expect(box.get_by_role("button", name="Play")).to_have_count(0)  # the recorder of the sentence before is gone
        box.get_by_role("button", name="Record", exact=True).click()
        expect(box.get_by_test_id("stAudioInputWaveformTimeCode")).to_have_text("00:02", timeout=20_000)
        box.get_by_role("button", name="Stop recording").click()
        expect(box).to_contain_text(f"{number} of 10 recorded")
        if number == 1:
            picture(page, "speech-record-phone")
            expect(box).to_contain_text("5 sentences more, then you can use them")
        box.get_by_role("button", name="Next sentence").click()
    box.get_by_role("button", name="Use my recordings").click()

    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("6 recordings", timeout=PATIENCE)
    page.get_by_role("button", name="Train now").click(
        timeout=PATIENCE
    )  # at once, while the clips are still being drawn
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("Clip by clip")
