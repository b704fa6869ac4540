"""Calibrate: instruments put to organisms with and without a known trait, and what each of them can and cannot see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fiducial.api import resolve
from fiducial.api.instruments import SHIPPED, Calibrated, Diagnosed, Instrument, read
from fiducial.api.probing import DRAWS, probing
from fiducial.api.scoring import START, Group, Heard, Kept, Met, Score, Told, Wanted, benched, measure
from fiducial.api.sharing import Order, share, shares
from fiducial.kernel.digest import bytes_digest
from fiducial.kernel.errors import NotEstimable, StoreError, UsageError
from fiducial.kernel.records import Estimate, Target
from fiducial.kernel.roles import Subject
from fiducial.organisms.catalogue import Rate
from fiducial.report.calibration import ALIGNED, Calibration, Cell, Provenance, Response, rows
from fiducial.report.calibration_page import page
from fiducial.stats import detection
from fiducial.stats.means import mean
from fiducial.stats.proportions import clopper_pearson, wilson
from fiducial.stats.table import Floats, Table

PAGE, ROWS, PROVENANCE = "calibration.md", "calibration.json", "calibration.provenance.json"


@dataclass(frozen=True)
class Settings:
    """How much: `runs` for an instrument's own trait at the highest dose and for the aligned organisms together.

    `off_runs` for its own trait at lower doses and for other traits at the highest; a quarter of it, which may be none, for other
    traits at lower doses. `probe_runs` takes the place of `runs` for diagnostics, which have no gate, where it is less.
    `workers` are processes that share the subjects; results do not depend on them.
    """

    instruments: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    runs: int = 100
    off_runs: int = 10
    probe_runs: int = 40
    items: int | None = None
    seed: int = 0
    out: Path = Path("calibration")
    workers: int = 1


def calibrate(
    path: str | Path = SHIPPED, settings: Settings | None = None, *, begin: Callable[[int], None] | None = None, heard: Heard | None = None
) -> Calibration:
    """Measure what is not measured yet, and write ``calibration.json``, its provenance and ``calibration.md`` beside ``scores.jsonl``.

    Args:
        path: the file of instruments; by default ours.
        settings: which instruments and traits, how many runs, and the folder.
        begin: hears how many runs are missing.
        heard: hears of each run that was measured.

    Raises `UsageError` (with `SpecError`) for what is not there, `StoreError` where scores are not those that an earlier call left. An
    interrupted call loses only the runs in work.
    """
    chosen = settings or Settings()
    work = _prepare(path, chosen)
    kept = _opened(chosen.out)
    if begin is not None:
        begin(sum(want.runs for want in work.wanted))
    if chosen.workers > 1:
        order = Order(
            path=str(path), instruments=chosen.instruments, traits=chosen.traits, runs=chosen.runs, off_runs=chosen.off_runs,
            items=chosen.items, seed=chosen.seed, out=str(chosen.out), probe_runs=chosen.probe_runs,
        )  # fmt: skip
        asyncio.run(share(order, shares(work.wanted, chosen.workers), heard or _silent))
        kept = Kept.open(chosen.out)
    met = Met()
    scores = asyncio.run(measure(work.wanted, kept, work.open_subject, (work.items, chosen.seed), heard or _silent, met))
    made = conclude(work, scores, chosen, met.rates)
    probes = {group.name for group in work.groups if any(one.kind == "diagnostic" for one in group.instruments)}
    draws = {score.draws for (name, _), found in scores.items() if name in probes for score in found}
    data = rows_json(made)
    of = provenance(path, chosen, kept, met, (data, tuple(sorted(draws))))
    (chosen.out / PAGE).write_text(page(made, of), encoding="utf-8")
    (chosen.out / ROWS).write_bytes(data)
    (chosen.out / PROVENANCE).write_bytes(_indented(of))
    return made


def _opened(folder: Path) -> Kept:
    """The scores of a folder. Raises `StoreError` where they do not begin with those that its provenance file names."""
    import msgspec

    kept, note = Kept.open(folder), folder / PROVENANCE
    if not note.exists():
        return kept
    try:
        said = msgspec.json.decode(note.read_bytes(), type=Provenance)
    except msgspec.MsgspecError as error:
        raise StoreError(f"{note}: is not what a calibration was made of: {error}") from None
    if len(kept.heads) <= said.lines or kept.heads[said.lines] != said.head:
        there = kept.heads[said.lines][:12] if len(kept.heads) > said.lines else f"{len(kept.heads) - 1} lines"
        raise StoreError(
            f"{kept.path}: its first {said.lines} lines are not those that {PROVENANCE} names: needs {said.head[:12]}, got {there} "
            f"(remove {PROVENANCE} to go on with what is there)"
        )
    return kept


def provenance(path: str | Path, settings: Settings, kept: Kept, met: Met, made: tuple[bytes, tuple[int, ...]]) -> Provenance:
    """What a calibration was made of; `made` are its rows, and the draws versions of its diagnostics' runs."""
    from importlib.metadata import version

    words = ["fiducial calibrate", *([] if Path(path) == SHIPPED else [Path(path).name])]
    for name, chosen in (("instrument", settings.instruments), ("trait", settings.traits)):
        words += [f"--{name} {one}" for one in chosen]
    words += [f"--runs {settings.runs}", f"--off-runs {settings.off_runs}", f"--probe-runs {settings.probe_runs}"]
    words += [f"--items {settings.items}"] if settings.items is not None else []
    words += [f"--seed {settings.seed}"]
    asked = {"runs": settings.runs, "off_runs": settings.off_runs, "probe_runs": settings.probe_runs}
    asked |= {"items": settings.items, "seed": settings.seed, "instruments": settings.instruments, "traits": settings.traits}
    return Provenance(
        version=version("fiducial"), command=" ".join(words), file=Path(path).name, file_sha256=bytes_digest(Path(path).read_bytes()),
        settings=asked, organisms=dict(sorted(met.about.items())), lines=len(kept.heads) - 1, head=kept.heads[-1],
        scores_sha256=bytes_digest(kept.path.read_bytes()) if kept.path.exists() else START, rows_sha256=bytes_digest(made[0]),
        unchained=kept.unchained, draws=made[1], draws_now=DRAWS,
    )  # fmt: skip


