"""From the names of a specification to plugins: benchmarks, factors, judges, subjects, environments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fiducial.engine.admission import Audits
from fiducial.engine.estimate import people_of, second_of
from fiducial.engine.observe import Journalled, Line, Panel
from fiducial.engine.plan import Factor, Options, Part, of_item
from fiducial.engine.plan import trials as plan_trials
from fiducial.engine.seeds import generator
from fiducial.engine.spec import BenchmarkEntry, Plugin, Specification, check_quantities
from fiducial.engine.spec import read as read_spec
from fiducial.kernel.errors import PluginError, SpecError, UsageError
from fiducial.kernel.load import KINDS, load
from fiducial.kernel.records import Ref, Trial
from fiducial.kernel.roles import Benchmark, Context, Cycle, Environment, Judge, Subject
from fiducial.store import cards
from fiducial.store.cards import JudgeCard

ITEMS = 100
"""Items of a built-in benchmark whose table does not say how many."""

EVERY = 10_000_000
"""More items than a file may have: all of them."""


@dataclass(frozen=True)
class Resolved:
    """A specification with its plugins. `judges[label][name]` is `None` where one is not configured."""

    name: str
    folder: Path
    spec: Specification
    parts: tuple[Part, ...]
    judges: Mapping[str, Mapping[str, Judge | None]]
    graders: tuple[Journalled, ...]
    cards: Mapping[str, JudgeCard] = field(default_factory=dict)

    @property
    def benchmarks(self) -> dict[str, Benchmark]:
        """By the name of their table."""
        return {part.label: part.benchmark for part in self.parts}

    @property
    def controls(self) -> dict[str, tuple[Any, Any]]:
        """``(negative, positive)`` by the benchmark id that trials carry."""
        return {part.id: (part.benchmark.negative, part.benchmark.positive) for part in self.parts}

    @property
    def exact(self) -> frozenset[str]:
        """Ids of judges that read facts and need no audit."""
        return frozenset(j.id for named in self.judges.values() for j in named.values() if j is not None and getattr(j, "exact", False))

    @property
    def audits(self) -> Audits:
        """What is demanded of the judges and known of them."""
        there = {judge.id: judge for named in self.judges.values() for judge in named.values() if judge is not None}
        models = {name: model for name, judge in there.items() if isinstance(model := getattr(judge, "subject_id", None), str)}
        rule = self.spec.admission
        names = {label: entry.use or label for label, entry in self.spec.benchmarks.items()}
        domains = {**names, **(rule.domains if rule is not None else {})}
        return Audits(rule=rule, cards=self.cards, models=models, exact=self.exact, domains=domains)

    def with_cards(self, paths: Sequence[Path]) -> Resolved:
        """With the cards that ship and those of files, which go first."""
        return replace(self, cards={**self.cards, **cards.by_judge([*cards.shipped(), *paths])})

    @property
    def cards_used(self) -> list[JudgeCard]:
        """The cards of its judges, where judges are to be admitted."""
        there = {judge.id for named in self.judges.values() for judge in named.values() if judge is not None}
        return [self.cards[name] for name in sorted(there & self.cards.keys())] if self.spec.admission is not None else []

    @property
    def panel(self) -> Panel:
        """Who reads: each judge once a benchmark, whatever number of names it has there."""
        judges = {
            label: list({judge.id: judge for judge in named.values() if judge is not None}.values()) for label, named in self.judges.items()
        }
        return Panel(self.benchmarks, judges)

    def judge_ids(self, label: str) -> dict[str, str | None]:
        """Judge name -> id, for one benchmark."""
        return {name: None if judge is None else judge.id for name, judge in self.judges[label].items()}

    def named_judges(self) -> dict[str, Judge]:
        """The judges that are configured, by ``benchmark.name``."""
        pairs = ((f"{label}.{name}", judge) for label, named in self.judges.items() for name, judge in named.items())
        return {name: judge for name, judge in pairs if judge is not None}

    def journal_with(self, line: Line | None) -> None:
        """Let the judges' own calls take a line."""
        for grader in self.graders:
            grader.line = line


