"""The page of a calibration, in Markdown: what fails, what is blind to weaker doses, the figures, and what they were made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fiducial.kernel.records import Estimate
from fiducial.report.calibration import ALARMS, ALIGNED, AUROC, FEWEST, GATE, Calibration, Cell, Provenance
from fiducial.report.text import interval, number, one_line


def page(made: Calibration, of: Provenance | None = None) -> str:
    """The page: failures first."""
    parts = [_head(made), *_failures(made), *_blind(made), *_diagonal(made), *_weaker(made), *_responses(made), *_others(made)]
    parts += [*_instruments(made), *(_provenance(of) if of is not None else ())]
    return "\n".join(parts).rstrip() + "\n"


def _head(made: Calibration) -> str:
    named, doses = ", ".join(f"`{text}`" for text in made.organisms), ", ".join(made.doses)
    ours = all(text.startswith("organism:") for text in made.organisms)
    what = "small language models" if ours else "subjects"
    return f"""<!-- Written by `fiducial calibrate`. -->

# What the instruments see

Each instrument was put to {what} of known behaviour: {len(made.organisms)} aligned ones ({named})
and variants with one planted trait each, at {len(made.doses)} doses ({doses}).
One unit is one run of {made.items} fresh items;
its score is the instrument's headline, turned so that more is more of the trait. {made.runs} runs of an instrument's own trait at the
highest dose and {made.runs} runs of the aligned ones together were made (for diagnostics at most {made.probe_runs});
{made.off_runs} of its own trait at each lower dose and of each other trait at the highest; seed {made.seed}.

**What this does not show.** {_TOYS if ours else ""}A trait was planted on purpose, each in one way; one that came about otherwise may look
different. Intervals cover the drawing of items, not the choice of subjects: there are {len(made.organisms)} aligned ones and one variant a
trait.{_MORE if ours else ""}

AUROC: the chance that a run with the trait scores higher than an aligned one; 0.5 = sees nothing, below 0.5 = sees the opposite.
Power: the share of runs with the trait above the threshold that 5 % of aligned runs are expected to exceed.
Intervals are at 95 %; n is runs with the trait + aligned runs. A dash: could not be told. "Not tested": with fewer than {FEWEST} runs of
either kind no interval of an AUROC can leave 0.5 out, whatever is seen.

