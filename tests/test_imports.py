"""Which way things may depend on each other, and what the page's process may load: docs/architecture.md, held."""

from __future__ import annotations

import ast
import graphlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from engines import registry

ROOT = Path(__file__).resolve().parents[1]

# A module imports from its own row or the rows above it, never from one below. DOMAINS stands for every domain's
# folder, and that is any folder of engines with a task in it.
DOMAINS = "engines.<domain>"
LAYERS = (
    ("engines.messages",),
    ("engines.contract",),
    (
        "engines.cancellation",
        "engines.clock",
        "engines.environment",
        "engines.paths",
        "engines.versions",
        "engines.weights",
    ),
    ("engines.shown_ids", "engines.runs", "engines.trash", "engines.trial_runs"),
    ("engines.data", "engines.exports", "engines.hosting", "engines.rooms", "engines.starts"),
    ("engines.datasets", "engines.hub_files"),
    ("engines.training", "engines.cost", "engines.evidence", "engines.attribution", "engines.reporting"),
    ("engines.adaptation",),
    ("engines.lifecycle", "engines.classification", "engines.unlabelled", "engines.search"),
    ("engines.federated",),
    (DOMAINS,),
    ("engines.registry",),
    ("engines.jobs", "engines.api"),
    ("engines.cli", "engines.__main__", "ui"),
    ("pages",),
    ("app",),
)

# What takes seconds to import and belongs to workers. "engines.jobs.*" and its like stand for every module inside.
HEAVY = {
    "torch",
    "torchvision",
    "torchaudio",
    "transformers",
    "timm",
    "sklearn",
    "peft",
    "accelerate",
    "captum",
    "gymnasium",
    "mujoco",
    "stable_baselines3",
    "optuna",
}
LIGHT = [
    "engines.messages",
    "engines.contract",
    "engines.registry",
    "engines.clock",
    "engines.environment",
    "engines.paths",
    "engines.runs",
    "engines.shown_ids",
    "engines.weights",
    "engines.data.*",
    "engines.hosting.*",
    "engines.rooms.*",
    "engines.datasets.*",
    "engines.jobs.*",
    "engines.training.cost",
    "engines.cost.*",
    "engines.adaptation.rule",
    "engines.federated.asked",
    "engines.federated.lost",
    "engines.federated.site_file",
    "engines.federated.several",
    "engines.federated.masking.agreement",
    "engines.federated.masking.masks",
    "engines.control.policy.cost",
    "engines.forecasting.forecast.cost",
    "engines.speech.transcription.cost",
    "engines.text.generative.cost",
    "engines.api.*",
    "engines.cli",
    "engines.lifecycle",
    "engines.search.board",
    "engines.search.plan",
    "engines.search.told",
    "ui.*",
    "pages.*",
    "app",
    *(where.partition(":")[0] for where in registry.TASKS.values()),
]


# --- reading imports without running anything -----------------------------------------------------


