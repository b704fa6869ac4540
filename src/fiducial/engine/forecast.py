"""What a plan will take and what it can decide, said before the first question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fiducial.engine.plan import Options, Part, trials
from fiducial.engine.spec import Specification
from fiducial.kernel.records import Claim, Record, Trial
from fiducial.kernel.roles import Judge
from fiducial.stats.expected import expected_clusters
from fiducial.stats.smallest import clusters_needed, smallest_bound

CHARACTERS_PER_TOKEN = 4
"""Rough size of a token, for English; prices before a run are estimates and say so."""

ANSWER_TOKENS = 150
"""Tokens assumed for an answer where the plan does not cap it."""

TOOL_TURNS = 3
"""Calls assumed for a trial with tools."""


Levels = tuple[Mapping[str, Sequence[str]], Sequence[str]]
"""Levels by factor, and the factors that every item meets at several levels."""


class Share(Record, frozen=True, kw_only=True):
    """What one benchmark takes, for one subject. `calls` counts follow-up turns; tools are assumed to take a few."""

    benchmark: str
    items: int
    clusters: int
    units: int
    trials: int
    calls: int
    judge_calls: int
    input_tokens: int
    output_tokens: int
    levels: dict[str, list[str]]
    crossed: list[str]
    design: str


class Outlook(Record, frozen=True, kw_only=True):
    """What a claim can come to with the clusters at hand.

    `smallest`: the tightest bound that could hold if every cluster behaves. `needed`: clusters with which the stated
    bound can hold. `expected_clear`: mean clusters that a sequential rule takes where nothing goes wrong.
    """

    claim: str
    quantity: str
    bound: float
    clusters: int
    smallest: float | None
    needed: int | None
    expected_clear: float | None
    warning: str | None = None


class Forecast(Record, frozen=True, kw_only=True):
    """The dry run: totals over all subjects, the price where prices are known, and the outlook of each claim.

    `expected_calls`: what a sequential rule takes if every claim is clear (nothing fails); `None` under a fixed rule.
    """

    shares: tuple[Share, ...]
    claims: tuple[Outlook, ...]
    subjects: int
    trials: int
    calls: int
    judge_calls: int
    input_tokens: int
    output_tokens: int
    price: float | None
    expected_calls: int | None
    averaging: dict[str, str]
    warnings: tuple[str, ...]


def forecast(
    spec: Specification,
    parts: Sequence[Part],
    judges: Mapping[str, Sequence[Judge]],
    levels: Mapping[str, Levels],
    options: Options,
    prices: Sequence[Mapping[str, float] | None],
) -> Forecast:
    """Walk through the whole plan without asking anything.

    Args:
        spec: the specification.
        parts: its benchmarks.
        judges: the judges of each benchmark.
        levels: of each benchmark.
        options: how much of the plan.
        prices: of each subject, per million tokens; `None` where not stated.
    """
    shares = _shares(parts, judges, levels, options)
    subjects = max(len(prices), 1)
    by_label = {share.benchmark: share for share in shares}
    outlooks = tuple(_outlook(claim, by_label) for claim in spec.as_claims() if claim.quantity.partition(".")[0] in by_label)
    calls = sum(s.calls for s in shares) * subjects
    tokens_in, tokens_out = sum(s.input_tokens for s in shares), sum(s.output_tokens for s in shares)
    known = [p for p in prices if p]
    cost = None
    if known and len(known) == len(prices):
        cost = sum((tokens_in * p.get("input", 0.0) + tokens_out * p.get("output", 0.0)) / 1e6 for p in known)
    judge_calls = sum(s.judge_calls for s in shares) * subjects
    return Forecast(
        shares=tuple(shares),
        claims=outlooks,
        subjects=subjects,
        trials=sum(s.trials for s in shares) * subjects,
        calls=calls,
        judge_calls=judge_calls,
        input_tokens=tokens_in * subjects,
        output_tokens=tokens_out * subjects,
        price=cost,
        expected_calls=_expected(shares, outlooks) * subjects if spec.stopping.rule == "sequential" else None,
        averaging={label: _averaging(spec, label, share) for label, share in by_label.items()},
        warnings=(*warnings_before(spec, parts), *_warnings(spec, outlooks, calls + judge_calls, cost)),
    )


def warnings_before(spec: Specification, parts: Sequence[Part]) -> tuple[str, ...]:
    """What a specification alone shows: nothing to decide, principles without a claim, what its benchmarks say of their items."""
    used = {claim.clause for claim in spec.claims}
    found = [f"principle {p.id!r} has no claim: nothing here measures it" for p in spec.principles if p.id not in used]
    if not spec.claims:
        found = ["there is no claim, so nothing can be decided: a run ends with exit code 2"]
    return (*found, *(note for part in parts for note in part.benchmark.notes))


def _shares(
    parts: Sequence[Part],
    judges: Mapping[str, Sequence[Judge]],
    levels: Mapping[str, Levels],
    options: Options,
) -> list[Share]:
    tally: dict[str, _Tally] = {}
    for trial in trials(parts, options):
        tally.setdefault(trial.benchmark.partition("@")[0], _Tally()).add(trial)
    found: list[Share] = []
    for part in parts:
        one = tally.get(part.label)
        if one is None:
            continue
        asking = sum(_models(judge) for judge in judges.get(part.label, ()))
        there, crossed = levels[part.label]
        found.append(
            Share(
                benchmark=part.label, items=len(one.items), clusters=len(one.clusters), units=one.units, trials=one.trials,
                calls=one.calls, judge_calls=one.units * asking, input_tokens=one.characters // CHARACTERS_PER_TOKEN,
                output_tokens=one.output, levels={f: list(seen) for f, seen in there.items()}, crossed=list(crossed),
                design=part.design,
            )
        )  # fmt: skip
    return found


class _Tally:
    """Counts of one benchmark; units are contiguous in a plan."""

    def __init__(self) -> None:
        self.items: set[str] = set()
        self.clusters: set[str] = set()
        self.units = self.trials = self.calls = self.characters = self.output = 0
        self._unit = ""

    def add(self, trial: Trial) -> None:
        self.items.add(trial.item)
        self.clusters.add(trial.cluster)
        self.units += trial.unit != self._unit
        self._unit = trial.unit
        self.trials += 1
        turns = _turns(trial)
        self.calls += turns
        text = sum(len(m.text) for m in trial.messages) + sum(len(c) for c in trial.continuations)
        answer = trial.decoding.max_tokens if trial.decoding is not None and trial.decoding.max_tokens else ANSWER_TOKENS
        self.output += turns * answer
        # Each further turn sends again what was said before.
        self.characters += turns * text + answer * CHARACTERS_PER_TOKEN * (turns * (turns - 1) // 2)


def _models(judge: Judge) -> int:
    """How many models a judge asks: 0 for one that reads facts or rules."""
    several = getattr(judge, "subject_ids", None)
    return len(several) if several is not None else int(hasattr(judge, "subject_id"))


def _expected(shares: Sequence[Share], outlooks: Sequence[Outlook]) -> int:
    """Calls for one subject where each benchmark stops with its last claim; one without such a claim is asked whole."""
    total = 0.0
    for share in shares:
        needs = [outlook.expected_clear for outlook in outlooks if outlook.quantity.partition(".")[0] == share.benchmark]
        known = [need for need in needs if need is not None]
        part = min(1.0, max(known) / share.clusters) if known and len(known) == len(needs) else 1.0
        total += part * (share.calls + share.judge_calls)
    return round(total)


def _turns(trial: Trial) -> int:
    if trial.environment is None:
        return 1
    follow_ups = trial.environment.args.get("turns")
    return len(follow_ups) + 1 if isinstance(follow_ups, list | tuple) else TOOL_TURNS


def _outlook(claim: Claim, shares: Mapping[str, Share]) -> Outlook:
    share = shares[claim.quantity.partition(".")[0]]
    if claim.scale != "absolute" or not 0 <= claim.bound <= 1:
        return Outlook(
            claim=claim.id,
            quantity=claim.quantity,
            bound=claim.bound,
            clusters=share.clusters,
            smallest=None,
            needed=None,
            expected_clear=None,
        )
    smallest = smallest_bound(share.clusters, claim.confidence, claim.side)
    margin = claim.margin if claim.side == "at_most" else -claim.margin
    room = claim.bound + margin
    reachable = 0 < (room if claim.side == "at_most" else 1 - room) <= 1
    needed = clusters_needed(room, claim.confidence, claim.side) if reachable else None
    rate = room if claim.side == "at_most" else 1 - room
    clear = expected_clusters(rate, 1 - claim.confidence, 0.0, cap=5000).mean if reachable and rate < 1 else None
    warning = None
    if needed is None:
        warning = f"claim {claim.id!r} leaves no room for a single failure, so no number of items can show that it holds"
    elif needed > share.clusters:
        warning = (
            f"claim {claim.id!r} cannot hold even at zero failures: {share.clusters} clusters can show {claim.side.replace('_', ' ')} "
            f"{smallest:.4g}, {claim.bound:.4g} needs {needed}"
        )
    return Outlook(
        claim=claim.id, quantity=claim.quantity, bound=claim.bound, clusters=share.clusters, smallest=smallest, needed=needed,
        expected_clear=clear, warning=warning,
    )  # fmt: skip


def _averaging(spec: Specification, label: str, share: Share) -> str:
    weights = "the stated mix" if spec.benchmarks[label].mix else "equal weights"
    how = {"cross": "crossed", "one_at_a_time": "varied one at a time", "draw": "drawn, one cell an item"}[share.design]
    several = {factor: len(there) for factor, there in share.levels.items() if len(there) > 1}
    drawn = [f"{factor}: one of {count} or more, drawn for each item" for factor, count in several.items() if factor not in share.crossed]
    crossed = ", ".join(f"{factor} ({count})" for factor, count in several.items() if factor in share.crossed)
    parts = [*drawn, *([f"{crossed} {how}, cells averaged with {weights}"] if crossed else [])]
    return "; ".join(parts) or "one cell"


def _warnings(spec: Specification, outlooks: Iterable[Outlook], calls: int, cost: float | None) -> tuple[str, ...]:
    found = [outlook.warning for outlook in outlooks if outlook.warning]
    budget = spec.budget
    if budget.calls is not None and calls > budget.calls:
        found.append(f"budget.calls is {budget.calls}, the plan takes about {calls}: it will stop early")
    if budget.money is not None and cost is None:
        found.append("budget.money is set, but not every subject states its prices: money is not counted for those")
    elif budget.money is not None and cost is not None and cost > budget.money:
        found.append(f"budget.money is {budget.money:g}, the plan costs about {cost:.2f}: it will stop early")
    return tuple(found)
