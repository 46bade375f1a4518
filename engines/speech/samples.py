"""Speech for a person who has none: voices made by a program and said to be, and real ones from what is installed.

Sentences are our own. What is shipped (engines/speech/shipped) was made by scripts/make_speech_samples.py.
"""

from __future__ import annotations

import csv
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from engines.contract import InputError, Problem, Sample, no_such_sample
from engines.data import unpacked
from engines.messages import _

HERE = Path(__file__).parent
SHIPPED = HERE / "shipped"
TRAINING, TESTING = slice(0, 30), slice(30, 50)
"""Sentences of every accent to learn from and to test on: no sentence is in both."""
UNHEARD = slice(30, 90)
"""All that the training sentences do not say."""
READING = slice(74, 84)
"""Sentences that the page shows to read aloud."""
ACCENTS = {
    "Scottish": "en-gb-scotland",
    "Caribbean": "en-029",
    "Lancashire": "en-gb-x-gbclan",
    "West Midlands": "en-gb-x-gbcwmd",
}
"""What an accent is called -> the voice of espeak-ng."""
VOICES = {
    "espeak Scotland": ("espeak-ng", "en-gb-scotland"),
    "espeak United States": ("espeak-ng", "en-us"),
    "flite awb": ("flite", "awb"),
    "flite rms": ("flite", "rms"),
    "flite slt": ("flite", "slt"),
    "flite kal": ("flite", "kal16"),
}
"""Voices to tell apart -> the program and its voice."""
A_VOICE, A_CALL = 10, 14  # clips
CALLED = slice(60, 74)
"""Sentences of the clips on the telephone: no clip of the six voices has them."""
TELEPHONE = (300, 3400)  # Hz
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
ALLISON = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
REHEARSED = {
    "agent-alreadyon": "That agent is already logged on. Please enter your agent number followed by the pound key.",
    "auth-incorrect": "Password incorrect. Please enter your password followed by the pound key.",
    "conf-invalid": "That is not a valid conference number. Please try again.",
    "confbridge-pin": "Please enter your personal identification number followed by the pound or hash key.",
    "pbx-invalid": "I am sorry, but that's not a valid extension. Please try again.",
    "queue-youarenext": "Your call is now first in line and will be answered by the next available representative.",
    "ss-noservice": "The number you have dialed is not in service. Please check the number and try again.",
    "vm-rec-busy": "After the tone, say your busy message and then press the pound key.",
    "vm-mailboxfull": "Sorry, but the user's mailbox can't accept more messages.",
    "conf-onlyperson": "You are currently the only person in this conference.",
}
CHOOSING = {
    "agent-user": "Agent login. Please enter your agent number followed by the pound key.",
    "all-circuits-busy-now": "All circuits are busy now.",
    "conf-enteringno": "You are entering conference number",
    "confbridge-begin-glorious-b": "The conference will begin when our glorious leader arrives.",
    "priv-callpending": "I have a caller waiting who introduces themselves as",
    "vm-intro": "Please leave your message after the tone. When done, hang up or press the pound key.",
    "vm-rec-unv": "After the tone, say your unavailable message and then press the pound key.",
    "vm-tmpexists": "There is a temporary greeting which overrides your standard greetings.",
}
TELLING = {
    "agent-incorrect": "Login incorrect. Please enter your agent number followed by the pound key.",
    "confbridge-pin-bad": "You have entered too many invalid personal identification numbers.",
    "demo-thanks": "Goodbye. Thank you for trying out the Asterisk open source PBX.",
    "pbx-invalidpark": "I am sorry, but there is no call parked on that extension. Please try again.",
    "queue-periodic-announce": "All of our representatives are currently busy. Please stay on the line and your call "
    "will be answered by the next available representative.",
    "tt-allbusy": "All representatives of the household are currently assisting other telemarketers. Please hold and "
    "your call will be answered in the order it was received.",
    "vm-mismatch": "The password you entered and reentered did not match. Please try again.",
    "vm-nobox": "You cannot reply to this message because the sender does not have a mailbox.",
    "vm-invalid-password": "That password does not meet the minimum requirements for this mailbox. Please try again.",
    "vm-rec-temp": "After the tone, say your temporary message and then press the pound key.",
    "conf-waitforleader": "The conference will begin when the leader arrives.",
    "privacy-prompt": "Please enter your phone number, starting with the area code.",
    "cannot-complete-as-dialed": "Your call cannot be completed as dialed.",
    "check-number-dial-again": "Please check the number and dial again.",
}
"""Telephone prompts: what is said in each, by its name."""
NEEDS_ESPEAK = "install espeak-ng (on Debian and Ubuntu: sudo apt install espeak-ng)"
NEEDS_BOTH = "install espeak-ng and flite (on Debian and Ubuntu: sudo apt install espeak-ng flite)"

