"""Open a page through app.py, read it, press what is on it."""

from __future__ import annotations

import io

from streamlit.testing.v1 import AppTest

from engines import places


class File(io.BytesIO):
    """What Streamlit hands over."""

    def __init__(self, name: str, content: bytes):
        super().__init__(content)
        self.name, self.size = name, len(content)


def opened(page: str | None = None, **query: str) -> AppTest:
    at = AppTest.from_file(str(places.PROJECT / "app.py"), default_timeout=30)
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
