"""Open a page through app.py, read it, press what is on it."""

from __future__ import annotations

import io
from typing import Any

from streamlit.testing.v1 import AppTest

from engines import paths


class File(io.BytesIO):
    """What Streamlit hands over."""

    def __init__(self, name: str, content: bytes):
        super().__init__(content)
        self.name, self.size = name, len(content)


def checked(task: str, **own: Any) -> dict[str, Any]:
    """What `check` found in an upload of 40 examples; `own` is what a test needs otherwise."""
    return {
        "task": task,
        "data": "",
        "n_examples": 40,
        "classes": {"a": 20, "b": 20},
        "sha256": "0",
        "skipped": [],
        "notes": [],
        "splits": {"train": 20, "validation": 10, "test": 10},
        "gallery": [],
        "details": {},
        **own,
    }


def opened(page: str | None = None, **query: str) -> AppTest:
    at = AppTest.from_file(str(paths.PROJECT / "app.py"), default_timeout=180)
    for name, value in query.items():
        at.query_params[name] = value
    if page:
        at.switch_page(page)
    at.run()
    assert not at.exception
    return at


def text(at: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.warning, at.error, at.info, at.success)
    plain = [element.value for kind in kinds for element in kind]
    return "\n".join([*plain, *(element.body for element in at.get("html")), *(b.label for b in at.button)])


def shown(at: AppTest, kind: str) -> int:
    return len(at.get(kind))


def press(at: AppTest, label: str) -> None:
    next(button for button in at.button if button.label == label).click()
    at.run()
    assert not at.exception
