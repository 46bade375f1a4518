"""An address may say anything: what a page makes of it is a page or a sentence, never a traceback or another place."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths
from tests.pages.opening import text

ANYTHING = {
    "run": ["../../etc/passwd", "a" * 22, "a" * 10_000, "<script>alert(1)</script>", "\0", "https://evil.example"],
    "data": ["../../etc/passwd", "a" * 22, "'; DROP TABLE runs; --"],
    "step": ["nowhere", "-1", "https://evil.example", "<b>"],
    "model": ["../../x", "${7*7}", "a" * 5_000],
    "set": ["epochs:1e308", "epochs", "nothing:1", "__class__:x", "epochs:<script>"],
    "dataset": ["..", "a" * 22],
    "strategy": ["rm -rf", ""],
    "nobody_knows_this": ["x"],
}
PAGES = ("pages/vision.py", "pages/my_data.py", "pages/explore.py")


@pytest.mark.parametrize("page", PAGES)
def test_an_address_of_anything_is_a_page_or_a_sentence(page: str) -> None:
    for number in range(6):
        at = AppTest.from_file(str(paths.PROJECT / "app.py"), default_timeout=180)
        for name, values in ANYTHING.items():
            at.query_params[name] = [values[number % len(values)], values[0]]  # given twice
        at.switch_page(page)
        at.run()
        assert not at.exception, [error.value for error in at.exception]
        shown = text(at)
        assert "Traceback" not in shown
        assert "<script>alert(1)</script>" not in "".join(element.body for element in at.get("html"))
        assert "root:" not in shown
