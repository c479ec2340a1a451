"""The command line: parses, calls, prints. Whatever is slow to import is imported in a command."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from raskd_bench import __version__
from raskd_bench.cli.comparing import compare
from raskd_bench.cli.gate import baseline_app, check
from raskd_bench.cli.options import DISK_IS_FULL, INTERRUPTED, REQUEST_IS_WRONG, Kind
from raskd_bench.cli.output import say
from raskd_bench.cli.reading import doctor, list_, report
from raskd_bench.cli.trials import plan, run
from raskd_bench.encoding import write_anything
from raskd_bench.errors import BenchError, DiskFull, is_full

HELP = "Measure cost and accuracy of self-knowledge-distillation methods under equal budgets."

# pydantic would look through all installed packages for plugins of its own
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"raskd-bench {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Hold the options of every command."""


app.command()(run)
app.command()(plan)
app.command()(report)
app.command()(compare)
app.command()(check)
app.add_typer(baseline_app, name="baseline")
app.command(name="list")(list_)
app.command()(doctor)


def _listed(words: list[str]) -> Kind | None:
    """Return what `list KIND` asks for, and None for any other command line.

    Typer imports pydantic to read so much as one word, which takes longer than the listing.
    """
    command, kind = words if len(words) == 2 else ("", "")
    return Kind(kind) if command == "list" and kind in set(Kind) else None


def _refuse(message: str, code: int = REQUEST_IS_WRONG) -> NoReturn:
    say(message)
    sys.exit(code)


def main() -> None:
    """Run the command line; an error of the request is its message and exit code 2."""
    write_anything()
    try:
        kind = _listed(sys.argv[1:])
        if kind is None:
            app()
        else:
            list_(kind)
    except DiskFull as error:
        _refuse(f"{error}; what was written before is kept", DISK_IS_FULL)
    except BenchError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `raskd-bench report | head` closes the pipe early
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a full disk, a folder that may not be written
        text = f"{error.filename or 'raskd-bench'}: {error.strerror or error}"
        _refuse(text, DISK_IS_FULL if is_full(error) else REQUEST_IS_WRONG)
