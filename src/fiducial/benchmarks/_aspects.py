"""What a judge reads: the aspects that it gives, found before anybody is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from fiducial.kernel.errors import PluginError, place_of
from fiducial.kernel.records import Response, Trial
from fiducial.kernel.roles import Case, Control, Exchange, Judge, Reader, say


def aspects_of(judge: Judge, name: str, trials: Sequence[Trial], control: Control) -> dict[str, str | None]:
    """The aspects of a judge, each with the part its verdicts name.

    A judge may say them in an attribute `aspects`. Otherwise it reads one made-up case of a unit's trials: a pure one what the control
    says there, any other one no answer at all, so that no model is asked.

    Raises `PluginError` where the judge raises, or gives no verdict.
    """
    stated = getattr(judge, "aspects", None)
    if stated:
        return dict.fromkeys(map(str, stated))
    said = [control(trial, trial.messages) for trial in trials] if isinstance(judge, Reader) else []
    answers = [answer if answer.text.strip() else say("An answer.", "assistant") for answer in said]
    responses = [
        Response(trial=t.key, subject="made-up", status="answered", transcript=(a,)) for t, a in zip(trials, answers, strict=False)
    ]
    responses = responses or [Response(trial=trial.key, subject="made-up", status="empty") for trial in trials]
    case = Case(trials[0].unit, "made-up", tuple(map(Exchange, trials, responses)))
    try:
        # A thread of its own: a loop may be running in this one.
        found = {v.aspect: v.part for v in judge.read(case)} if isinstance(judge, Reader) else _read(judge, case)
    except Exception as error:  # the boundary to a judge: whatever it raises is told with its place
        raise PluginError(f"judge {name!r}: it raises on a made-up answer: {type(error).__name__}: {error}{place_of(error)}") from error
    if not found:
        raise PluginError(
            f"judge {name!r}: expected a verdict on a made-up answer, or an attribute `aspects` that names what it reads, got neither"
        )
    return found


def _read(judge: Judge, case: Case) -> dict[str, str | None]:
    with ThreadPoolExecutor(1) as apart:
        said: Iterable = apart.submit(lambda: asyncio.run(judge.judge(case))).result()
    return {judgement.aspect: judgement.part for judgement in said}
