"""Makes the speech that comes with Headstart: engines/speech/shipped/{scottish,voices,source}.

    python scripts/make_speech_samples.py

Wants espeak-ng, flite and Debian's pocketsphinx-testdata and asterisk-core-sounds-en-wav. `source` is real speech, the
others are synthetic. Files are Ogg Vorbis at 16 kHz.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.speech import samples

ABOUT = """\
# Speech that comes with Headstart

Made by `python scripts/make_speech_samples.py`.

- `scottish` and `voices` are **synthetic**: our own sentences (engines/speech/sentences.txt, Apache-2.0), spoken by
  espeak-ng 1.51 and flite 2.2.
- `source/librivox-*` are **real**: five clips of Jane Austen's *Sense and Sensibility*, chapter 1, read for LibriVox
  (public domain), as Debian's package pocketsphinx-testdata has them, with its transcripts.
- `source/prompt-*` are **real**: telephone prompts recorded by Allison Smith for Asterisk, financed by Digium, Inc.,
  as Debian's package asterisk-core-sounds-en-wav has them (8 kHz). Licence: Creative Commons Attribution-ShareAlike 3.0
  (https://creativecommons.org/licenses/by-sa/3.0/); changed here to Ogg Vorbis at 16 kHz. Transcripts by ear.
"""


def main() -> int:
    shutil.rmtree(samples.SHIPPED, ignore_errors=True)
    samples.accents(samples.SHIPPED / "scottish", ["Scottish"], ".ogg")
    samples.voices(samples.SHIPPED / "voices", ".ogg")
    samples.source(samples.SHIPPED / "source", ".ogg")
    (samples.SHIPPED / "README.md").write_text(ABOUT, encoding="utf-8")
    size = sum(path.stat().st_size for path in samples.SHIPPED.rglob("*") if path.is_file())
    print(f"{samples.SHIPPED}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
