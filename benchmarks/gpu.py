"""What a graphics card does with Headstart: is it right, is it fast, and what when its memory does not suffice?

    python benchmarks/gpu.py [PART ...] [--write]

Parts: probe, parity, bf16, syncs; busy, partial, small, first-step, texts, workers, inference, saving; memory, resume,
server. All of them without a word, each in a process of its own and at most a minute. Networks have seeded random
weights and data are made, so that nothing need be carried to the card's machine; other versions of torch do, and what
is not installed is named and left out. On a machine without a card only `probe` and `syncs` run: the second counts, on
the processor, what a card would be waited for. With --write the card's table goes into docs/performance.md, below the
others'.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cards import NAMES, WITHOUT_A_CARD
from benchmarks.performance_page import ROOT, parser, publish, table

LIMIT = 180.0
"""Seconds after which a part is given up; on a quiet machine none takes more than a third of that."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("parts", nargs="*", metavar="PART")
    given = arguments.parse_args()
    if unknown := set(given.parts) - set(NAMES):
        arguments.error(f"there is no {', '.join(sorted(unknown))}; parts: {', '.join(NAMES)}")
    probed = alone("probe")
    on_card = any(what == "computes on" and found.startswith("cuda") for what, found, _ in probed)
    chosen = given.parts or (NAMES if on_card else WITHOUT_A_CARD)
    rows = [(part, *row) for part in chosen for row in (probed if part == "probe" else alone(part))]
    text = table(("part", "what", "measured", "wanted"), rows)
    if not on_card:
        text += "\n\nNo card here: what is above was counted on the processor, and nothing was timed."
    publish(text, write=given.write)


def alone(part: str) -> list[tuple[str, str, str]]:
    """The rows of one part, from a process of its own: one that fails or hangs leaves the others theirs."""
    program = f"import json, sys\nfrom benchmarks.cards.parts import PARTS\nprint(json.dumps(PARTS[{part!r}]()))"
    try:
        ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return [("", f"not done after {LIMIT:.0f} s", "")]
    if ended.returncode:
        said = ended.stderr.strip().splitlines()[-1]
        kind, _, why = said.partition(": ")
        return [("", f"left out: {why}" if kind in {"ModuleNotFoundError", "ImportError"} else f"failed: {said}", "")]
    return [(row[0], row[1], row[2]) for row in json.loads(ended.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