def resolve(spec: Specification, name: str) -> Resolved:
    """Find everything a specification names. Raises `SpecError` or `PluginError`."""
    folder = Path(name).resolve().parent
    graders: dict[str, Journalled] = {}
    configured = {label: _judge(spec, name, folder, label, graders) for label in spec.graders}
    parts: list[Part] = []
    judges: dict[str, Mapping[str, Judge | None]] = {}
    for label, entry in spec.benchmarks.items():
        benchmark = _benchmark(spec, name, folder, label, configured)
        parts.append(_part(spec, name, folder, label, entry, benchmark))
        judges[label] = _judges(name, label, entry, benchmark, configured)
        if not isinstance(entry.items, str):  # own cases have the quantities that their judge reads
            _check_aspects(name, parts[-1], judges[label], configured)
    resolved = Resolved(name=name, folder=folder, spec=spec, parts=tuple(parts), judges=judges, graders=tuple(graders.values()))
    check_quantities(name, spec, resolved.benchmarks)
    _check_fixed(resolved)
    return resolved.with_cards(())


def subject(text: str, folder: Path, resolved: Resolved | None = None, options: Options | None = None) -> Subject:
    """The subject that a text such as ``chat:MODEL@URL`` or ``scripted:aligned`` names."""
    kind, colon, rest = text.partition(":")
    if not colon:
        raise UsageError(f"subject: expected KIND:REST such as chat:MODEL@http://host:port/v1 or python:bot.py:reply, got {text!r}")
    factory = load("subject", kind)
    if resolved is None:
        return factory(rest, Context(folder=folder))
    chosen = options or Options()

    def trials() -> Iterable[Trial]:
        return plan_trials(resolved.parts, replace(chosen, limit=None, only=None))

    return factory(rest, Context(folder=folder, trials=trials, controls=resolved.controls))


def _check_fixed(resolved: Resolved) -> None:
    """Claims corrected for their judge's errors take a fixed number of trials."""
    if resolved.spec.admission is None or resolved.spec.stopping.rule == "fixed":
        return
    for n, claim in enumerate(resolved.spec.claims):
        label, _, name = claim.quantity.partition(".")
        entry = resolved.benchmarks[label].quantities.get(name) if label in resolved.benchmarks else None
        judge = resolved.judges[label].get(entry.judge) if entry is not None else None
        if judge is not None and judge.id not in resolved.exact:
            raise SpecError(
                resolved.name, "stopping.rule",
                f"'fixed' with [judges.admission], because claims[{n}] rests on a judge whose errors are corrected for", "sequential",
            )  # fmt: skip


@functools.cache
def environment(name: str) -> Environment:
    """An environment by name."""
    return load("environment", name)


def _plugin(name: str, at: str, kind: str, text: str, folder: Path) -> Any:
    """A plugin that a key of the specification names."""
    try:
        return load(kind, text, folder)
    except PluginError as error:
        raise PluginError(f"{name}: {at}: {error}") from error


def _benchmark(spec: Specification, name: str, folder: Path, label: str, configured: Mapping[str, Judge]) -> Benchmark:
    entry = spec.benchmarks[label]
    if isinstance(entry.items, str):
        return _own_cases(spec, name, folder, label, configured)
    found = _plugin(name, f"benchmarks.{label}{'.use' if entry.use else ''}", "benchmark", entry.use or label, folder)
    if not isinstance(found, Benchmark):
        raise PluginError(f"{name}: benchmarks.{label}: benchmark {entry.use or label!r}: expected a Benchmark, got {type(found).__name__}")
    if entry.pack is None:
        return replace(found, name=label)
    # A pack knows benchmarks by their own names, whatever the table is called.
    return replace(
        found, name=label, items=functools.partial(_plugin(name, f"benchmarks.{label}.pack", "pack", entry.pack, folder), found.name)
    )


def _own_cases(spec: Specification, name: str, folder: Path, label: str, configured: Mapping[str, Judge]) -> Benchmark:
    """The benchmark of a file of cases; its judge is a plugin, or the table of ``[judges]`` that is called like it."""
    from fiducial.benchmarks.cases import from_file

    entry, at = spec.benchmarks[label], f"benchmarks.{label}"
    wanted = entry.judge or "match"
    role = Path(wanted).stem if wanted.endswith(".py") else wanted.rpartition(":")[2]
    table = entry.judges.get(role, role)
    own = configured.get(table)
    if own is None:
        factory = _plugin(name, f"{at}.judge", "judge", wanted, folder)
        if needed := [
            p.name for p in inspect.signature(factory).parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD
        ]:
            keys = [f'use = "{wanted}"'] * (wanted != role) + ['subject = "chat:MODEL@URL"' if key == "subject" else key for key in needed]
            raise SpecError(name, f"judges.{role}", f"a table [judges.{role}] with {', '.join(keys)}, because {at}.judge is {wanted!r}")
        # A chatbot answers in sentences: a reference that stands in the answer is a match unless [judges.match] says otherwise.
        own = factory(how="includes") if wanted == "match" else factory()
    reading = str(spec.graders[table].get("use", table)) if table in configured else wanted
    try:
        return from_file(label, folder / str(entry.items), own, role, reading)
    except PluginError as error:
        raise PluginError(f"{name}: {at}.judge: {error}") from error
    except UsageError as error:
        raise UsageError(f"{name}: {at}.items: {error}") from error


