"""What a minute of an accent is worth, and its cost: four accents of espeak-ng, three seeds each. SYNTHETIC voices.

    python benchmarks/accents.py [--seeds 3] [--accents Scottish,Caribbean] [--out DIR]

For each accent 30 sentences to learn from (6 of them choose when to stop) and 20 others for the test, the default
recipe of `speech.transcription`, Whisper tiny.en. Word error rates before and after, the mean over seeds with the
interval that covers test clips and seeds; beside them those on the accent that the model came with, which is real
speech. Writes a row of Markdown an accent; docs/speech.md has them. A run that is finished in DIR is not run again.
Wants espeak-ng.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pyarrow.parquet as pq

from engines.contract import Recipe, Result
from engines.jobs import worker
from engines.runs import RunFolder
from engines.speech import samples
from engines.speech.transcription.task import Transcription
from engines.speech.transcription.word_errors import WordErrors

HEAD = """\
| accent (synthetic) | before | after | relative | source before | source after | LibriVox before | after |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def run(accent: str, seed: int, out: Path) -> RunFolder:
    """The finished run of that accent and seed, now or from before."""
    data = out / "data" / accent
    if not data.exists():
        partial = out / "data" / f".{accent}"
        samples.accents(partial, [accent])
        partial.rename(data)
    info = Transcription.info
    recipe = Recipe(
        info.name,
        str(data),
        info.default_model,
        info.usual,
        seed=seed,
        settings={"curve": 0},
        title=f"{accent}, {seed}",
    )
    found = RunFolder(out / f"{accent}-{seed}".replace(" ", "-"))
    if not (found.path / "result.json").exists():
        RunFolder.create(recipe, found.path)
        if worker.execute(found) != worker.DONE:
            raise SystemExit(f"{found.path}: {found.state[1]}")
    return found


def counts(run: RunFolder, when: str) -> np.ndarray:
    """float (N, 2): errors and words of each test clip."""
    table = pq.read_table(run.path / "predictions.parquet")
    return np.stack([table[f"errors_{when}"].to_numpy(), table["words"].to_numpy()], axis=1).astype(float)


def source(results: list[Result], accent: str, when: str) -> str:
    """The mean over seeds of the word error rate on that part of the source accent, and the lowest and highest seed."""
    rows = [next(r for r in result.details["forgetting"] if r["accent"] == accent) for result in results]
    values = [100 * row["wer"][when]["value"] for row in rows]
    spread = "" if when == "before" else f" ({min(values):.1f} to {max(values):.1f})"
    return f"{np.mean(values):.1f}{spread}"


def row(accent: str, runs: list[RunFolder]) -> str:
    before, after = (WordErrors([counts(own, when) for own in runs]).estimate() for when in ("before", "after"))
    results = [result for own in runs if (result := own.result)]
    cells = [f"{100 * e.value:.1f} ({100 * e.low:.1f} to {100 * e.high:.1f})" for e in (before, after)]
    cells.append(f"{100 * (after.value / before.value - 1):+.0f} %")
    for part in ("all", "LibriVox, real"):
        cells += [source(results, part, when) for when in ("before", "after")]
    return f"| {accent} | {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--accents", default=",".join(samples.ACCENTS))
    parser.add_argument("--out", type=Path, default=Path("accents"))
    asked = parser.parse_args()
    print(HEAD, flush=True)
    for accent in asked.accents.split(","):
        print(row(accent, [run(accent, seed, asked.out.absolute()) for seed in range(asked.seeds)]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
