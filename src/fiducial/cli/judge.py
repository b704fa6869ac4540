"""Audit a judge, compare what two judges made of a run, watch one for drift, or override a judgement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json, RunFolder
from fiducial.kernel.errors import UsageError

if TYPE_CHECKING:
    from fiducial.kernel.records import Estimate
    from fiducial.store.cards import JudgeCard

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True,
    help="Audit a judge, compare what two judges made of a run, watch one for drift, or override a judgement.",
)  # fmt: skip


@app.command()
def audit(
    judge: Annotated[str, typer.Argument(metavar="JUDGE", help="A judge by name, NAME=SPEC, or recorded:NAME for stored verdicts.")],
    data: Annotated[list[Path], typer.Option(help="A file of labelled cases; may be repeated.")],
    kind: Annotated[str | None, typer.Option("--format", help="The published format of the file, e.g. xstest.")] = None,
    aspect: Annotated[str, typer.Option(help="What the labels of own cases are about.")] = "label",
    repeats: Annotated[int, typer.Option(min=1, max=20, help="Read each plain case so many times.")] = 2,
    artifacts: Annotated[bool, typer.Option(help="Also read each English case with each artifact put in.")] = True,
    capability: Annotated[float | None, typer.Option(help="The judge's own capability, on a scale of yours.")] = None,
    capability_limit: Annotated[
        float | None, typer.Option(help="The most capable subject, on that scale, it was shown to work for.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the card here (JSON).")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the card here as HTML.")] = None,
    as_json: Json = False,
) -> int:
    """Measure a judge's errors and biases on labelled cases. The exit code is 1 where something is flagged."""
    import msgspec

    from fiducial.api import judges
    from fiducial.audit.section import page
    from fiducial.store.cards import write

    card = judges.audit(judge, data, kind=kind, aspect=aspect, repeats=repeats, artifacts=artifacts)
    card = msgspec.structs.replace(card, capability=capability, capability_limit=capability_limit)
    if out is not None:
        write(out, card)
    if html is not None:
        html.write_text(page(card), encoding="utf-8")
    if as_json:
        _shared.print_json(card)
    else:
        _show(card)
    return 1 if card.flags else 0


@app.command()
def compare(
    run: RunFolder,
    before: Annotated[int | None, typer.Option(help="The earlier revision (default: the one before the last).")] = None,
    after: Annotated[int | None, typer.Option(help="The later revision (default: the last).")] = None,
    as_json: Json = False,
) -> int:
    """Compare two revisions of a run: agreement of the judges, order of the subjects, decisions that change (exit code 1)."""
    from fiducial.api import judges

    found = judges.compare(run, before, after)
    if as_json:
        _shared.print_json(found)
        return 1 if found.decisions else 0
    for word, number, made in zip(("before", "after"), found.revisions, found.made, strict=True):
        print(f"{word:7} revision {number}: {made}")
    for one in found.agreements:
        known = one.units - one.unknown
        print(f"{one.aspect}: {one.before} -> {one.after}: {known} units, {one.unknown} without a value in one of them")
        print(
            f"  agreement {_number(one.agreement)}, kappa {_number(one.kappa)}; {len(one.turned)} turned (at most 50 are listed by --json)"
        )
    for change in found.ranks:
        print(f"{change.quantity}: subjects were {' > '.join(change.before)}, are {' > '.join(change.after)}")
    for change in found.decisions:
        where = f" [{change.slice}]" if change.slice else ""
        print(f"{change.claim}{where}, {change.subject}: {change.before} -> {change.after}: {change.reason}")
    if not found.ranks and not found.decisions:
        print("no change in the order of subjects, none in the decisions")
    return 1 if found.decisions else 0