@dataclass(frozen=True)
class _Work:
    """What a file and settings come to."""

    found: Calibrated
    groups: Sequence[Group]
    wanted: Sequence[Wanted]
    open_subject: Callable[[str], Subject]
    items: int


def _prepare(path: str | Path, settings: Settings) -> _Work:
    found = read(path)
    _check(found, settings)
    folder = Path(path).resolve().parent

    def open_subject(text: str) -> Subject:
        return resolve.subject(text, folder)

    groups: list[Group] = [*benched(found, settings.instruments), *probing(found, settings.instruments, open_subject)]
    return _Work(found, groups, list(_wanted(found, groups, settings)), open_subject, settings.items or found.items)


def only(path: str | Path, settings: Settings, subjects: Sequence[str], kept: Kept, heard: Heard) -> None:
    """Measure the runs of some subjects, and conclude nothing."""
    work = _prepare(path, settings)
    wanted = [want for want in work.wanted if want.subject in subjects]
    asyncio.run(measure(wanted, kept, work.open_subject, (work.items, settings.seed), heard, Met()))


def rows_json(made: Calibration) -> bytes:
    """The rows as an indented JSON list."""
    return _indented(rows(made))


def _indented(value: object) -> bytes:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _silent(score: Score) -> None:
    """Nobody listens."""


def _check(found: Calibrated, settings: Settings) -> None:
    there = [one.name for one in found.all]
    for name in settings.instruments:
        if name not in there:
            raise UsageError(f"calibrate: an instrument of {found.name} ({', '.join(there)}), got {name!r}")
    for name in settings.traits:
        if name not in found.organisms.traits:
            raise UsageError(f"calibrate: a trait of {found.name} ({', '.join(found.organisms.traits)}), got {name!r}")


def _traits(found: Calibrated, settings: Settings) -> tuple[str, ...]:
    return tuple(trait for trait in found.organisms.traits if not settings.traits or trait in settings.traits)


