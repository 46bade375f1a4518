"""A finished model leaves here: the files, the lines that load it back, and its model card."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import streamlit as st

from engines import registry
from engines.contract import TaskInfo
from engines.environment import public
from engines.exports import bundle, push
from engines.hosting import limits
from engines.messages import _, told
from engines.runs import CACHED, RunFolder
from ui.page import errors, recorded

FORMATS = {
    "safetensors": (_("Model"), _("Weights, configuration and a script that asks it. It holds none of your data.")),
    "sb3": ("SB3", _("A zip that Stable-Baselines3 loads with the lines above. It holds none of your data.")),
    "onnx": ("ONNX", _("One file that runs without PyTorch, and a script that asks it. It holds none of your data.")),
    "script": (
        _("Script"),
        _("A Python script that repeats this run without Headstart. It holds your data, or the names of your files."),
    ),
    "notebook": (
        _("Notebook"),
        _("The same script in cells, with what each does. It holds your data, or the names of your files."),
    ),
    "web": (
        _("Web page"),
        _("A page on which a browser runs the model itself, on a phone too. It holds none of your data."),
    ),
    "service": (_("Service"), _("A program that answers over HTTP, with a Dockerfile. It holds none of your data.")),
    "app": (
        _("App"),
        _("The service with a page on which people try the model, on a phone too. It holds none of your data."),
    ),
}
SHARED = ("comparison.json", "search.json", "model")
"""What of a run folder others may have as it is."""
OURS = {
    "checkpoint",
    "heartbeat",
    "cancel",
    "launch.json",
    "job.json",
    "mlflow.json",
    CACHED,
    "worker.json",
    "worker.log",
}
"""What of a run folder is of this machine alone, or says whose it is."""


def show(info: TaskInfo, found: recorded.Finished) -> None:
    if found.run.only_shown:
        st.caption(_("The model is its owner's to give away; this link shows what it can do."))
    elif snippet := found.result.details.get("load_snippet"):
        st.code(snippet, language="python", wrap_lines=True)
    has_model = (found.run.path / "model").is_dir() and not limits.showcase()
    with st.container(horizontal=True):
        formats = registry.task(info.name).formats if has_model and not found.run.only_shown else ()
        for name in formats:
            label, help = told(FORMATS).get(name, (name, ""))
            parcel = exported(found.run, name)
            _button(label, parcel, f"headstart-{name}.zip", "application/zip", f"export_{name}", help)
        if (found.run.path / "report.html").is_file():
            _report(found)
    if formats and not public():
        _to_a_hub(info, found)
    if (found.run.path / "README.md").is_file():
        with st.expander(_("Model card"), icon=":material/article:"):
            card = bundle.card_without_data(found.run.path, found.recipe)
            if st.toggle(_("Show it"), key="model_card", value=False):
                st.code(card, language="markdown", wrap_lines=True, height=320)
            _button("README.md", made(card), "README.md", "text/markdown", "export_card")


def _to_a_hub(info: TaskInfo, found: recorded.Finished) -> None:
    """The token stands in its field until the form is sent, and nowhere else."""
    with st.expander(_("Send it to the Hugging Face hub"), icon=":material/cloud_upload:"):
        st.caption(_("The model and its card leave, none of your data. A new repository is seen by you alone."))
        with st.form("push", clear_on_submit=True, border=False):
            to = st.text_input(_("Repository"), placeholder="anna/leaves", key="push_to", max_chars=96)
            token = st.text_input(
                _("Token with write access"), type="password", key="push_token", autocomplete="off", max_chars=200
            )
            everybody = st.checkbox(_("Everybody may see it"), key="push_public")
            sent = st.form_submit_button(_("Send"))
        if not sent:
            return
        del st.session_state["push_token"]  # the browser empties its field; here it would stay until the next run
        with errors.calm(_("The model could not be sent.")):
            format = push.require_possible(registry.task(info.name), to.strip())
            with st.spinner(_("Sending the model …"), show_time=True), _made(found.run, format) as folder:
                address = push.upload(folder, to.strip(), token, private=not everybody)
            st.success(_("It is at {address}.", address=address))


def _report(found: recorded.Finished) -> None:
    """Without a word of the data, unless they are asked for."""
    own = not found.run.only_shown
    with_data = own and st.toggle(_("With examples of my data"), key="report_data", value=False)
    shows = _("It shows some of your data and names your files.") if with_data else _("It shows none of your data.")
    help = _("All about this run on one page that needs no network. {shows}", shows=shows)
    _button(_("Report"), lambda: report(found.run, with_data), "report.html", "text/html", "export_report", help)


def _button(label: str, data: Callable[[], BinaryIO], file: str, mime: str, key: str, help: str | None = None) -> None:
    st.download_button(
        label,
        data=data,
        file_name=file,
        mime=mime,
        on_click="ignore",
        icon=":material/download:" if mime != "text/html" else ":material/description:",
        key=key,
        help=help,
    )


def report(run: RunFolder, with_data: bool) -> BinaryIO:
    """The run's passport, read when somebody takes it: a page that is only looked at pays nothing for it."""
    from engines.reporting import html

    page = (run.path / "report.html").read_text(encoding="utf-8")
    return io.BytesIO((page if with_data else html.without_data(page)).encode())


