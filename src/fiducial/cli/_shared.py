"""What several commands share: option types, progress, tables of results."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fiducial.kernel.errors import UsageError

if TYPE_CHECKING:
    from fiducial.api.results import Result
    from fiducial.engine.budget import Ledger
    from fiducial.engine.plan import Options
    from fiducial.kernel.records import Judgement, Response
    from fiducial.kernel.roles import Exchange

SpecFile = Annotated[str, typer.Argument(metavar="SPEC", help="The specification, a TOML file.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run's directory.")]
Seed = Annotated[int | None, typer.Option(help="Orders the plan and draws wordings (default: the specification's cycle seed).")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many items of each benchmark.")]
Repeat = Annotated[int, typer.Option(min=1, help="Ask each trial so many times.")]
Filter = Annotated[str | None, typer.Option("--filter", metavar="BENCHMARK/CELL", help="Only this part, e.g. sycophancy/language=de.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def options(spec: str, seed: int | None, limit: int | None, repeat: int, only: str | None) -> Options:
    """The plan's options; without a seed the specification's cycle seed is taken."""
    from fiducial.engine.plan import Options
    from fiducial.engine.spec import read

    return Options(seed=read(spec)[0].cycle.seed if seed is None else seed, limit=limit, repeat=repeat, only=only)


def print_json(value: Any) -> None:
    """A value as JSON on standard output."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def conclusion(result: Result, *, as_json: bool) -> int:
    """Print what a run came to; the exit code."""
    code = result.exit_code
    if as_json:
        import msgspec

        built: dict[str, Any] = {"run": str(result.path), "revision": result.revision, "exit_code": code, "interrupted": result.interrupted}
        view = result.reported or result.view()
        built["history"] = view.history
        for name, records in (
            ("decisions", result.decisions), ("estimates", result.estimates), ("causes", view.causes), ("failing", view.failing),
        ):  # fmt: skip
            built[name] = msgspec.to_builtins(records)
        print_json(built)
        return code
    from fiducial.report.terminal import show

    show(result.reported or result.view())
    folder = result.path / "revisions" / str(result.revision)
    print(f"run     {result.path}")
    print(f"report  {folder / 'report.html'}")
    if result.interrupted:
        print(f"stopped early: {result.interrupted}; go on with: fiducial run --resume {result.path}")
    return code


class Ticker:
    """Progress on standard error: a line that rewrites itself on a terminal, one line every ten seconds elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.total, self.quiet = 0, quiet
        self.terminal = sys.stderr.isatty()
        self.every = 0.2 if self.terminal else 10.0
        self.started = self.last = time.monotonic()
        self.trials = self.faults = self.cached = self.unknown = self.tokens = 0
        self.ledger: Ledger | None = None
        self.outcomes: Counter[str] = Counter()

    def begin(self, total: int, ledger: Ledger) -> None:
        self.total, self.ledger = total, ledger

    def decided(self, claim: str, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def unit(self, subject: str, responses: Sequence[Response], judgements: Sequence[Judgement]) -> None:
        self.trials += len(responses)
        for response in responses:
            self.faults += response.status == "fault"
            self.cached += response.cached
            self.tokens += (response.usage.input or 0) + (response.usage.output or 0)
        self.unknown += sum(judgement.value is None and judgement.fault is not None for judgement in judgements)
        now = time.monotonic()
        if not self.quiet and now - self.last >= self.every:
            self.last = now
            self._line(now, "\r" if self.terminal else "")

    def note(self, sentence: str) -> None:
        """A line of its own, also where progress is not shown."""
        print(f"\n{sentence}" if self.terminal and not self.quiet else sentence, file=sys.stderr, flush=True)

    def done(self) -> None:
        """The last line."""
        if not self.quiet and self.total:
            self._line(time.monotonic(), "\r" if self.terminal else "")
            if self.terminal:
                print(file=sys.stderr)

    def _line(self, now: float, start: str) -> None:
        seconds = max(now - self.started, 1e-6)
        parts = [f"{self.trials}/{self.total} trials", f"{self.trials / seconds:.0f}/s", f"{self.tokens} tokens"]
        parts += [
            f"{count} {name}"
            for count, name in ((self.faults, "faults"), (self.cached, "from cache"), (self.unknown, "judge faults"))
            if count
        ]
        if self.ledger is not None and self.ledger.spent_money:
            parts.append(f"cost {self.ledger.spent_money:.2f}")
        parts += [f"{count} claims {outcome}" for outcome, count in sorted(self.outcomes.items())]
        text = f"{start}{', '.join(parts)}"
        print(text.ljust(79) if start else text, end="" if start else "\n", file=sys.stderr, flush=True)


def print_case(title: str, exchanges: Sequence[Exchange], judgements: Sequence[Judgement]) -> None:
    """A unit's dialogues and what the judges made of them, as plain text; control characters are shown, not obeyed."""
    print(_plain(f"unit {title}"))
    for exchange in exchanges:
        response = exchange.response
        state = f"{response.status}: {response.fault}" if response.fault else response.status
        print(_plain(f"\n--- {exchange.trial.part}   trial {exchange.trial.key[:12]}   {state}"))
        for message in exchange.messages:
            if message.reasoning:
                print(_plain(f"[{message.role}, reasoning] {message.reasoning}"))
            if message.text or not message.tool_calls:
                print(_plain(f"[{message.role}] {message.text}"))
            for call in message.tool_calls:
                print(_plain(f"[{message.role} calls] {call.name} {call.arguments}"))
        if response.final_state is not None:
            print(_plain(f"[final state] {response.final_state}"))
    if not judgements and all(exchange.response.status == "answered" for exchange in exchanges):
        print("\nno judgement: no judge of this benchmark is configured")
    else:
        print("\njudgements" if judgements else "\nno answer to judge")
    for judgement in judgements:
        value = "could not tell" if judgement.value is None else f"{judgement.value:g}"
        part = f" ({judgement.part})" if judgement.part else ""
        tail = "; ".join(text for text in (judgement.reason, judgement.fault) if text)
        print(_plain(f"  {judgement.aspect}{part}: {value} {judgement.label}   {tail}   [{judgement.judge}]"))


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def only_one(name: str, *given: object) -> None:
    """Refuse options that exclude each other."""
    if sum(value is not None and value is not False for value in given) > 1:
        raise UsageError(f"{name}: these options exclude each other")
