"""What a judge reads: the aspects that it gives, found before anybody is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from fiducial.kernel.errors import PluginError, place_of
from fiducial.kernel.records import Message, Response, Trial
from fiducial.kernel.roles import Case, Exchange, Judge, Reader, say


def aspects_of(judge: Judge, name: str, trial: Trial, answer: Message) -> dict[str, str | None]:
    """The aspects of a judge, each with the part its verdicts name.

    A judge may say them in an attribute `aspects`. Otherwise it reads one made-up case: a pure one this answer to the trial, any
    other one no answer at all, so that no model is asked.

    Raises `PluginError` where the judge raises, or gives no verdict.
    """
    stated = getattr(judge, "aspects", None)
    if stated:
        return dict.fromkeys(map(str, stated))
    pure = isinstance(judge, Reader)
    said = answer if answer.text.strip() else say("An answer.", "assistant")
    response = Response(trial=trial.key, subject="made-up", status="answered" if pure else "empty", transcript=(said,) if pure else ())
    case = Case(trial.unit, "made-up", (Exchange(trial, response),))
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