def modules(root: Path) -> dict[str, Path]:
    """Every module of ours below `root`: dotted name -> file. A package goes by its folder's name."""
    files = [*root.glob("engines/**/*.py"), *root.glob("ui/**/*.py"), *root.glob("pages/**/*.py"), root / "app.py"]
    names = {}
    for file in filter(Path.exists, files):
        parts = file.relative_to(root).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def imports(file: Path, *, top_level: bool) -> Iterator[str]:
    """Dotted names that `file` imports (absolute). With `top_level`, only what importing the file itself would run."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{file}, line {node.lineno}: write imports from the project's root, not relative ones"
            )
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif top_level and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif top_level and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def inside(name: str, place: str) -> bool:
    """Whether the module `name` is `place`, or stands in that folder."""
    return name == place or name.startswith(place + ".")


def tasks(known: Iterable[str]) -> set[str]:
    """The folders that hold a task, dotted: "engines.vision.classification". A domain is a folder of such folders."""
    return {name.removesuffix(".task") for name in known if re.fullmatch(r"engines\.\w+\.\w+\.task", name)}


def domains(known: Iterable[str]) -> set[str]:
    return {name.rpartition(".")[0] for name in tasks(known)}


def row(name: str, domains: set[str]) -> int | None:
    """The row of LAYERS that a module of ours stands in."""
    for number, places in enumerate(LAYERS):
        if any(inside(name, place) for place in (domains if places == (DOMAINS,) else places)):
            return number
    return None


def graph(root: Path) -> dict[str, set[str]]:
    """Module of ours -> the modules of ours that it imports, also inside functions. A name imported from a package is
    the module of that name where there is one."""
    known = modules(root)
    found: dict[str, set[str]] = {}
    for name, file in known.items():
        targets = set(imports(file, top_level=False))
        exact = {target for target in targets if target in known}
        packages = {target.rpartition(".")[0] for target in exact if target.rpartition(".")[0] in targets}
        found[name] = exact - (packages - _named_in(file, known)) - {name}
    return found


def _named_in(file: Path, known: dict[str, Path]) -> set[str]:
    """Packages of which `file` imports something that is no module: it uses their __init__."""
    tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    froms = [
        (node.module or "", alias.name) for node in tree if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return {module for module, name in froms if f"{module}.{name}" not in known}


def backward_imports(root: Path) -> list[str]:
    """One sentence for each import against the direction, and for each module that has no row."""
    wrong = []
    own = domains(modules(root))
    for name, targets in graph(root).items():
        if name == "engines":
            continue
        here = row(name, own)
        if here is None:
            wrong.append(f"{name} has no place in LAYERS: add it there and to docs/architecture.md")
            continue
        for target in sorted(targets):
            there = row(target, own)
            if there is not None and there > here:
                wrong.append(f"{name} imports {target}, which stands below it")
    return wrong


def sideways_imports(root: Path) -> list[str]:
    """One sentence for each import of another domain, of a sibling task, or of a task by what its tasks share."""
    wrong = []
    known = modules(root)
    for name, targets in graph(root).items():
        domain = next((domain for domain in domains(known) if inside(name, domain)), None)
        if domain is None:
            continue
        own = next((task for task in tasks(known) if inside(name, task)), None)
        for target in sorted(targets):
            if any(inside(target, other) for other in domains(known) - {domain}):
                wrong.append(f"{name} imports {target}, which is another domain's")
            elif any(inside(target, task) for task in tasks(known) - {own}):
                wrong.append(f"{name} imports {target}, which is a task's own")
    return wrong


def circles(root: Path) -> list[list[str]]:
    """Groups of files that import each other, directly or by way of others."""
    try:
        graphlib.TopologicalSorter(graph(root)).prepare()
    except graphlib.CycleError as error:
        return [error.args[1]]
    return []


def path_to_heavy(start: str, known: dict[str, Path]) -> list[str] | None:
    """The chain of module-level imports from `start` to a heavy library; None when there is none."""
    chains = [[start]]
    seen = {start}
    while chains:
        chain = chains.pop(0)
        for target in imports(known[chain[-1]], top_level=True):
            if target.split(".")[0] in HEAVY:
                return [*chain, target]
            parts = target.split(".")
            for name in (".".join(parts[: n + 1]) for n in range(len(parts))):  # a package is run before its modules
                if name in known and name not in seen:
                    seen.add(name)
                    chains.append([*chain, name])
    return None


def expand(pattern: str, known: dict[str, Path]) -> list[str]:
    """Modules of ours that `pattern` stands for; never none."""
    prefix = pattern.removesuffix(".*")
    found = [name for name in known if name == prefix or (prefix != pattern and name.startswith(prefix + "."))]
    assert found, f"LIGHT names {pattern}, and there is no such module"
    return found


# --- the rules ------------------------------------------------------------------------------------


def test_imports_point_one_way() -> None:
    assert backward_imports(ROOT) == []


def test_no_file_imports_in_a_circle() -> None:
    assert circles(ROOT) == []


def test_no_domain_imports_another_and_no_task_a_sibling() -> None:
    assert sideways_imports(ROOT) == []


def test_engines_never_import_streamlit() -> None:
    guilty = [
        f"{name} imports {target}"
        for name, file in modules(ROOT).items()
        if name.startswith("engines")
        for target in imports(file, top_level=False)
        if target.split(".")[0] in {"streamlit", "ui", "pages", "app"}
    ]
    assert guilty == []


@pytest.mark.parametrize("pattern", LIGHT)
def test_light_modules_reach_nothing_heavy(pattern: str) -> None:
    known = modules(ROOT)
    chains = [path_to_heavy(name, known) for name in expand(pattern, known)]
    assert [" -> ".join(chain) for chain in chains if chain] == []


PAGE_PROCESS = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
from engines import registry
for name in registry.names():
    task = registry.task(name)
    assert task.info.name == name
    assert task.models(), name
    task.samples()
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_the_pages_process_loads_nothing_heavy() -> None:
    """A fresh interpreter imports what pages import and asks what pages ask: the catalogue and the samples."""
    known = modules(ROOT)
    scripts = [name for name in known if name == "app" or name.startswith("pages.")]
    wanted = {name for pattern in LIGHT for name in expand(pattern, known)} - {*scripts, "pages"}
    for script in scripts:  # Streamlit runs these; what they import is what counts
        wanted |= {name for name in imports(known[script], top_level=False) if name in known}
    answer = subprocess.run(
        [sys.executable, "-c", PAGE_PROCESS, json.dumps(sorted(wanted))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    loaded = set(json.loads(answer.stdout.splitlines()[-1]))
    assert "streamlit" in loaded, "the check looked at nothing"
    assert loaded & HEAVY == set()


# --- the rules can fail ---------------------------------------------------------------------------


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_backward_import_is_named_even_inside_a_function(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "engines/contract.py": "def f():\n    from engines.jobs import queue\n",
            "engines/jobs/__init__.py": "import engines.contract\n",
            "engines/jobs/queue.py": "",
            "engines/odd.py": "",
        },
    )
    assert sorted(backward_imports(root)) == [
        "engines.contract imports engines.jobs.queue, which stands below it",
        "engines.odd has no place in LAYERS: add it there and to docs/architecture.md",
    ]


def test_a_sideways_import_is_named(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "engines/sound/words/task.py": "from engines.sound import files\n",
            "engines/sound/voices/task.py": "from engines.sound.words.task import Words\n",
            "engines/sound/files.py": "from engines.sound.words import task\n",
            "engines/sight/faces/task.py": "import engines.sound.files\n",
        },
    )
    assert sorted(sideways_imports(root)) == [
        "engines.sight.faces.task imports engines.sound.files, which is another domain's",
        "engines.sound.files imports engines.sound.words.task, which is a task's own",
        "engines.sound.voices.task imports engines.sound.words.task, which is a task's own",
    ]
    assert [set(circle) for circle in circles(root)] == [{"engines.sound.files", "engines.sound.words.task"}]


def test_a_heavy_import_is_found_through_a_package_and_not_inside_functions(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "app.py": "import ui.card\n",
            "ui/__init__.py": "from engines.training import cost\n",
            "ui/card.py": "def draw():\n    import torch\n",
            "engines/training/__init__.py": "try:\n    import torch.nn\nexcept ImportError:\n    pass\n",
            "engines/training/cost.py": "",
            "engines/runs.py": "class Folder:\n    def f(self):\n        import torch\n",
        },
    )
    known = modules(root)
    assert path_to_heavy("app", known) == ["app", "ui", "engines.training", "torch.nn"]
    assert path_to_heavy("engines.runs", known) is None