TRANSCRIPTION = [
    Sample(
        name="scottish",
        title=_("A Scottish voice, synthetic"),
        description=_(
            "50 sentences spoken by a program: 30 to learn from and 20 others for the test. The model that "
            "comes with Headstart mishears two words in five of it."
        ),
        origin="Headstart's own sentences, spoken by espeak-ng 1.51 (voice en-gb-scotland)",
        licence="Apache-2.0",
        real=False,
    ),
    Sample(
        name="accents",
        title=_("Four British and Caribbean accents, synthetic"),
        description=_(
            "The same 50 sentences in four accents of espeak-ng: Scottish, Caribbean, Lancashire and West "
            "Midlands. The result shows each accent by itself."
        ),
        origin="Headstart's own sentences, spoken by espeak-ng on this machine",
        licence="Apache-2.0",
        real=False,
        needs=NEEDS_ESPEAK,
    ),
    Sample(
        name="caribbean",
        title=_("A Caribbean voice, synthetic"),
        description=_(
            "60 sentences that the Scottish voice does not teach, in another accent. As a new domain for a model that "
            "learns from the Scottish voice."
        ),
        origin="Headstart's own sentences, spoken by espeak-ng on this machine",
        licence="Apache-2.0",
        real=False,
        needs=NEEDS_ESPEAK,
        shift_of=("scottish",),
    ),
]
SPEAKERS = [
    Sample(
        name="voices",
        title=_("Six voices, synthetic"),
        description=_(
            "{a_voice} short clips of six voices of two programs, each saying sentences of its own.",
            a_voice=6 * A_VOICE,
        ),
        origin="Headstart's own sentences, spoken by espeak-ng and flite",
        licence="Apache-2.0",
        real=False,
    ),
    Sample(
        name="telephone",
        title=_("The six voices on the telephone, synthetic"),
        description=_(
            "{a_call} clips of the same six voices with other sentences, as a telephone carries "
            "them: only 300 to 3,400 Hz, and some noise. As a new domain for a model that learns "
            "from the six voices.",
            a_call=6 * A_CALL,
        ),
        origin="Headstart's own sentences, spoken by espeak-ng and flite on this machine",
        licence="Apache-2.0",
        real=False,
        needs=NEEDS_BOTH,
        shift_of=("voices",),
    ),
]


