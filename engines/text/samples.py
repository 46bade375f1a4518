"""Texts for a person who has none: real reviews, and conversations and sentence pairs written for Headstart.

All are shipped (engines/text/shipped); scripts/make_text_samples.py draws the reviews.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from engines.contract import Sample, no_such_sample
from engines.messages import _

SHIPPED = Path(__file__).parent / "shipped"
HUTTO = "C.J. Hutto and E. Gilbert, VADER (ICWSM 2014), in the source archive of vaderSentiment 0.5"
MIT = "MIT (the package); the sentences are their authors'"
OURS = "Written for Headstart"

SAMPLES = [
    Sample(
        name="films",
        title=_("Film reviews"),
        description=_(
            "800 sentences by film critics that twenty people clearly found positive or negative: 500 to "
            "learn from, 300 for the test."
        ),
        origin=f"Rotten Tomatoes snippets with human ratings: {HUTTO}",
        licence=MIT,
        real=True,
        shift_of=("products", "tweets"),
    ),
    Sample(
        name="products",
        title=_("Product reviews"),
        description=_(
            "800 sentences of buyers' reviews that twenty people clearly found positive or negative: 500 to "
            "learn from, 300 for the test."
        ),
        origin=f"Amazon snippets with human ratings: {HUTTO}",
        licence=MIT,
        real=True,
        shift_of=("films", "tweets"),
    ),
    Sample(
        name="tweets",
        title=_("Tweets"),
        description=_(
            "800 tweets that twenty people clearly found positive or negative: as data of their own, or as "
            "the new domain for a model that learns from reviews."
        ),
        origin=f"Tweets with human ratings, without those that name an account or a page: {HUTTO}",
        licence=MIT,
        real=True,
        shift_of=("films", "products"),
    ),
]
CONVERSATIONS = [
    Sample(
        name="conversations",
        title=_("The desk of a small museum"),
        description=_(
            "Questions of visitors and the answers of a museum's desk: kind, two sentences at most, and "
            "always signed off with where to go."
        ),
        origin=OURS,
        licence="Apache-2.0",
        real=False,
    )
]
PAIRS = [
    Sample(
        name="pairs",
        title=_("Everyday sentences, English to French"),
        description=_("Short sentences at the station, in the kitchen and at work, each with its translation."),
        origin=OURS,
        licence="Apache-2.0",
        real=False,
    )
]
FILES = {
    "films": "films.tsv",
    "products": "products.tsv",
    "tweets": "tweets.tsv",
    "conversations": "conversations.jsonl",
    "pairs": "pairs.csv",
}
OF_TASK = {"text.sentiment": SAMPLES, "text.generation": CONVERSATIONS, "text.translation": PAIRS}


def samples_of(task: str) -> list[Sample]:
    """The samples of a task, the best first."""
    return OF_TASK[task]


def make(name: str, out: Path) -> Path:
    """Writes the sample below `out` and returns its file; one that is there is kept.

    Raises InputError for an unknown name.
    """
    if name not in FILES:
        raise no_such_sample(name, FILES)
    target = out / FILES[name]
    if not target.exists():
        out.mkdir(parents=True, exist_ok=True)
        partial = out / f".{name}.{secrets.token_hex(4)}.partial"
        try:
            shutil.copyfile(SHIPPED / FILES[name], partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target
