"""The command line: what the pages do, through the same calls.

python -m engines fit vision.classification --data photographs.zip --out run
"""

from __future__ import annotations

import sys
import traceback

import typer

from engines import api, paths
from engines.cli import federating, keeping, searching, teaching, using  # noqa: F401  (their verbs are the app's too)
from engines.contract import Cancelled, InputError
from engines.jobs import failures
from engines.messages import _


def main() -> int:
    """Runs the command line; returns its exit status."""
    try:
        return teaching.app(standalone_mode=False) or 0
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except Cancelled:
        print(_("Cancelled. What was learnt so far is kept."), file=sys.stderr)
        return 130
    except typer.TyperException as error:  # the command was mistyped
        if what := error.format_message():  # nothing where the help was shown instead
            verb = getattr(getattr(error, "ctx", None), "info_name", None) or "COMMAND"
            print(_("{what}; see python -m engines {verb} --help.", what=what.rstrip("."), verb=verb), file=sys.stderr)
        return 2
    except typer.Abort:
        return 130
    except api.RunFailed as error:
        print(error, file=sys.stderr)
        return 1
    except Exception as error:
        log = paths.home() / "errors.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        print(failures.sentence(error, str(log)), file=sys.stderr)
        return 1
