"""Ways to make transcripts alike before words are compared, so that '306' is no error for 'three hundred and six'.

'plain' leaves that to `word_errors.plain_words`: case and punctuation. 'english' is Whisper's English normaliser
(Radford et al. 2022, appendix C), as Transformers has it: numbers, abbreviations, contractions, British spelling too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

from engines.speech.transcription.word_errors import word_counts

BRITISH = (
    *("colour color", "colours colors", "coloured colored", "favour favor", "favourite favorite", "honour honor"),
    *("labour labor", "neighbour neighbor", "neighbours neighbors", "behaviour behavior", "flavour flavor"),
    *("harbour harbor", "humour humor", "rumour rumor", "centre center", "theatre theater", "metre meter"),
    *("metres meters", "litre liter", "litres liters", "fibre fiber", "grey gray", "tyre tire", "tyres tires"),
    *("kerb curb", "plough plow", "programme program", "programmes programs", "cheque check", "cheques checks"),
    *("catalogue catalog", "dialogue dialog", "organise organize", "organised organized", "organisation organization"),
    *("realise realize", "realised realized", "recognise recognize", "recognised recognized", "apologise apologize"),
    *("analyse analyze", "travelled traveled", "travelling traveling", "traveller traveler", "cancelled canceled"),
    *("defence defense", "offence offense", "licence license", "practise practice", "jewellery jewelry"),
    *("mum mom", "aluminium aluminum", "pyjamas pajamas", "moustache mustache", "sceptical skeptical"),
)
"""British and American spelling of common words. Whisper's own list of 1,700 lies beside its weights on the hub."""


def of(name: str) -> Callable[[Sequence[str]], list[str]]:
    """What the normaliser of that name makes of transcripts."""
    return _english if name == "english" else list


def spelling_only(said: Sequence[str], heard: Sequence[str]) -> tuple[int, int]:
    """How many of the plain word errors are gone after the English normaliser, clip by clip, and how many there are."""
    plain = word_counts(said, heard)[:, 0]
    english = word_counts(_english(said), _english(heard))[:, 0]
    return int((plain - english).clip(min=0).sum()), int(plain.sum())


def _english(texts: Sequence[str]) -> list[str]:
    return [str(_normaliser()(_joined(text))).strip() for text in texts]


def _joined(text: str) -> str:
    """Numbers half in figures as one number, which Whisper's normaliser leaves apart: 300 and 6, 10:40."""
    hundreds = re.sub(r"\b(\d+00) and (\d{1,2})\b", lambda m: str(int(m[1]) + int(m[2])), text)
    return re.sub(r"(\d):(\d)", r"\1\2", hundreds)


@functools.cache
def _normaliser() -> Callable[[str], str]:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    found: Callable[[str], str] = EnglishTextNormalizer(dict(pair.split() for pair in BRITISH))
    return found
