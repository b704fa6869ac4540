"""The group of commands: names are found by path, modules imported when called, errors turned into messages."""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from fiducial.cli import INTERRUPTED, USAGE
from fiducial.kernel.errors import FiducialError, place_of

ORDER = (
    "run", "plan", "try", "show", "view", "runs", "compare", "verify", "attest", "copy", "report", "rejudge", "judge", "list",
    "new", "spec", "endpoint", "reproduce", "doctor",
)  # fmt: skip
"""Commands in the order of help; others follow by name."""

VALUES = {"str": "TEXT", "int": "N", "float": "X", "path": "PATH"}
"""How the value of an option is written in help, where the option does not say it better."""

EPILOG = (
    "A word in capitals is to be replaced, one in brackets may be left out. `fiducial COMMAND --help` shows a command's options.\n\n"
    "Words: a unit is what is judged together; clusters are the independent pieces of evidence; a cell is one combination of conditions; "
    "a card holds what is known of a judge's errors; a content root is the digest of a run's rows, and a run is anchored where somebody "
    "outside vouches for it. All of them: docs/reference/glossary.md."
)


class Commands(click.Group):
    """Finds a command's module by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        there = {path.stem.rstrip("_") for path in Path(__file__).parent.glob("[a-z]*.py")}
        return [name for name in ORDER if name in there] + sorted(there - set(ORDER))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        if ctx.resilient_parsing:
            return None
        import typer

        module = importlib.import_module(f"fiducial.cli.{_stem(cmd_name)}")
        if hasattr(module, "app"):
            found: Any = typer.main.get_command(module.app)
        else:
            app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
            app.command()(module.command)
            found = typer.main.get_command(app)
        found.name = cmd_name
        _one_notation(found)
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"no command {args[0]!r}; there is {', '.join(self.list_commands(ctx))}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])


def run(words: list[str], *, debug: bool) -> int:
    """Run the command in `words` and give the exit code."""
    group = Commands(
        name="fiducial",
        help="Measures whether an AI system behaves as it was specified to, and says how sure it is.",
        epilog=EPILOG,
        no_args_is_help=True,
        params=[
            click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error; stands anywhere."),
            click.Option(["--version", "-V"], is_flag=True, expose_value=False, help="Show the version and exit."),
        ],
    )
    try:
        code = group.main(args=words, prog_name="fiducial", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _explain(error)
    return code if isinstance(code, int) else 0


def _explain(error: Exception) -> int:
    """Say what went wrong in one message; the exit code."""
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if _from_click(error, "NoArgsIsHelpError"):
        print(error)
        return USAGE
    if _from_click(error, "Exit"):
        return int(getattr(error, "exit_code", 0))
    if _from_click(error, "ClickException"):
        print(f"error: {error.format_message()}", file=sys.stderr)  # type: ignore[attr-defined]
        return USAGE
    if isinstance(error, FiducialError):
        print(f"error: {error}{place_of(error)}", file=sys.stderr)
        return USAGE
    if isinstance(error, OSError):
        print(f"error: {error.filename or 'system'}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    if place := place_of(error):  # somebody's own plugin
        print(f"error: {type(error).__name__}: {error}{place}; --debug shows the traceback", file=sys.stderr)
        return USAGE
    print(
        f"error: unexpected {type(error).__name__}: {error} (run again with --debug for the traceback, and please report it)",
        file=sys.stderr,
    )
    return USAGE


def _one_notation(command: Any) -> None:
    """Write what is to be put in the same way everywhere, and say of each subcommand whole what it does."""
    for one in getattr(command, "commands", {}).values():
        one.short_help = (one.help or "").partition("\n")[0]
        _one_notation(one)
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = (parameter.metavar or parameter.name or "").upper()
            parameter.make_metavar = functools.partial(_written, word, optional=not parameter.required)
        elif parameter.metavar is None and not parameter.is_flag:
            parameter.metavar = VALUES.get(parameter.type.name.removesuffix(" range"), parameter.type.name.upper())


def _written(word: str, *_: Any, optional: bool, usage: bool = False, **__: Any) -> str:
    """An argument, in brackets where a usage line shows that it may be left out."""
    return f"[{word}]" if usage and optional else word


def _from_click(error: Exception, name: str) -> bool:
    """Whether an error is click's of that name: typer may bring a click of its own."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _stem(name: str) -> str:
    return name if (Path(__file__).parent / f"{name}.py").exists() else f"{name}_"


def _summary(name: str) -> str:
    tree = ast.parse((Path(__file__).parent / f"{_stem(name)}.py").read_bytes())
    return (ast.get_docstring(tree) or "").partition("\n")[0]