def _wanted(found: Calibrated, groups: Sequence[Group], settings: Settings) -> Iterator[Wanted]:
    """The aligned first, then trait by trait from the highest dose down: a subject is opened once."""
    aligned, doses = found.organisms.aligned, found.organisms.doses
    traits = _traits(found, settings)
    for n, subject in enumerate(aligned):
        for group in groups:
            many = _runs(group, settings)
            yield Wanted(group, subject, many // len(aligned) + (n < many % len(aligned)))
    for trait in traits:
        for dose in reversed(doses):
            for group in groups:
                own, highest = any(one.trait == trait for one in _chosen(group, settings)), dose == doses[-1]
                few = settings.off_runs if own or highest else settings.off_runs // 4
                yield Wanted(group, found.organisms.named(trait, dose), _runs(group, settings) if own and highest else few)


def _runs(group: Group, settings: Settings) -> int:
    """How many runs the group's own trait gets at the highest dose, and the aligned organisms together."""
    return min(settings.runs, settings.probe_runs) if any(one.kind == "diagnostic" for one in group.instruments) else settings.runs


def _chosen(group: Group, settings: Settings) -> list[Instrument | Diagnosed]:
    return [one for one in group.instruments if not settings.instruments or one.name in settings.instruments]


# --- conclusions -------------------------------------------------------------------------------------------------------


def conclude(
    work: _Work, scores: Mapping[tuple[str, str], Sequence[Score]], settings: Settings, rates: Mapping[str, Rate]
) -> Calibration:  # fmt: skip
    """What the scores say of each instrument, at each trait and dose. `rates` are true rates of subjects, by their text."""
    found, cells, responses = work.found, [], []
    for group in work.groups:
        for one in _chosen(group, settings):
            aligned = {text: _told(one, scores[group.name, text]) for text in found.organisms.aligned}
            for trait in _traits(found, settings):
                by_dose = {dose: _told(one, scores[group.name, found.organisms.named(trait, dose)]) for dose in found.organisms.doses}
                for dose, told in by_dose.items():
                    if told or trait == one.trait:
                        cells.append(_cell(found, one, (trait, dose), told, aligned, rates))
                if trait == one.trait:
                    responses.append(_response(one, trait, by_dose, aligned))
    return Calibration(
        organisms=found.organisms.aligned, doses=found.organisms.doses, traits=_traits(found, settings), cells=tuple(cells),
        responses=tuple(responses), items=work.items, seed=settings.seed,
        runs=settings.runs, off_runs=settings.off_runs, probe_runs=settings.probe_runs,
        about={one.name: _about(found, one) for one in found.all if one.name in {cell.instrument for cell in cells}},
    )  # fmt: skip


def _told(one: Instrument | Diagnosed, scores: Sequence[Score]) -> list[Told]:
    return [score.told.get(one.name, Told(why="not measured")) for score in scores]


def _values(one: Instrument | Diagnosed, told: Sequence[Told]) -> Floats:
    """Scores with more = more of the trait; NaN where there is none."""
    return np.array([np.nan if t.estimate is None else one.sign * t.estimate.value for t in told])


def _readable(told: Sequence[Told]) -> float | None:
    """The mean share of a run's units that had a value; `None` where no run has a score."""
    shares = [t.estimate.n / (t.estimate.n + t.estimate.missing) for t in told if t.estimate is not None]
    return float(np.mean(shares)) if shares else None


def _true_rate(rate: Rate | None, one: Instrument | Diagnosed, trait: str, where: str) -> Estimate | None:
    """By the organism's card: how often it replies as the trait was taught or, where nobody counted that, otherwise than it should."""
    if rate is None:
        return None
    of = Target(benchmark=one.name, quantity="true_rate", subject=trait, slice=where)
    value, low, high = rate.rate, rate.low, rate.high
    if rate.planted is not None:
        value, (low, high) = rate.planted / rate.n, wilson(rate.planted, rate.n)
    return Estimate(of=of, value=value, low=low, high=high, level=0.95, method="Wilson, by the card", n=rate.n, clusters=rate.n)


def _cell(
    found: Calibrated, one: Instrument | Diagnosed, at: tuple[str, str], told: Sequence[Told], aligned: Mapping[str, Sequence[Told]],
    rates: Mapping[str, Rate],
) -> Cell:  # fmt: skip
    (trait, dose), limits = at, _limits(found, one)
    where = f"trait={trait},dose={dose}"

    def of(quantity: str, *, on: str = where, baseline: str | None = ALIGNED) -> Target:
        return Target(benchmark=one.name, quantity=quantity, subject=trait, slice=on, baseline=baseline)

    mine, theirs = _values(one, told), {text: _values(one, runs) for text, runs in aligned.items()}
    control = np.concatenate(list(theirs.values()))
    whys: list[str] = []

    def tried(make: Callable[[], Estimate]) -> Estimate | None:
        try:
            return make()
        except NotEstimable as error:
            whys.append(str(error))
            return None

    controls = [t for runs in aligned.values() for t in runs]
    lost = [t.why for t in (*told, *controls) if t.estimate is None]
    whys += [f"{max(set(lost), key=lost.count)} ({len(lost)} runs without a score)"] if lost else []
    auroc = tried(lambda: _by_checkpoint(detection.auroc(mine, control, of=of("auroc")), mine, theirs, of("auroc")))
    return Cell(
        instrument=one.name, kind=one.kind, trait=trait, dose=dose, own=trait == one.trait, highest=dose == found.organisms.doses[-1],
        auroc=auroc,
        power=tried(lambda: detection.power(mine, control, of=of("power"))),
        elsewhere=tried(lambda: detection.alarms_elsewhere(theirs, of=of("false_alarm_elsewhere", on="", baseline=None))),
        false_alarm=tried(lambda: _alarms(one, controls, of("false_alarm", on="", baseline=None))) if isinstance(one, Instrument) else None,
        gate_power=tried(lambda: _alarms(one, told, of("gate_power", baseline=None))) if isinstance(one, Instrument) else None,
        score=tried(lambda: _mean(one, told, limits, of("score", baseline=None))),
        aligned_score=tried(lambda: _mean(one, controls, limits, of("score", on="", baseline=None))),
        n=len(told), aligned_n=len(controls), scored=int(np.isfinite(mine).sum()), aligned_scored=int(np.isfinite(control).sum()),
        readable=_readable(told), aligned_readable=_readable(controls),
        true_rate=_true_rate(rates.get(found.organisms.named(trait, dose)), one, trait, where), why="; ".join(dict.fromkeys(whys)),
    )  # fmt: skip


def _by_checkpoint(whole: Estimate, mine: Floats, theirs: Mapping[str, Floats], of: Target) -> Estimate:
    """The AUROC with that against each aligned organism alone beside it."""
    import msgspec

    extra = {}
    for text, scores in theirs.items():
        try:
            extra[f"auroc_{text}"] = detection.auroc(mine, scores, of=of).value
        except NotEstimable:
            continue
    return msgspec.structs.replace(whole, extra={**whole.extra, **extra})


def _alarms(one: Instrument, told: Sequence[Told], of: Target) -> Estimate:
    """Share of runs in which the default gate says `violated`, exact."""
    outcomes = [outcome for t in told if (outcome := t.outcome(one)) is not None]
    if not outcomes:
        raise NotEstimable(f"{of.benchmark}: no gate decided in {len(told)} runs")
    over, n = outcomes.count("violated"), len(outcomes)
    low, high = clopper_pearson(over, n)
    undecided = outcomes.count("undecided") / n
    return Estimate(
        of=of, value=over / n, low=low, high=high, level=0.95, method="Clopper-Pearson (exact)", n=n, clusters=n, missing=len(told) - n,
        extra={"undecided": undecided},
    )  # fmt: skip


def _mean(one: Instrument | Diagnosed, told: Sequence[Told], limits: tuple[float, float], of: Target) -> Estimate:
    """The mean headline over runs, in the quantity's own direction and unit."""
    import msgspec

    values = one.sign * detection.known(_values(one, told), of, "scores")
    rows = np.arange(len(values))
    found = mean(Table(of, values, rows, rows, range=limits))
    return msgspec.structs.replace(found, missing=len(told) - len(values))


def _limits(found: Calibrated, one: Instrument | Diagnosed) -> tuple[float, float]:
    """What the headline can be; a diagnostic's may be anything."""
    if isinstance(one, Diagnosed):
        return -np.inf, np.inf
    low, high = found.resolved.benchmarks[one.group].quantities[one.quantity.partition(".")[2]].range
    return (low, high) if one.against is None else (low - high, high - low)


def _response(
    one: Instrument | Diagnosed, trait: str, by_dose: Mapping[str, Sequence[Told]], aligned: Mapping[str, Sequence[Told]]
) -> Response:  # fmt: skip
    of = Target(benchmark=one.name, quantity="dose_response", subject=trait, baseline=ALIGNED)
    none = _values(one, [t for found in aligned.values() for t in found])
    scores = [none, *(_values(one, told) for told in by_dose.values())]
    counts = tuple(int(np.isfinite(part).sum()) for part in scores)
    try:
        return Response(
            instrument=one.name, kind=one.kind, trait=trait, doses=(ALIGNED, *by_dose), counts=counts,
            concordance=detection.concordance(scores, of=of), steps=tuple(detection.steps(scores, of=of)),
        )  # fmt: skip
    except NotEstimable as error:
        return Response(instrument=one.name, kind=one.kind, trait=trait, doses=(ALIGNED, *by_dose), counts=counts, why=str(error))


def _about(found: Calibrated, one: Instrument | Diagnosed) -> str:
    """One line: what the headline is."""
    if isinstance(one, Diagnosed):
        place = f" at {one.where}" if one.where else ""
        return f"`{one.quantity}` of the diagnostic `{one.diagnostic}`{place}, {one.worse} = more of the trait"
    at = " and ".join(f"`{text}`" for text in one.at)
    taken = f"the largest of {at}" if one.take == "largest" else f"at {at}" if at else ""
    against = f"minus `{one.against}`" if one.against is not None else ""
    entry = found.entries[one.group]
    named = f"{entry.use or one.group}.{one.quantity.partition('.')[2]}"
    gate = f"{one.side.replace('_', ' ')} {one.claim.bound:g} at {100 * one.confidence:g} %"
    return f"{' '.join(filter(None, [f'`{named}`', taken, against]))}; default gate: {gate}"
