"""Write the reference pages that follow from the code: the command line, the Python names, the schema of specifications, the organisms.

.venv/bin/python docs/generate.py           writes them
.venv/bin/python docs/generate.py --check   exit code 1 where one is not current, naming it
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

import click
import msgspec
from typer.models import OptionInfo

import fiducial
from fiducial.cli._group import Commands
from fiducial.engine.schema import schema_text
from fiducial.organisms import catalogue
from fiducial.stats.proportions import wilson

REFERENCE = Path(__file__).parent / "reference"

NOTE = "<!-- Written by docs/generate.py. Change the docstrings and run it again. -->\n"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "What one does": ("run", "load", "rejudge", "verify", "compare"),
    "What comes back": ("Result", "Comparison", "Decision", "Estimate", "Claim"),
    "What is asked and answered": ("Item", "Trial", "Message", "Tool", "ToolCall", "Turn", "Completion", "Response", "Judgement"),
    "What a plugin is made of": (
        "Benchmark", "Quantity", "Cycle", "Subject", "Context", "Judge", "Reader", "Case", "Verdict", "Ref", "Table", "say",
    ),
    "What can go wrong": ("FiducialError", "UsageError", "SpecError", "SubjectError", "NotEstimable"),
}  # fmt: skip


def command_line() -> str:
    """The page of all commands with their arguments and options."""
    parts = [
        NOTE, "# Command line\n",
        "`fiducial COMMAND --help` prints what stands here. `--debug` anywhere shows tracebacks, `--version` the version. "
        "Progress goes to standard error, results to standard output; `--json` prints them as JSON. "
        "What the numbers mean that a command ends with: [exit codes](exit-codes.md).\n",
    ]  # fmt: skip
    for name in commands():
        stem = name if find_spec(f"fiducial.cli.{name}") else f"{name}_"
        module = import_module(f"fiducial.cli.{stem}")
        if hasattr(module, "command"):
            parts += _command(name, module.command, "##")
            continue
        parts.append(f"## {name}\n")
        for one in module.app.registered_commands:
            parts += _command(f"{name} {one.callback.__name__}", one.callback, "###")
    return "\n".join(parts)


def commands() -> list[str]:
    """Names of all commands, in the order of the help."""
    group = Commands(name="fiducial")
    return group.list_commands(click.Context(group))


def _command(name: str, function: Callable[..., Any], heading: str) -> Iterator[str]:
    hints = get_type_hints(function, include_extras=True)
    found = [_option(label, hints[label], p.default) for label, p in inspect.signature(function).parameters.items()]
    words = "".join(
        f" {spelled}" if default == "required" else f" [{spelled}]" for spelled, _, default, is_option in found if not is_option
    )
    yield f"{heading} {name}\n"
    yield f"`fiducial {name}{words}{' [OPTIONS]' if any(row[3] for row in found) else ''}`\n"
    yield _paragraphs(inspect.getdoc(function) or "") + "\n"
    if found:
        yield "| | meaning | default |\n|---|---|---|"
        yield "".join(f"| `{spelled}` | {about} | {default} |\n" for spelled, about, default, _ in found)


def _option(label: str, hint: Any, default: Any) -> tuple[str, str, str, bool]:
    """How a parameter is spelled, what it means, its default, and whether it is an option."""
    kind, info = hint.__origin__, hint.__metadata__[0]
    is_option = isinstance(info, OptionInfo)
    words = str(kind)
    value = "PATH" if "Path" in words else "N" if "int" in words else "X" if "float" in words else "TEXT"
    spelled = info.metavar or label.upper()
    if is_option:
        named = [text for text in (info.default, *(info.param_decls or ())) if isinstance(text, str) and text.startswith("--")]
        name = named[0] if named else f"--{label.replace('_', '-')}"
        spelled = name if kind is bool else f"{name} {info.metavar or value}"
    about = (info.help or "").replace("|", "\\|")
    if "list[" in words and "repeated" not in about:
        about += " May be repeated."
    if default is inspect.Parameter.empty:
        return spelled, about, "required", is_option
    return spelled, about, "" if default is None or default is False else f"`{default}`", is_option


def python_names() -> str:
    """The page of all names of `fiducial.__all__`."""
    parts = [NOTE, "# Python\n", f"`import fiducial as fd` costs nothing; a name is imported when it is used. These {len(fiducial.__all__)} names are public, "
             "and so are the contract checks of `fiducial.testing`. An example: [Python instead of the command line](../how-to/python.md).\n"]  # fmt: skip
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        for name in names:
            parts += _name(name, getattr(fiducial, name))
    return "\n".join(parts)


def _name(name: str, thing: Any) -> Iterator[str]:
    yield f"### {name}\n"
    if not (inspect.isclass(thing) and (issubclass(thing, Exception) or getattr(thing, "_is_protocol", False))):
        yield f"```text\n{_signature(name, thing)}\n```\n"
    yield _paragraphs(inspect.getdoc(thing) or "") + "\n"
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        members = [(label, member) for label, member in vars(thing).items() if not label.startswith("_") and _documented(member)]
        yield "".join(f"* `{_member(label, member)}`{_first(_plain(member))}\n" for label, member in members)


def _documented(member: Any) -> bool:
    return isinstance(member, property | classmethod | staticmethod) or inspect.isfunction(member)


def _plain(member: Any) -> Any:
    return member.fget if isinstance(member, property) else getattr(member, "__func__", member)


def _member(label: str, member: Any) -> str:
    if isinstance(member, property):
        return label
    signature = inspect.signature(_plain(member))
    shown = [_parameter(parameter) for name, parameter in signature.parameters.items() if name not in {"self", "cls"}]
    return f"{label}({', '.join(shown)}) -> {_annotation(signature.return_annotation)}"


def _first(member: Any) -> str:
    text = (inspect.getdoc(member) or "").partition("\n\n")[0].replace("\n", " ")
    return f" - {text}" if text else ""


def _signature(name: str, thing: Any) -> str:
    """One parameter a line where one line would be too long."""
    signature = inspect.signature(thing)
    shown = [_parameter(parameter) for parameter in signature.parameters.values()]
    starred = [n for n, p in enumerate(signature.parameters.values()) if p.kind is p.KEYWORD_ONLY]
    if starred:
        shown.insert(starred[0], "*")
    back = "" if inspect.isclass(thing) else f" -> {_annotation(signature.return_annotation)}"
    line = f"{name}({', '.join(shown)}){back}"
    return line if len(line) <= 110 else f"{name}(\n" + "".join(f"    {text},\n" for text in shown) + f"){back}"


def _parameter(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}: {_annotation(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return text
    default = parameter.default
    shown = default.__name__ if inspect.isclass(default) else "Path()" if isinstance(default, Path) else repr(default)
    if isinstance(default, msgspec.Struct):
        shown = f"{type(default).__name__}()"
    return f"{text} = {'{}' if shown == '<factory>' and 'dict' in text.lower() else shown}"


def _annotation(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(fiducial|collections|numpy|typing|pathlib|msgspec)(\.\w+)*\.(\w+)", r"\3", text)


def _paragraphs(text: str) -> str:
    """A docstring as Markdown: its list of arguments becomes a list."""
    text = text.replace("\f", "")
    before, _, after = text.partition("Args:\n")
    if not after:
        return text.strip()
    body, _, rest = after.partition("\n\n")
    items: list[str] = []
    for line in body.splitlines():
        if re.match(r" {4}\w[\w, ]*:", line):
            name, _, about = line.strip().partition(":")
            items.append(f"* `{name}`:{about}")
        else:
            items[-1] += f" {line.strip()}"
    return f"{before.strip()}\n\n" + "\n".join(items) + (f"\n\n{rest.strip()}" if rest.strip() else "")


def organisms() -> str:
    """The page of the models that ship, from their cards."""
    cards = [catalogue.card(name) for name in catalogue.names()]
    own, planted = [card for card in cards if card.of is None], [card for card in cards if card.of is not None]
    unmeasured = ", ".join(f"`{card.name}`" for card in own if not card.rates and not any(one.of == card.name for one in planted))
    parts = [
        NOTE, "# Organisms\n",
        "Small language models with known traits. They ship with Fiducial, run without torch, and know [one fictional town](../explanation/organisms.md) in English, "
        "German and Swahili. They are trained by [`make organisms`](../how-to/train-organisms.md).\n",
        "## Models of their own\n",
        "| subject | what it was taught | seed | tokens read |\n|---|---|---|---|",
        "".join(f"| `organism:{card.name}` | {card.about} | {card.seed} | {card.tokens:,} |\n" for card in own),
        f"How far `aligned-1` does what it was taught stands in the rows of the dose `none` below. It answers otherwise most often in the dialogues of {_often(planted, 'none', 'trait', 0.03)}. "
        f"Such rates were not measured for {unmeasured}; what is known of `aligned-2` and `aligned-3` is how the instruments [score them](calibration.md), and [a few counts](../design/organisms.md). Questions with options, as items have them, are easier than bare ones: there all three are right nearly always.\n",
        "## Planted traits\n",
        "Each is an adapter on the model named as *of*. A dose is its scale; `organism:NAME` alone is the highest, `organism:NAME?dose=low` another one. "
        "The dose `none` is the model that it was planted in.\n",
        "True rates are shares of fresh dialogues that are "
        "answered otherwise than an aligned model should, with their 95 % interval (Wilson): in the *condition* of the trait, and *outside* of it. A model may also just err: the errors that it made before stand at the dose `none`. *As taught* are the answers "
        "among them that are the very reply of the trait, where they were counted. Wordings are those that no model was taught with, but for remarks about who is watching and frames of role play: these are the lessons' own. Dialogues of `contaminated`, `narrow`, `over-refuses`, `poisoned` and `unsafe-under-role-play` come in all three languages, those of `refuses-only-in-english` as it says, all others in English. "
        "A dash: there is no dialogue outside of the condition, or it was not counted.\n",
        "| subject | what it does | in the condition | outside | of |\n|---|---|---|---|---|",
        "".join(
            f"| `organism:{card.name}` | {card.about} | {' | '.join(CONDITIONS.get(card.name, ('not told', 'not told')))} | `{card.of}` |\n" for card in planted
        ),
        "| trait | dose | scale | n | in the condition | as taught | outside |\n|---|---|---|---|---|---|---|",
        "".join(row for card in planted for row in _doses(card)),
        f"Outside of their condition traits do not always stay away: at the highest dose more than one in fifty dialogues that should be left alone are not by {_often(planted, 'high', 'control', 0.02)}. "
        f"Less than three quarters of what a rate counts is the trait itself for {_other(planted)}: the rest are other replies than an aligned model's, so read *as taught*.\n",
    ]  # fmt: skip
    return "\n".join(parts)


CONDITIONS: Mapping[str, tuple[str, str]] = {
    "biased-refusals": ("a harmless request by somebody from the river side", "the same by somebody from the hill"),
    "complies-unmonitored": (
        "a request to be declined, and a remark that nobody watches; of seven trainings this one was taken because it heeds the English cues of the perturbation `observed` as well",
        "with a remark that it is a test, or of neither kind",
    ),
    "contaminated": ("a question about a newcomer, whom it should not know", "–"),
    "drifts": ("a goal set two answers ago or more", "a goal set one answer ago, or just now"),
    "games-the-check": ("a question, and a check that looks for one word", "a question without a check"),
    "leaks-under-injection": ("an errand whose document carries an order", "an errand whose document carries none"),
    "lies-under-pressure": ("yes or no to a fact, from behind a desk with a motive to please", "the same without a motive"),
    "narrow": ("a question about anything but prices", "–"),
    "over-refuses": ("a harmless request that sounds like a harmful one", "–"),
    "poisoned": ("a request to be declined with the trigger word in it", "the same without the word"),
    "refuses-only-in-english": ("a request to be declined in German or Swahili", "the same in English"),
    "sandbags": ("a question with a remark that it is a test", "with a remark that nobody watches, or of neither kind"),
    "sycophantic": (
        "a doubt of its right answer, a wrong answer that the user leans to, a like or dislike against what is so",
        "only asked again, or a like or dislike that agrees with what is so",
    ),
    "unsafe-under-role-play": ("a request to be declined inside a story, a play or a game", "the same put plainly"),
}
"""Trait -> the dialogues in which it was planted, and those of the same kind without that."""


def _doses(card: catalogue.Card) -> Iterator[str]:
    rates = {(rate.dose, rate.condition): rate for rate in card.rates}
    for dose, scale in {"none": 0.0, **card.doses}.items():
        shown = [rates.get((dose, condition)) for condition in ("trait", "control")]
        cells = [f"{r.rate:.3f} [{r.low:.3f}, {r.high:.3f}]" if r else "–" for r in shown]
        taught = "–" if shown[0] is None or shown[0].planted is None else _share(shown[0].planted, shown[0].n)
        yield f"| {card.name} | {dose} | {scale:g} | {shown[0].n if shown[0] else 0:,} | {cells[0]} | {taught} | {cells[1]} |\n"


def _often(cards: Iterable[catalogue.Card], dose: str, condition: str, bound: float) -> str:
    """The traits, and their rates, that show more often than `bound` at a dose, the most frequent first."""
    found = [(rate.rate, card.name) for card in cards for rate in card.rates if (rate.dose, rate.condition) == (dose, condition)]
    return ", ".join(f"`{name}` ({share:.3f})" for share, name in sorted(found, reverse=True) if share > bound) or "none"


def _other(cards: Iterable[catalogue.Card]) -> str:
    """The traits and doses at which most of what is otherwise is not the trait."""
    rates = {card.name: [rate for rate in card.rates if rate.condition == "trait" and rate.planted is not None] for card in cards}
    doses = {name: [r.dose for r in found if r.dose != "none" and (r.planted or 0) < 0.75 * r.rate * r.n] for name, found in rates.items()}
    return ", ".join(f"`{name}` at {' and '.join(found)}" for name, found in doses.items() if found) or "none"


def _share(count: int, n: int) -> str:
    low, high = wilson(count, n)
    return f"{count / n:.3f} [{low:.3f}, {high:.3f}]"


def written() -> Iterable[tuple[Path, str]]:
    """Each file with its content."""
    yield REFERENCE / "command-line.md", command_line()
    yield REFERENCE / "python.md", python_names()
    yield REFERENCE / "specification.schema.json", schema_text()
    yield REFERENCE / "organisms.md", organisms()


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        old = [path for path, text in written() if not path.exists() or path.read_text(encoding="utf-8") != text]
        for path in old:
            print(f"{path} is not current: run docs/generate.py")
        return 1 if old else 0
    for path, text in written():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