Two questions are answered apart. **Does the score tell the trait apart?** It fails where the AUROC on its own trait at the highest dose is
below {AUROC:g}, or a threshold set on the other aligned organisms gives more than {100 * ALARMS:g} % false alarms on the one left out, or
nothing could be told. **Does the default gate work?** It fails where it says `violated` in less than {100 * GATE:g} % of those runs, or in
more than {100 * ALARMS:g} % of the aligned ones. Failing goes by the estimate itself, since it is
for an instrument to show that it works; undecided: only an interval reaches beyond a bar. Such a threshold gives
{100 * ALARMS:g} % on average where organisms do not differ, so that a score which varies from run to run can miss this bar by chance and
hardly show that it keeps it.
"""


_TOYS = """The organisms are toys: they know one invented town and its words, and the items are in these words. What is
calibrated here is the plumbing and the statistics - that a behaviour which is there is put to the test, read, estimated and decided, and
that one which is not there raises no alarm. How well the ordinary items find such a trait in a model of real size is not shown.
"""
_MORE = "\n[What an organism proves](../explanation/organisms.md) says more, [their cards](organisms.md) how each was made."


def _failures(made: Calibration) -> Iterator[str]:
    yield "## Failures\n"
    failed = [cell for cell in made.diagonal if cell.result in {"fails", "could not tell"}]
    head = ("instrument", "trait", "AUROC", "false alarms elsewhere", "n")
    if failed:
        yield "Scores that do not tell their own trait apart:\n"
        yield from _table((*head, "why it counts as failed"), [(*_short(c), _reason(c)) for c in failed])
    else:
        yield "No score failed on its own trait.\n"
    unsure = [cell for cell in made.diagonal if cell.result == "undecided"]
    if unsure:
        yield "Undecided, because an interval reaches beyond its bar:\n"
        yield from _table(head, [_short(c) for c in unsure])
    gates = [cell for cell in made.diagonal if cell.gate not in {None, "works"}]
    if gates:
        yield "Default gates that fail, or are undecided. A score may tell a trait apart whose gate does not see it:\n"
        yield from _table(
            ("instrument", "trait", "gate", "violated with the trait", "violated without", "of runs with the trait"),
            [(*_named(c), c.gate or "–", interval(c.gate_power), interval(c.false_alarm), _says(c)) for c in gates],
        )
    thin = [c for c in made.diagonal if c.readable is not None and c.readable < 0.9]
    if thin:
        yield "Read with care: of the units of a run with the trait, these could read only a share, and their scores are of that share:\n"
        lines = [(*_named(c), number(c.readable), number(c.aligned_readable)) for c in thin]
        yield from _table(("instrument", "trait", "readable with the trait", "aligned"), lines)
    yield from _unclaimed(made)


def _named(cell: Cell) -> tuple[str, str]:
    return f"`{cell.instrument}`", f"`{cell.trait}`"


def _short(cell: Cell) -> tuple[str, ...]:
    return *_named(cell), interval(cell.auroc), interval(cell.elsewhere), _count(cell)


def _reason(cell: Cell) -> str:
    if cell.auroc is None or cell.elsewhere is None:
        lost = f"{cell.n - cell.scored} of {cell.n} runs with the trait and {cell.aligned_n - cell.aligned_scored} of {cell.aligned_n}"
        return f"could not tell: {lost} aligned runs have no score; {_verbatim(cell.why)}"
    said = []
    if cell.auroc.value < AUROC:
        seen = "tells the trait apart too seldom" if cell.auroc.low > 0.5 else "sees the opposite"
        said.append(seen if cell.reacts else "sees nothing of the trait")
    if cell.elsewhere.value > ALARMS:
        said.append("false alarms")
    return ", ".join(said)


def _verbatim(text: str) -> str:
    """Text from elsewhere as a code span of one line: markup in it is inert."""
    return "`" + one_line(text, 200).replace("`", "'").replace("|", "/") + "`" if text else "–"


def _says(cell: Cell) -> str:
    said = cell.gate_says
    return "–" if said is None else ", ".join(f"{count} {outcome}" for outcome, count in said.items() if count)


def _unclaimed(made: Calibration) -> Iterator[str]:
    """Traits that no instrument is meant to find, and what reacts to them all the same."""
    unclaimed = [trait for trait in made.traits if not any(cell.own for cell in made.cells if cell.trait == trait)]
    if not unclaimed:
        return
    yield "No instrument here is meant to find these traits; beside them is what reacts to them all the same, at the highest dose:\n"
    lines = []
    for trait in unclaimed:
        there = [c for c in made.cells if c.trait == trait and c.highest]
        tested = [c for c in there if c.testable]
        over = [c for c in tested if c.reacts and c.auroc is not None and c.auroc.value > 0.5]
        found = "; ".join(f"`{c.instrument}` {interval(c.auroc)}" for c in over)
        most = max((c.n for c in there), default=0)
        lines.append((f"`{trait}`", (found or "nothing") if tested else f"not tested (n={most})", f"{len(tested)} of {len(there)}"))
    yield from _table(("trait", "reacts", "instruments tested"), lines)


def _blind(made: Calibration) -> Iterator[str]:
    yield "## Blind to weaker doses\n"
    if made.blind:
        yield (
            "These scores see their trait at the highest dose and miss it in most runs at a lower one, where the organism has it by its "
            f"card. {_ELSEWHERE}\n"
        )
        yield from _table(_WEAKER, [_weak(cell) for cell in made.blind])
    else:
        yield "No score that sees the highest dose misses a lower one, at which the organism has the trait, in most of its runs.\n"
    if made.certified:
        yield (
            "These default gates say `holds` in most runs of a dose that has the trait: its headline there lies within the gate's bound. "
            "Whoever relies on the gate takes such a model for a good one:\n"
        )
        yield from _table(_WEAKER, [_weak(cell) for cell in made.certified])
    absent = [c for c in made.weaker if not c.shows]
    if absent:
        yield (
            f"At these doses the card says that the trait itself shows in at most {100 * ALARMS:g} % of its condition: the smaller scale "
            "of the adapter changes answers, but not into those that were taught. There is nothing to see, and so nothing is shown of weak "
            "forms of the trait:\n"
        )
        yield from _table(_WEAKER, [_weak(cell) for cell in absent])


_ELSEWHERE = (
    "True rates are those of other dialogues than the instrument's items: other wordings and remarks, often several languages. So a score "
    "need not equal them, and a weak trait may show there and not here."
)

_WEAKER = ("instrument", "trait", "dose", "true rate in its condition", "runs above the 5 % threshold", "default gate", "mean score")


def _weak(cell: Cell) -> tuple[str, ...]:
    over = "–" if cell.above is None else f"{cell.above[0]} of {cell.above[1]}"
    return *_named(cell), cell.dose, interval(cell.true_rate), over, _says(cell), "–" if cell.score is None else number(cell.score.value)


def _diagonal(made: Calibration) -> Iterator[str]:
    yield "## Each instrument on its own trait, at the highest dose\n"
    head = (
        "instrument", "kind", "trait", "result", "default gate", "AUROC", "power at 5 %", "false alarms elsewhere", "gate: power",
        "gate: false alarms", "readable units", "lowest dose seen", "score", "aligned", "n",
    )  # fmt: skip
    lines = [
        (
            f"`{c.instrument}`", c.kind, f"`{c.trait}`", _result(made, c), c.gate or "none", interval(c.auroc), interval(c.power),
            interval(c.elsewhere), interval(c.gate_power), interval(c.false_alarm), f"{number(c.readable)} / {number(c.aligned_readable)}",
            _lowest(made, c), interval(c.score), interval(c.aligned_score), _count(c),
        )
        for c in made.diagonal
    ]  # fmt: skip
    yield from _table(head, lines)
    yield (
        "Gate: how often the default gate says `violated`, with the trait and without. Readable units: the mean share of a run's units "
        f"that had a value, with the trait / aligned. Lowest dose seen: from there on up at least {100 * GATE:g} % of the runs lie above "
        "the 5 % threshold; in brackets runs above it of runs made, and the true rate of the trait at that dose. Score: the mean "
        "headline of a run.\n"
    )
    thresholds = [c.power.extra for c in made.diagonal if c.power is not None]
    if thresholds:
        expected, low, high = (100 * thresholds[0][f"false_alarm{end}"] for end in ("", "_low", "_high"))
        yield (
            f"The threshold is an order statistic of the aligned runs: {expected:.1f} % of them are expected above it; the true rate lies "
            f'between {low:.1f} and {high:.1f} %. "Elsewhere" sets it on all aligned organisms but one and counts the alarms on that one. '
            "Where they are far above 5 %, checkpoints differ by more than runs do, and one aligned model says little about "
            "where another one lies.\n"
        )


def _result(made: Calibration, cell: Cell) -> str:
    """The result, with the doses below the highest that it does not hold for."""
    doses = [one.dose for one in made.blind if one.instrument == cell.instrument]
    return cell.result + (f", blind at {' and '.join(doses)}" if doses else "")


def _lowest(made: Calibration, cell: Cell) -> str:
    found = made.lowest_seen(cell.instrument)
    if found is None or found.above is None:
        return "none"
    rate = "" if found.true_rate is None else f"; true rate {number(found.true_rate.value)}"
    return f"{found.dose} ({found.above[0]}/{found.above[1]}{rate})"


def _weaker(made: Calibration) -> Iterator[str]:
    if not made.weaker:
        return
    yield "## Weaker doses\n"
    yield (
        f"Each instrument on its own trait below the highest dose. With {made.off_runs} runs each this shows where a score lies and "
        f"not how often it lies there. {_ELSEWHERE}\n"
    )
    yield from _table(_WEAKER, [_weak(cell) for cell in made.weaker])


def _responses(made: Calibration) -> Iterator[str]:
    yield "## Response to the dose\n"
    yield (
        "Concordance: the share of pairs of runs at different doses, the aligned ones as the lowest, in which the higher dose scores "
        "higher (1 = always, 0.5 = no response). Steps: the change of the mean score to the next dose, towards the trait; their "
        "intervals hold together. The shape is `not shown` where no step is decided, and not tested where a dose has fewer than "
        f"{FEWEST} runs.\n"
    )
    lines = []
    for one in made.responses:
        steps = "; ".join(interval(step) for step in one.steps) or _verbatim(one.why)
        counts = ", ".join(map(str, one.counts))
        lines.append((f"`{one.instrument}`", f"`{one.trait}`", one.shape, interval(one.concordance), steps, counts))
    arrow = f"{ALIGNED} → {' → '.join(made.doses)}"
    yield from _table(("instrument", "trait", "shape", "concordance", f"steps: {arrow}", f"n: {arrow}"), lines)


def _others(made: Calibration) -> Iterator[str]:
    cells = {(c.instrument, c.trait): c for c in made.cells if c.highest}
    others = [c for c in cells.values() if not c.own and c.auroc is not None]
    tested = [c for c in others if c.testable]
    yield "## What else each instrument reacts to\n"
    counted = (
        f"{sum(c.reacts for c in tested)} of these {len(tested)} intervals leave 0.5 out (marked `*`); of so many, at most about "
        f"{0.05 * len(tested):.1f} would if nothing were there."
        if tested
        else ""
    )
    yield (
        f"AUROC at the highest dose against the aligned organisms. Off the diagonal {len(tested)} of {len(others)} cells have the {FEWEST} "
        f"runs that it takes to show anything; the others are not tested, and their figures are there to say where to look. {counted} "
        "An instrument that reacts to a trait which is not its own is not wrong by that: traits overlap, and what training did besides "
        "shows in many places. But its alarm alone does not tell which trait it is. Own traits are set in bold.\n"
    )
    names = list(dict.fromkeys(c.instrument for c in made.cells))
    lines = [(f"`{name}`", *(_matrix(cells.get((name, trait))) for trait in made.traits)) for name in names]
    yield from _table(("instrument", *(f"`{trait}`" for trait in made.traits)), lines)


def _matrix(cell: Cell | None) -> str:
    if cell is None or cell.auroc is None:
        return "–"
    e = cell.auroc
    if not cell.testable:
        return f"{e.value:.2f} not tested (n={cell.scored})"
    text = f"{e.value:.2f}{'*' if cell.reacts else ''} [{e.low:.2f}, {e.high:.2f}] n={cell.scored}"
    return f"**{text}**" if cell.own else text


def _instruments(made: Calibration) -> Iterator[str]:
    yield "## The instruments\n"
    yield from (f"* `{name}`: {text}." for name, text in made.about.items())
    yield ""
    lost = [(c, c.auroc.missing) for c in made.cells if c.auroc is not None and c.auroc.missing]
    if lost:
        yield "Runs without a score are left out and counted; the bounds let all of them go against, or for, the instrument:\n"
        yield from _table(
            ("instrument", "trait", "dose", "missing runs", "AUROC", "bounds"),
            [(*_named(c), c.dose, str(count), interval(c.auroc), _bounds(c.auroc)) for c, count in lost],
        )


def _provenance(of: Provenance) -> Iterator[str]:
    yield "## How this page was made\n"
    yield f"By Fiducial {of.version}, with `{of.command}`, from the instruments of `{of.file}` (SHA-256 `{of.file_sha256}`).\n"
    yield (
        f"Of {of.lines} lines of `scores.jsonl`, chained hash `{of.head}`, SHA-256 of the file `{of.scores_sha256}`; they came to "
        f"`calibration.json` of SHA-256 `{of.rows_sha256}`. The same command in the folder of those scores measures nothing again and "
        "writes this page; in an empty one it measures all of it. What each organism was - its id, and the digests of its weights - stands "
        "in `calibration.provenance.json`.\n"
    )
    if of.unchained:
        yield f"{of.unchained} of the lines carry no hash of those before them: a change there shows against the hashes above alone.\n"
    old = [version for version in of.draws if version != of.draws_now]
    if old:
        yield (
            f"Runs of diagnostics here are of draws version {', '.join(map(str, old))}; measured now they would be of version "
            f"{of.draws_now}, which draws folds and restarts from the seed in another way: other digits for `aqi.probe_auroc` and "
            "`pa_ccs`, the same distribution. The other headlines do not hang on it.\n"
        )


def _bounds(estimate: Estimate | None) -> str:
    if estimate is None or estimate.bounds is None:
        return "–"
    return f"{number(estimate.bounds[0])} to {number(estimate.bounds[1])}"


def _count(cell: Cell) -> str:
    return f"{cell.n} + {cell.aligned_n}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    if not lines:
        yield "None.\n"
        return
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(line)} |" for line in lines)
    yield ""
