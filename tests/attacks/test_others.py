"""Another visitor's run, data and pictures: no guess finds them, no error and no log gives them away. That no page and
no route does: `tests/browser/test_attacked.py`."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from engines import paths, runs, trash
from engines.contract import InputError
from engines.datasets.folder import DatasetFolder
from engines.hosting import visitors
from engines.jobs.backends import delete, delete_all_of, restore
from engines.runs import RunFolder
from tests.attacks import secrets
from tests.chaos import faults
from ui.page import uploads


def near(secret: str) -> list[str]:
    """Guesses at an id, and what a path or a pattern would make of one."""
    guesses = [secret.swapcase(), secret[:-1], secret + "a", secret[::-1], f"{secret[:-1]}*", "*" * 22, "." * 22]
    guesses += [
        f"../runs/{secret}",
        f"{secret}/",
        f"./{secret}",
        f"{trash.PREFIX}{secret}",
        f"{secret}\x00",
        f"{secret}\n",
    ]
    guesses += [
        f" {secret}",
        f"%2e%2e/{secret}",
        secret.replace(secret[0], "а", 1),
        "",
        "..",
        "/",
        str(Path("/etc/passwd")),
    ]
    return [guess for guess in guesses if guess != secret]


def test_no_guess_finds_a_run_data_or_a_data_set_and_no_error_repeats_it() -> None:
    theirs = secrets.of_somebody()
    routes: list[tuple[str, Callable[[str], object]]] = [
        (theirs.run.id, RunFolder.find),
        (theirs.run.id, restore),
        (theirs.dataset.id, DatasetFolder.find),
        (theirs.upload, uploads.folder),
        (theirs.upload, uploads.origin),
    ]
    with faults.idle_queue() as jobs:
        queue: list[Callable[[str], object]] = [
            jobs.status, jobs.events, jobs.cancel, lambda found: delete(jobs, found),
            lambda found: jobs.submit(None, resume=found),
        ]  # fmt: skip
        routes += [(theirs.run.id, route) for route in queue]
        for secret, route in routes:
            for guess in near(secret):
                with pytest.raises(InputError) as refused:
                    route(guess)
                assert secrets.leaked(str(refused.value), theirs) == []
    assert theirs.run.exists
    assert (paths.uploads() / theirs.upload).is_dir()


def test_an_id_cannot_be_guessed() -> None:
    made = {runs.new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(runs.ID.fullmatch(one) for one in made)  # 22 letters of 64: 128 bits of the system's randomness


def test_who_deletes_everything_deletes_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    theirs = secrets.of_somebody()
    with faults.idle_queue() as jobs:
        assert delete_all_of(jobs, "another") == 0
        with pytest.raises(InputError):
            delete_all_of(jobs, "")  # who has no cookie is not everybody without one
    assert theirs.run.exists
    assert theirs.dataset.path.is_dir()
    assert DatasetFolder.owned("another") == []


def test_what_lies_on_the_disk_only_the_host_reads() -> None:
    theirs = secrets.of_somebody()
    visitors.new_cookie()
    for place in (paths.private_home(), paths.home() / "cookies.key"):
        assert stat.S_IMODE(place.stat().st_mode) & 0o077 == 0
    assert theirs.run.path.is_relative_to(paths.home())


# --- what is logged ---------------------------------------------------------------------------------


def test_a_public_hosts_log_names_the_place_of_an_error_and_nothing_of_anybodys(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    from engines.hosting import logs

    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    before = logging.getLogRecordFactory()
    try:
        logs.keep_quiet()
        logs.keep_quiet()
        try:
            try:
                raise ValueError(f"could not read {secrets.WORDS}")
            except ValueError as error:
                raise KeyError(secrets.TITLE) from error
        except KeyError as error:
            logging.getLogger("streamlit.anything").exception("A page broke.")
            told = logs.told(error)
    finally:
        logging.setLogRecordFactory(before)
    for text in (told, caplog.text):
        assert secrets.WORDS not in text
        assert secrets.TITLE not in text
        assert "test_others.py" in text
        assert "builtins.ValueError" in text
    monkeypatch.setenv("HEADSTART_PUBLIC", "")
    assert secrets.WORDS in logs.told(ValueError(secrets.WORDS))  # at home it helps whoever looks


def test_the_warm_server_writes_down_no_message_and_no_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engines.jobs.serving import client
    from tests.chaos import journey

    for name, value in journey.environment(paths.home()).items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "bug"  # the task breaks over it, with 'a secret' for a message
    try:
        with pytest.raises(client.ServerFailed) as failed:
            client.ask({"verb": "check", "task": "toy.counting", "data": str(data)})
    finally:
        client.stop()
    text = (paths.home() / "serving.log").read_text()
    assert "ZeroDivisionError" in text
    for secret in ("ZeroDivisionError: a secret", str(tmp_path)):
        assert secret not in text
        assert secret not in str(failed.value)
