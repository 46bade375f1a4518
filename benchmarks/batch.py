"""What does it cost to ask about 1,000 pictures on the page instead of on the command line?

    python benchmarks/batch.py [--pictures 1000] [--rounds 3] [--write]

The recorded run on photographs is asked about a zip of photographs (the sample's, cut and
turned; random noise of a seed where that sample is not here), five of them broken: once by
`python -m engines predict RUN --data ZIP --out answers.parquet`, from its start to its end, and once by a job through
the queue, as the page submits it, with a worker that waits, until the page would show the table. In turn, with the
zip's unpacked state thrown away before each; both have to name the same five and to answer the same.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image

from benchmarks.performance_page import parser, publish, table
from engines import api, paths
from engines.contract import Job
from engines.jobs.backends import backend
from engines.reporting import answers
from engines.runs import RunFolder

RECORDED = "recorded_photographs_0"
BROKEN = 5
WARM_SECONDS = 30.0
"""What a worker that waits gets to import its libraries, as it has when somebody looks at a result."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--pictures", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["HEADSTART_HOME"] = home
        run, data = RunFolder.find(RECORDED), pictures(Path(home) / "photographs.zip", given.pictures)
        queue = backend()
        took: dict[str, list[float]] = {"line": [], "page": []}
        tables = {}
        for _round in range(given.rounds):
            queue.warm_up()
            time.sleep(WARM_SECONDS)
            for way in ("line", "page"):
                shutil.rmtree(paths.work(data), ignore_errors=True)
                start = time.perf_counter()
                folder = on_the_line(run, data) if way == "line" else on_the_page(run, data)
                took[way].append(time.perf_counter() - start)
                tables[way] = folder
        queue.close()
        told = answers.summary(tables["page"])
        assert told is not None
        same = rows(tables["page"] / answers.TABLE) == rows(tables["line"] / "answers.parquet")
    ratios = [page / line for page, line in zip(took["page"], took["line"], strict=True)]
    said = [
        ("command line, s", *spread(took["line"])),
        ("page, s", *spread(took["page"])),
        ("page / command line", *spread(ratios)),
    ]
    text = table(("", "median", "smallest", "largest"), said)
    named = ", ".join(row["file"] for row in told["first_bad"])
    text += (
        f"\n\n{given.pictures:,} photographs in a zip, {given.rounds} rounds in turn. Could not be read and named: "
        f"{told['bad']} ({named}). The same rows from both: {'yes' if same else 'NO'}.\n"
    )
    publish(text, write=given.write)


def spread(values: list[float]) -> tuple[str, str, str]:
    return f"{statistics.median(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"


def pictures(out: Path, many: int) -> Path:
    """A zip of JPEG files of about a megapixel, the last BROKEN of them cut short."""
    dice = random.Random(0)
    try:
        place = api.make_sample("vision.classification", "photographs", paths.samples() / "photographs")
        own = [Image.open(file).convert("RGB") for file in sorted(place.rglob("*.*"))[:60]]
    except Exception as reason:  # that sample comes with a package of the system's
        print(f"squares of random colours instead of photographs: {reason}", file=sys.stderr)
        own = [Image.effect_noise((640, 480), 60).convert("RGB") for _ in range(8)]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number in range(many):
            picture = own[number % len(own)].rotate(dice.uniform(-20, 20), expand=True).resize((1024, 768))
            content = io.BytesIO()
            picture.save(content, "JPEG", quality=88)
            broken = number >= many - BROKEN
            archive.writestr(f"{number:04d}.jpg", content.getvalue()[: 3000 if broken else None])
    return out


def on_the_line(run: RunFolder, data: Path) -> Path:
    out = data.with_name("line")
    command = [sys.executable, "-m", "engines", "predict", str(run.path), "--data", str(data)]
    subprocess.run(
        [*command, "--out", str(out / "answers.parquet")], check=True, cwd=paths.PROJECT, stdout=subprocess.DEVNULL
    )
    return out


def on_the_page(run: RunFolder, data: Path) -> Path:
    recipe = replace(run.recipe, data=str(data), title="photographs.zip")
    asked = backend().submit(Job(recipe, "predict", {"run": run.id}))
    while not backend().status(asked).state.finished:
        time.sleep(0.05)
    found = RunFolder.find(asked)
    assert found.done, found.state
    return found.path


def rows(file: Path) -> list[dict[str, object]]:
    import pyarrow.parquet as pq

    found: list[dict[str, object]] = pq.read_table(file).to_pylist()
    return found


if __name__ == "__main__":
    main()