def _part(spec: Specification, name: str, folder: Path, label: str, entry: BenchmarkEntry, benchmark: Benchmark) -> Part:
    items = None
    from_file = isinstance(entry.items, str) or entry.data is not None
    if entry.data is not None:
        loader = benchmark.loaders.get(entry.data.format)
        if loader is None:
            there = ", ".join(benchmark.loaders) or "none"
            raise SpecError(name, f"benchmarks.{label}.data.format", f"a format that {label} reads ({there})", entry.data.format)
        try:
            items = loader(folder / entry.data.path)
        except UsageError as error:
            raise UsageError(f"{name}: benchmarks.{label}.data: {error}") from error
    count = entry.items if isinstance(entry.items, int) else EVERY if from_file else ITEMS
    perturbations = entry.perturbations if entry.perturbations is not None else (() if from_file else ("phrasing",))
    factors = [_factor(name, folder, label, "perturbation", plugin) for plugin in perturbations]
    factors += [_factor(name, folder, label, "attack", plugin) for plugin in entry.attacks]
    cycle = Cycle(seed=spec.cycle.seed, count=count, anchors=spec.cycle.anchors)
    return Part(label=label, benchmark=benchmark, cycle=cycle, factors=tuple(factors), design=entry.design, items=items)


def _factor(name: str, folder: Path, label: str, kind: str, plugin: Plugin) -> Factor:
    options = dict(plugin) if isinstance(plugin, dict) else {"use": plugin}
    use = options.pop("use")
    at = f"benchmarks.{label}.{KINDS[kind][0]}"
    vary = _plugin(name, at, kind, use, folder)
    check_options(name, f"{at}.{use}", vary, options, skip=3)
    return Factor(name=use, vary=functools.partial(vary, **options) if options else vary)


def _judges(name: str, label: str, entry: BenchmarkEntry, benchmark: Benchmark, configured: Mapping[str, Judge]) -> dict[str, Judge | None]:
    found: dict[str, Judge | None] = {}
    for wanted in entry.judges:
        if wanted not in benchmark.judges:
            raise SpecError(name, f"benchmarks.{label}.judges", f"a judge of {label} ({', '.join(benchmark.judges)})", wanted)
    for role, own in benchmark.judges.items():
        replaced = entry.judges.get(role)
        if replaced is not None and replaced not in configured:
            raise SpecError(name, f"benchmarks.{label}.judges.{role}", f"a table of [judges] ({', '.join(configured)})", replaced)
        if replaced is not None or role in configured:
            found[role] = configured[replaced or role]
        elif isinstance(own, Ref):
            factory = load("judge", own.name)
            needed = [p.name for p in inspect.signature(factory).parameters.values() if p.default is p.empty and p.name not in own.args]
            found[role] = None if needed else factory(**own.args)
        else:
            found[role] = own
    for key, named, place in (("second", entry.second, second_of), ("people", entry.people, people_of)):
        for role, beside in named.items():
            if role not in benchmark.judges or beside not in configured:
                there = f"a judge of {label} ({', '.join(benchmark.judges)}) = a table of [judges] ({', '.join(configured) or 'none'})"
                raise SpecError(name, f"benchmarks.{label}.{key}.{role}", there, beside)
            found[place(role)] = configured[beside]
    return found


def _check_aspects(name: str, part: Part, named: Mapping[str, Judge | None], configured: Mapping[str, Judge]) -> None:
    """Refuse a judge of ``[judges]`` in a role of which it reads nothing: every unit would stay without a value."""
    from fiducial.benchmarks._aspects import aspects_of

    own = {id(judge) for judge in configured.values()}
    for role in part.benchmark.judges:
        judge, wanted = named[role], {entry.aspect for entry in part.benchmark.quantities.values() if entry.judge == role}
        if judge is None or id(judge) not in own or not wanted:
            continue
        trials = _some_unit(part)
        if any(trial.environment is not None for trial in trials):
            continue  # what such a judge reads may hang on what the environment did
        found = aspects_of(judge, role, trials, part.benchmark.positive)
        if not wanted & found.keys():
            raise SpecError(
                name, f"benchmarks.{part.label}.judges.{role}", f"a judge of {', '.join(sorted(wanted))}", f"one of {', '.join(found)}"
            )


