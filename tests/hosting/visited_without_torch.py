"""Opens every page of a host that only shows recorded runs; says what it saw as one line of JSON.

    python tests/hosting/visited_without_torch.py requirements-showcase.txt

No package can be imported but those that the file names and what they bring along. A script of its own: who imports
torch elsewhere in the same process would prove nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
PAGES = ("home", "vision", "text", "speech", "forecasting", "control", "showing", "my_data", "explore", "kinds", "runs",
         "evidence", "privacy", "story", "glossary")  # fmt: skip
STEPS = ("data", "model", "strategy", "train")
OURS = {"engines", "ui", "pages", "tests"}


def brought(requirements: Path) -> set[str]:
    """The distributions that the file names, and all that they need."""
    lines = (line.partition("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    waiting, found = [Requirement(line).name for line in lines if line], set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another platform
            continue
        found.add(name)
        told = [Requirement(need) for need in needs]
        waiting += [need.name for need in told if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def others(allowed: set[str]) -> set[str]:
    """The packages that some other distribution brought."""
    owners = importlib.metadata.packages_distributions()
    return {
        package
        for package, names in owners.items()
        if package not in OURS and not {canonicalize_name(name) for name in names} & allowed
    }


class Fenced:
    """A finder of modules that finds none of some packages, as if they were not installed."""

    def __init__(self, finder: Any, shut: set[str]):
        self._finder, self._shut = finder, shut

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self._shut:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return found


def main(requirements: Path) -> None:
    os.environ["HEADSTART_SHOWCASE"] = "1"
    sys.path[0] = str(PROJECT)
    shut = others(brought(requirements))
    sys.meta_path[:] = [Fenced(finder, shut) for finder in sys.meta_path if hasattr(finder, "find_spec")]
    import psutil
    from streamlit.testing.v1 import AppTest

    index = json.loads((PROJECT / "showcase" / "index.json").read_text(encoding="utf-8"))
    visits = [(f"pages/{page}.py", {}) for page in PAGES]
    visits += [(f"pages/{entry['task'].partition('.')[0]}.py", {"run": entry["id"]}) for entry in index]
    visits += [("pages/vision.py", {"step": step}) for step in STEPS]
    troubles, refused = {}, ""
    for page, query in visits:
        at = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120)
        at.query_params.update(query)
        at.switch_page(page)
        at.run()
        name = f"{page} {query}"
        if wrong := [str(element.value) for element in (*at.exception, *at.error)]:
            troubles[name] = wrong
        if not any("This host shows recorded runs" in caption.value for caption in at.caption):
            troubles[name] = ["it does not say what this host is"]
        if page == "pages/vision.py" and not query:  # what would train
            next(button for button in at.button if button.label == "Train it yourself").click()
            at.run()
            refused = " ".join(warning.value for warning in at.warning)
    from engines.jobs.serving import client

    digits = PROJECT / "showcase" / "recorded_digits_seed_0"
    (row,) = client.ask({"verb": "predict", "run": str(digits), "data": str(digits / "thumbnails/000000.jpg")})["rows"]
    packages = importlib.metadata.packages_distributions()
    told = {
        "visited": [f"{page} {query}" for page, query in visits],
        "troubles": troubles,
        "refused": refused,
        "answered": row["label"],
        "loaded": sorted({name.partition(".")[0] for name in sys.modules} & set(packages)),
        "megabytes": psutil.Process().memory_info().rss >> 20,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