@app.command()
def anchors(
    run: RunFolder,
    out: Annotated[Path, typer.Option(help="Write the anchors here (JSON lines); keep the file beside the judge's card.")],
    count: Annotated[int, typer.Option(min=1, help="How many units.")] = 200,
    judge: Annotated[str | None, typer.Option(help="Whose values, where the run has several judges.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
) -> int:
    """Keep answers of a run with what a judge said of them, for it to read again at each use."""
    from fiducial.api import anchors as kept

    data = kept.keep(run, count, seed, judge)
    out.write_bytes(data)
    print(f"{out}: {data.count(10)} anchors; hold the judge against them with: fiducial judge drift {out} --judge NAME")
    return 0


@app.command()
def drift(
    target: Annotated[Path, typer.Argument(metavar="RUN|ANCHORS", help="A run read twice or more, or a file of anchors.")],
    judge: Annotated[str | None, typer.Option(metavar="NAME[=SPEC]", help="With anchors: the judge that reads them again.")] = None,
    state: Annotated[Path | None, typer.Option(help="With anchors: keep the evidence from check to check in this file.")] = None,
    as_json: Json = False,
) -> int:
    """Watch a judge over the readings of the same answers: read otherwise too often is an alarm (exit code 1)."""
    from fiducial.api import anchors as kept
    from fiducial.api import judges

    if target.is_file():
        if judge is None:
            raise UsageError(f"judge drift {target}: --judge NAME or NAME=SPEC, the judge that is to read the anchors")
        found = [kept.check(target, judge, state)]
    elif judge is not None or state is not None:
        raise UsageError(f"judge drift --judge, --state: a file of anchors, got {target}")
    else:
        found = judges.drift(target)
    if as_json:
        _shared.print_json(found)
    elif not found:
        print("no judge has read two revisions; read the answers again with: fiducial rejudge RUN")
    else:
        for watch in found:
            alarm = f"ALARM at reading {watch.at}" if watch.alarm else "steady"
            print(f"{watch.judge}: {alarm}; {watch.turned} of {watch.read} verdicts turned, {100 * watch.base:.3g} % may")
    return 1 if any(watch.alarm for watch in found) else 0


@app.command()
def override(
    run: RunFolder,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="The unit's name, as `fiducial show` prints it.")],
    aspect: Annotated[str, typer.Option(help="The aspect of the judgement.")],
    value: Annotated[float, typer.Option(min=0, max=1, help="What it should be.")],
    author: Annotated[str, typer.Option(help="Who says so.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    subject: Annotated[str | None, typer.Option(help="Whose answer, where several subjects were asked.")] = None,
    part: Annotated[str | None, typer.Option(help="Which exchange, where the unit has several.")] = None,
    judge: Annotated[
        list[str] | None, typer.Option(metavar="NAME=SPEC", help="As `rejudge` had it, where the last revision was rejudged.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Put a person's judgement in the place of a judge's: a new revision with author and reason; nothing is edited."""
    from fiducial.api import judges

    wanted = {"unit": unit, "aspect": aspect, "value": value, "author": author, "reason": reason, "subject": subject, "part": part}
    return _shared.conclusion(judges.override(run, wanted, _named("override", judge)), as_json=as_json)


@app.command()
def sample(
    run: RunFolder,
    aspect: Annotated[str, typer.Option(help="What people are to label: an aspect that a judge of the run reads.")],
    out: Annotated[Path, typer.Option(help="Write the rows here (CSV); fill in the column `value`, a number from 0 to 1.")],
    count: Annotated[int, typer.Option(min=1, help="How many units.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
) -> int:
    """Draw units of a run at random for people to label, without the judges' verdicts."""
    from fiducial.api import labelling

    sheet = labelling.sample(run, aspect, count, seed)
    out.write_text(sheet.text, encoding="utf-8")
    if sheet.drawn.units < count:
        print(f"all {sheet.drawn.units} answered units are drawn; {count} were asked for")
    print(f"{out}: fill in the column value, then: fiducial judge label {run} {out}")
    return 0


@app.command()
def label(
    run: RunFolder,
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="What people said: columns unit, aspect, value (subject, part).")],
    judge: Annotated[
        list[str] | None, typer.Option(metavar="NAME=SPEC", help="As `rejudge` had it, where the last revision was rejudged.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Correct a run's numbers by people's labels of a random sample of its units: a new revision, no call to any model."""
    from fiducial.api import labelling

    return _shared.conclusion(labelling.label(run, labels, _named("label", judge)), as_json=as_json)


@app.command()
def annotators(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="A file of labels, one row each: CSV, JSON or JSON lines.")],
    item: Annotated[list[str] | None, typer.Option(help="The column that names the item; may be repeated (default: item).")] = None,
    rater: Annotated[str, typer.Option(help="The column that says who.")] = "rater",
    label_: Annotated[str, typer.Option("--label", help="The column that says what.")] = "label",
    scores: Annotated[str | None, typer.Option(help="Instead: one row an item, and the column that lists all its labels.")] = None,
    as_json: Json = False,
) -> int:
    """Show how far raters vary, and who answers at random, against, always the same, in copies or in bursts (exit code 1)."""
    from fiducial.api import annotators as people

    found = people.annotators(labels, item=tuple(item or ("item",)), rater=rater, label=label_, scores=scores)
    if as_json:
        _shared.print_json(found)
        return 1 if found.signs else 0
    print(f"{found.ratings} labels of {found.items} items by {len(found.raters)} raters")
    print(f"  Krippendorff's alpha (nominal)  {_number(found.alpha)}")
    for name, part in found.components.items():
        print(f"  variance, {name.ljust(20)}  {'not known' if part is None else f'{part:.4g}'}")
    for sign, names in found.signs.items():
        print(f"{sign}: {', '.join(names[:20])}{f' and {len(names) - 20} more' if len(names) > 20 else ''}")
    if not found.signs:
        print("no rater shows a sign of answering at random, against, always the same, in copies or in bursts")
    return 1 if found.signs else 0


@app.command()
def discretion(
    preferences: Annotated[Path, typer.Argument(metavar="PREFERENCES", help="Columns pair, annotator, preference (1, -1, 0 or blank).")],
    principles: Annotated[Path, typer.Option(help="What each principle says: columns pair, principle, vote (1, -1 or blank).")],
    kind: Annotated[str | None, typer.Option("--format", help="The published format of both files: alignment_discretion.")] = None,
    reference: Annotated[str | None, typer.Option(help="The annotator whose order of principles others are held against.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap of that comparison.")] = 0,
    as_json: Json = False,
) -> int:
    """Show how annotators decide where principles agree, conflict or say nothing."""
    from fiducial.api import annotators as people

    found = people.discretion(preferences, principles, kind=kind, reference=reference, seed=seed)
    if as_json:
        _shared.print_json(found)
        return 0
    print(f"{found.pairs} pairs, {len(found.principles)} principles")
    for name, share in found.shares.items():
        print(f"  {name.ljust(12)}  {_number(share)}")
    for one in found.annotators:
        distance = f", distance from {reference} {_number(one.distance)}" if one.distance is not None else ""
        print(f"{one.annotator}: arbitrary {_number(one.arbitrary)}{distance}; first {', '.join(one.first[:5]) or 'not known'}")
    return 0


def _named(command: str, judge: list[str] | None) -> dict[str, str]:
    named = {text.partition("=")[0]: text.partition("=")[2] for text in judge or []}
    if not all(named.values()):
        raise UsageError(f"judge {command} --judge: NAME=SPEC such as refusal=judges.toml, got {judge}")
    return named


def _show(card: JudgeCard) -> None:
    print(f"judge   {card.judge}")
    print(f"        {card.verdicts} verdicts")
    for cell in card.errors:
        counts = f"{cell.positives} positives, {cell.negatives} negatives, {cell.unknown} without a verdict"
        print(f"{cell.aspect}, {cell.language}, {cell.domain}: {counts}")
        print(f"        sensitivity {_number(cell.sensitivity)}   specificity {_number(cell.specificity)}")
        print(f"        kappa {_number(cell.kappa)}   AC1 {_number(cell.ac1)}")
    width = max((len(finding.name) for finding in card.findings), default=0)
    for finding in card.findings:
        print(f"{'FLAG' if finding.flagged else '    '}    {finding.name.ljust(width)}  {_number(finding.estimate)}  {finding.about}")
    print(f"never tested: {', '.join(card.untested) or 'nothing'}")


def _number(number: Estimate | None) -> str:
    return "not measured" if number is None else f"{number.value:.3f} [{number.low:.3f}, {number.high:.3f}]"