def _some_unit(part: Part) -> list[Trial]:
    """The trials of a first unit."""
    items = part.items or part.benchmark.items(generator(part.cycle.seed, "items", part.label), replace(part.cycle, count=2))
    trials = list(of_item(replace(part, factors=()), items[0], Options()))
    return [trial for trial in trials if trial.unit == trials[0].unit]


def _judge(
    spec: Specification, name: str, folder: Path, label: str, graders: dict[str, Journalled], within: tuple[str, ...] = ()
) -> Judge:  # fmt: skip
    """The judge of a table of ``[judges]``; `within` names the panels that it is being built for."""
    options = dict(spec.judges[label])
    use = str(options.pop("use", label))
    options.pop("allow_self", None)
    at = f"judges.{label}"
    factory = _plugin(name, at, "judge", use, folder)
    check_options(name, at, factory, options)

    def model(text: str) -> Journalled:
        if text not in graders:
            graders[text] = Journalled(subject(text, folder))
        return graders[text]

    if isinstance(options.get("subject"), str):
        options["subject"] = model(options["subject"])
    if "advocates" in options:
        options["advocates"] = tuple(model(str(text)) for text in options["advocates"])
    if "members" in options:
        members = [str(member) for member in options["members"]]
        for n, member in enumerate(members):
            if member not in spec.graders or member in (*within, label):
                there = ", ".join(other for other in spec.graders if other not in (*within, label))
                raise SpecError(name, f"{at}.members[{n}]", f"another table of [judges] ({there or 'there is none'})", member)
        options["members"] = [_judge(spec, name, folder, member, graders, (*within, label)) for member in members]
    if isinstance(options.get("path"), str):
        options["path"] = folder / options["path"]
    if isinstance(options.get("scale"), str):
        if options["scale"] not in spec.scales:
            raise SpecError(name, f"{at}.scale", f"a name in [scales] ({', '.join(spec.scales) or 'none'})", options["scale"])
        options["scale"] = spec.scales[options["scale"]]
    return factory(**options)


def judge_of(text: str) -> tuple[Judge, tuple[Journalled, ...]]:
    """A judge on its own, and the models it asks: by name with its defaults, or ``NAME=SPEC`` for a table of ``[judges]``."""
    name, sign, file = text.partition("=")
    if not sign:
        factory = load("judge", name)
        check_options(f"judge {name}", "options", factory, {})
        return factory(), ()
    spec, _ = read_spec(file)
    if name not in spec.graders:
        raise SpecError(file, "judges", f"a table [judges.{name}]", ", ".join(spec.graders) or "none")
    graders: dict[str, Journalled] = {}
    made = _judge(spec, file, Path(file).resolve().parent, name, graders)
    return made, tuple(graders.values())


def check_self_judging(resolved: Resolved, subjects: Sequence[Subject]) -> None:
    """Refuse a model as judge of itself unless ``allow_self = true``."""
    measured = {subject.id for subject in subjects}
    for label, named in resolved.judges.items():
        entry = resolved.spec.benchmarks[label]
        tables = {role: entry.judges.get(role, role) for role in named} | {second_of(role): name for role, name in entry.second.items()}
        tables |= {people_of(role): name for role, name in entry.people.items()}
        for role, judge in named.items():
            options = resolved.spec.graders.get(tables[role], {})
            models = getattr(judge, "subject_ids", frozenset({getattr(judge, "subject_id", None)}))
            if judge is not None and models & measured and not options.get("allow_self"):
                raise SpecError(
                    resolved.name, f"judges.{tables[role]}.subject", "another model than the one measured, or allow_self = true",
                    options.get("subject"),
                )  # fmt: skip


def check_options(name: str, at: str, factory: Callable[..., Any], options: Mapping[str, Any], skip: int = 0) -> None:
    """Refuse an option that a plugin does not take, or lack of one that it needs; its first `skip` parameters are no options."""
    parameters = inspect.signature(factory).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    allowed = list(parameters)[skip:]
    for option in options:
        if option not in allowed:
            raise SpecError(name, f"{at}.{option}", f"an option it takes ({', '.join(allowed) or 'none'})", options[option])
    for option in allowed:
        if parameters[option].default is parameters[option].empty and option not in options:
            raise SpecError(name, at, f"the option `{option}`")
