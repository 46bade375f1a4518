"""A finished model leaves here: the files, the lines that load it back, and its model card."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from engines.contract import TaskInfo
from ui import recorded

FORMATS = {
    "safetensors": ("Model", "Weights and configuration: load it back with the lines above."),
    "sb3": ("SB3", "A zip that Stable-Baselines3 loads with the lines above."),
    "onnx": ("ONNX", "One file that runs without PyTorch."),
    "script": ("Script", "A Python script that repeats this run without Headstart."),
}


def show(info: TaskInfo, found: recorded.Finished) -> None:
    if snippet := found.result.details.get("load_snippet"):
        st.code(snippet, language="python", wrap_lines=True)
    has_model = (found.run.path / "model").is_dir()
    with st.container(horizontal=True):
        for name in info.exports if has_model else ():
            label, help = FORMATS.get(name, (name, ""))
            st.download_button(
                label,
                data=exported(found.run.path, name),
                file_name=f"headstart-{name}.zip",
                mime="application/zip",
                on_click="ignore",
                icon=":material/download:",
                help=help,
                key=f"export_{name}",
            )
        report = found.run.path / "report.html"
        if report.is_file():
            st.download_button(
                "Report",
                data=opened(report),
                file_name="report.html",
                mime="text/html",
                on_click="ignore",
                icon=":material/description:",
                key="export_report",
                help="This result on one page that needs no network.",
            )
    card = found.run.path / "README.md"
    if card.is_file():
        with st.expander("Model card", icon=":material/article:"):
            if st.toggle("Show it", key="model_card", value=False):
                st.code(card.read_text(encoding="utf-8"), language="markdown", wrap_lines=True, height=320)
            st.download_button(
                "README.md",
                data=opened(card),
                file_name="README.md",
                mime="text/markdown",
                on_click="ignore",
                icon=":material/download:",
                key="export_card",
            )


def opened(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def exported(run: Path, format: str) -> Callable[[], BinaryIO]:
    """Makes the export when it is asked for, not when the page is drawn."""

    def make() -> BinaryIO:
        from engines.jobs import serving

        folder = Path(tempfile.mkdtemp(prefix="headstart-export-"))
        try:
            asked = {"verb": "export", "run": str(run), "format": format, "out": str(folder / "model")}
            return zipped(Path(serving.ask(asked)["path"]))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return make


def zipped(path: Path, skip: Callable[[Path], bool] = lambda _: False) -> BinaryIO:
    """A file, or a folder with everything below it, as a zip on disk that vanishes once it is closed."""
    target = tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads it closes it)
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    root = path.parent if path.is_file() else path
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            if not skip(file):
                archive.write(file, file.relative_to(root))
    target.seek(0)
    return io.BufferedReader(io.FileIO(os.dup(target.fileno())))