def outcome(found: Mapping[str, Any], file: str) -> None:
    """What a run with a page of its own came to, as its JSON file."""
    st.download_button(
        _("Download it"),
        data=json.dumps(found, indent=2),
        file_name=file,
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
    )


def made(text: str) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(text.encode())


def shared(run: RunFolder) -> BinaryIO:
    """A run for others, as a zip: model, recipe, model card and report, without a word of the data."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        folder.mkdir()
        for path in (run.path / name for name in SHARED):
            if path.is_dir():
                shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns(*bundle.FOR_SCRIPTS))
            elif path.is_file():
                shutil.copyfile(path, folder / path.name)
        (folder / "recipe.json").write_text(bundle.recipe_without_data(run.recipe), encoding="utf-8")
        (folder / "README.md").write_text(bundle.card_without_data(run.path, run.recipe), encoding="utf-8")
        if (run.path / "report.html").is_file():
            with report(run, with_data=False) as page, (folder / "report.html").open("wb") as copy:
                shutil.copyfileobj(page, copy)
        return zipped(folder)


def everything(run: RunFolder) -> BinaryIO:
    """The run folder as a zip, with what it shows of the data; no id and no place, which are keys to it and to them."""
    instead = {"recipe.json": bundle.recipe_without_data(run.recipe)}
    if (result := run.result) is not None:
        instead["result.json"] = replace(result, run="").to_json()
    return zipped(run.path, lambda path: path.relative_to(run.path).parts[0] in OURS, instead)


def exported(run: RunFolder, format: str) -> Callable[[], BinaryIO]:
    """Makes the export when it is asked for, not when the page is drawn."""

    def make() -> BinaryIO:
        with _made(run, format) as path:
            return zipped(path)

    return make


@contextmanager
def _made(run: RunFolder, format: str) -> Iterator[Path]:
    """The export, while it is entered."""
    from engines.jobs.serving import client

    folder = Path(tempfile.mkdtemp(prefix="headstart-export-"))
    try:
        asked = {"verb": "export", "run": run.address, "format": format, "out": str(folder / "model")}
        yield Path(client.ask(asked)["path"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def opened(path: Path) -> BinaryIO:
    """A file that may be gone meanwhile: what is read of it is a copy that vanishes once it is closed."""
    with tempfile.TemporaryFile() as target, path.open("rb") as source:
        shutil.copyfileobj(source, target)
        return _once_more(target)


def zipped(
    path: Path, skip: Callable[[Path], bool] = lambda _: False, instead: Mapping[str, str] = MappingProxyType({})
) -> BinaryIO:
    """A file, or a folder with everything below it, as a zip on disk that vanishes once it is closed. `instead`: texts
    that take the place of files directly in it."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    root = path.parent if path.is_file() else path
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                if not skip(file) and file.relative_to(root).as_posix() not in instead:
                    archive.write(file, file.relative_to(root))
            for name, text in instead.items():
                archive.writestr(name, text)
        return _once_more(target)


def _once_more(target: BinaryIO) -> BinaryIO:
    """The same file from its beginning, for whoever reads and closes it."""
    target.seek(0)
    return io.BufferedReader(io.FileIO(os.dup(target.fileno())))
