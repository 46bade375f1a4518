"""What every test of a page gets."""

from __future__ import annotations

import pytest

from ui.steps import plan


@pytest.fixture(autouse=True)
def unmeasured_machine() -> None:
    """No test knows how fast another one's machine was."""
    plan._machine.cache_clear()