def sentences() -> list[str]:
    return (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()


def to_read() -> list[str]:
    """Ten sentences that the page shows to read aloud; no sample and no measure of forgetting has them."""
    return sentences()[READING]


def available(name: str) -> bool:
    """Whether `make` would find what it needs on this computer."""
    programs = {"accents": ("espeak-ng",), "caribbean": ("espeak-ng",), "telephone": ("espeak-ng", "flite")}
    return all(shutil.which(program) for program in programs.get(name, ()))


def make(name: str, out: Path, known: Sequence[Sample]) -> Path:
    """Writes the sample below `out` as an audiofolder and returns it; one that is there is kept.

    Raises InputError for a name that is not `known`, or with the sample's `needs` when something must be installed.
    """
    if name not in {sample.name for sample in known}:
        raise no_such_sample(name, [sample.name for sample in known])
    makers: dict[str, Callable[[Path], None]] = {
        "accents": accents,
        "caribbean": functools.partial(unheard, accent="Caribbean"),
        "telephone": telephone,
    }
    return unpacked.whole(out / name, makers.get(name, lambda partial: _copy(SHIPPED / name, partial)))


def accents(out: Path, names: Sequence[str] = tuple(ACCENTS), suffix: str = ".wav") -> None:
    """Every accent of `names`: training and test sentences and a metadata.csv. Raises InputError without espeak-ng."""
    rows = []
    for accent in names:
        folder = re.sub(r"\W+", "-", accent.lower())
        for part, chosen in (("train", TRAINING), ("test", TESTING)):
            for number, text in enumerate(sentences()[chosen]):
                name = f"{folder}/{part}-{number:02d}{suffix}"
                speak("espeak-ng", ACCENTS[accent], text, out / name)
                rows.append([name, text, f"espeak-ng {ACCENTS[accent]}", accent, part])
    write_metadata(out, rows)


def unheard(out: Path, *, accent: str, suffix: str = ".wav") -> None:
    """In one accent what the training sentences do not say, and a metadata.csv. Raises InputError without espeak-ng."""
    rows = []
    for number, text in enumerate(sentences()[UNHEARD]):
        name = f"{number:02d}{suffix}"
        speak("espeak-ng", ACCENTS[accent], text, out / name)
        rows.append([name, text, f"espeak-ng {ACCENTS[accent]}", accent, ""])
    write_metadata(out, rows)


def voices(out: Path, suffix: str = ".wav") -> None:
    """A_VOICE clips of each of VOICES, no two voices saying the same. Raises InputError without the programs."""
    rows = []
    spoken = sentences()
    for number, (speaker, (program, voice)) in enumerate(VOICES.items()):
        for place in range(A_VOICE):
            text = spoken[(number * A_VOICE + place) % len(spoken)]
            name = f"{re.sub(r'[^a-z0-9]+', '-', speaker.lower())}/{place:02d}{suffix}"
            speak(program, voice, text, out / name)
            rows.append([name, text, speaker, "", ""])
    write_metadata(out, rows)


def telephone(out: Path) -> None:
    """A_CALL clips of each of VOICES as a telephone carries them. Raises InputError without the programs."""
    import numpy as np
    from scipy.signal import butter, sosfilt

    from engines.speech.audio import files

    carried, rng, rows = butter(6, TELEPHONE, "bandpass", fs=files.RATE, output="sos"), np.random.default_rng(0), []
    for speaker, (program, voice) in VOICES.items():
        for number, text in enumerate(sentences()[CALLED]):
            name = f"{re.sub(r'[^a-z0-9]+', '-', speaker.lower())}/{number:02d}.wav"
            speak(program, voice, text, out / name)
            sound = sosfilt(carried, files.read(out / name).samples)
            sound += rng.normal(size=len(sound)) * np.sqrt(np.mean(sound**2)) / 10
            files.write(out / name, (sound / max(1.0, np.abs(sound).max())).astype(np.float32))
            rows.append([name, text, speaker, "", ""])
    write_metadata(out, rows)


def source(out: Path, suffix: str = ".ogg") -> None:
    """The accent that the models know, from real speakers: a professional one of telephone prompts, a reader of books.

    `split` says what a clip is for: to be rehearsed, to choose by how much of what was learnt is kept, or to tell what
    was forgotten.
    Raises InputError without the Debian packages.
    """
    rows = []
    for part, prompts in (("train", REHEARSED), ("validation", CHOOSING), ("test", TELLING)):
        for name, text in prompts.items():
            if not (ALLISON / f"{name}.wav").is_file():
                needs = "install Debian's or Ubuntu's package asterisk-core-sounds-en-wav"
                raise InputError(Problem("telephone prompts", _("they are not on this computer"), needs))
            _convert(ALLISON / f"{name}.wav", out / f"prompt-{name}{suffix}")
            rows.append([f"prompt-{name}{suffix}", text, "Allison Smith", "American prompts, real", part])
    for number, (path, text) in enumerate(librivox()):
        _convert(path, out / f"librivox-{number}{suffix}")
        rows.append([f"librivox-{number}{suffix}", text, "LibriVox reader", "LibriVox, real", "test"])
    write_metadata(out, rows)


def librivox() -> list[tuple[Path, str]]:
    """Five real clips and what is said in them, of Debian's pocketsphinx-testdata. Raises InputError without it."""
    needs = "install Debian's or Ubuntu's package pocketsphinx-testdata"
    try:
        lines = (LIBRIVOX / "transcription").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise InputError(Problem("LibriVox clips", _("they are not on this computer"), needs)) from None
    found = [re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()) for line in lines]
    return [(LIBRIVOX / f"{match[2]}.wav", match[1]) for match in found if match]


def speak(program: str, voice: str, text: str, out: Path) -> None:
    """Writes `text`, spoken by espeak-ng or flite, at 16 kHz. Raises InputError when the program is not there."""
    found = shutil.which(program)
    if found is None:
        needs = NEEDS_ESPEAK if program == "espeak-ng" else NEEDS_BOTH
        raise InputError(Problem("speech synthesis", _("{program} is not on this computer", program=program), needs))
    out.parent.mkdir(parents=True, exist_ok=True)
    raw = out.with_suffix(f".{os.getpid()}.raw.wav")
    options = {"espeak-ng": ["-v", voice, "-w", str(raw), text], "flite": ["-voice", voice, "-t", text, "-o", str(raw)]}
    try:
        subprocess.run([found, *options[program]], check=True, capture_output=True, timeout=60)
        _convert(raw, out)
    except subprocess.SubprocessError as error:
        needs = f"see whether `{program}` speaks with its voice {voice}"
        raise InputError(Problem("speech synthesis", _("{program} did not speak", program=program), needs)) from error
    finally:
        raw.unlink(missing_ok=True)


def write_metadata(out: Path, rows: Sequence[Sequence[str]]) -> None:
    with (out / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file_name", "transcription", "speaker", "accent", "split"])
        table.writerows(sorted(map(list, rows)))


def _convert(path: Path, out: Path) -> None:
    from engines.speech.audio import files

    files.write(out, files.read(path).samples)


def _copy(folder: Path, out: Path) -> None:
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns("*.md"))
