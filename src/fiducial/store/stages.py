"""What a sealed stage looks like: its columns, and how a record becomes a row and a row a record.

Nested values are JSON text; a column is NULL where the record has its default. A row decodes to the very same record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec

from fiducial.kernel.digest import canonical, digest
from fiducial.kernel.errors import StoreError, shorten
from fiducial.kernel.records import Cell, Decoding, Judgement, Message, Record, Ref, Response, Trial, Usage

FACTOR = "factor_"
"""Prefix of the columns that hold a trial's levels, one a factor."""

R = TypeVar("R", bound=Record)
Row = Mapping[str, Any]

_messages = msgspec.json.Decoder(tuple[Message, ...])
_strings = msgspec.json.Decoder(tuple[str, ...])
_floats = msgspec.json.Decoder(tuple[float, ...])
_ref = msgspec.json.Decoder(Ref)
_decoding = msgspec.json.Decoder(Decoding)
_any = msgspec.json.Decoder()


class Release(Record, frozen=True, kw_only=True):
    """A planned trial that was not asked, because a claim (`by`) was decided without it."""

    trial: str
    subject: str
    by: str


@dataclass(frozen=True)
class Stage(Generic[R]):
    """The form of a stage file. `columns`: name -> DuckDB type, `ordinal` first; factors come after them."""

    name: str
    record: type[R]
    columns: Mapping[str, str]
    encode: Callable[[R], dict[str, Any]]
    decode: Callable[[Row], R]
    by_revision: bool = False

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[R]:
        """Of the record's JSON."""
        return msgspec.json.Decoder(self.record)

    def normal(self, record: R, scrub: Callable[[bytes], bytes]) -> tuple[R, bytes]:
        """The record as it will be read back, and its canonical row. Raises `StoreError` where it could not be read back."""
        try:
            # Reading makes of 1 the 1.0 that a field wants, so only what was read once is the same when read again.
            same = self.decoder.decode(scrub(canonical(record)))
            return same, canonical(same)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise StoreError(f"stage {self.name}: a record cannot be stored: {error}, got {shorten(record)}") from error


def _text(value: Any) -> str | None:
    return None if value is None else canonical(value).decode()


def _optional(decoder: msgspec.json.Decoder[Any], text: str | None, default: Any = None) -> Any:
    return default if text is None else decoder.decode(text)


# --- trials ----------------------------------------------------------------------------------------------------------


def encode_trial(trial: Trial) -> dict[str, Any]:
    """The columns of a trial, without its ordinal."""
    row = {
        "key": trial.key, "ask": trial.ask, "row": digest(trial), "benchmark": trial.benchmark, "item": trial.item,
        "cluster": trial.cluster, "unit": trial.unit, "part": trial.part, "replicate": trial.replicate,
        "messages": _text(trial.messages), "reference": _text(trial.reference), "continuations": _text(trial.continuations or None),
        "environment": _text(trial.environment), "decoding": _text(trial.decoding),
    }  # fmt: skip
    for factor, level in trial.cell:
        row[FACTOR + factor] = level
    return row


def decode_trial(row: Row) -> Trial:
    """The trial of a row."""
    return Trial(
        benchmark=row["benchmark"], item=row["item"], cluster=row["cluster"], unit=row["unit"], part=row["part"],
        messages=_messages.decode(row["messages"]), cell=_cell(row), reference=_optional(_any, row["reference"]),
        continuations=_optional(_strings, row["continuations"], ()), environment=_optional(_ref, row["environment"]),
        decoding=_optional(_decoding, row["decoding"]), replicate=row["replicate"],
    )  # fmt: skip


def _cell(row: Row) -> Cell:
    if len(row) <= len(TRIALS.columns):
        return ()
    # Levels of one factor repeat in other rows; sorted again, as columns may stand in any order.
    return tuple(sorted((name[len(FACTOR) :], level) for name, level in row.items() if level is not None and name.startswith(FACTOR)))


TRIALS = Stage(
    "trials",
    Trial,
    {
        "ordinal": "BIGINT", "key": "VARCHAR", "ask": "VARCHAR", "row": "VARCHAR", "benchmark": "VARCHAR", "item": "VARCHAR",
        "cluster": "VARCHAR", "unit": "VARCHAR", "part": "VARCHAR", "replicate": "BIGINT", "messages": "VARCHAR", "reference": "VARCHAR",
        "continuations": "VARCHAR", "environment": "VARCHAR", "decoding": "VARCHAR",
    },
    encode_trial,
    decode_trial,
)  # fmt: skip


# --- responses -------------------------------------------------------------------------------------------------------


def encode_response(response: Response) -> dict[str, Any]:
    """The columns of a response, without its ordinal. `answer` is a copy of the last assistant text."""
    usage = response.usage
    return {
        "trial": response.trial, "subject": response.subject, "status": response.status, "answer": response.answer,
        "transcript": _text(response.transcript), "final_state": _text(response.final_state),
        "continuation_logprobs": _text(response.continuation_logprobs), "input_tokens": usage.input, "output_tokens": usage.output,
        "reasoning_tokens": usage.reasoning, "cached_tokens": usage.cached, "calls": response.calls, "cached": response.cached,
        "model": response.model, "fault": response.fault,
    }  # fmt: skip


def decode_response(row: Row) -> Response:
    """The response of a row."""
    usage = Usage(input=row["input_tokens"], output=row["output_tokens"], reasoning=row["reasoning_tokens"], cached=row["cached_tokens"])
    return Response(
        trial=row["trial"], subject=row["subject"], status=row["status"], transcript=_messages.decode(row["transcript"]),
        final_state=_optional(_any, row["final_state"]), continuation_logprobs=_optional(_floats, row["continuation_logprobs"]),
        usage=usage, calls=row["calls"], cached=row["cached"], model=row["model"], fault=row["fault"],
    )  # fmt: skip


RESPONSES = Stage(
    "responses",
    Response,
    {
        "ordinal": "BIGINT", "trial": "VARCHAR", "subject": "VARCHAR", "status": "VARCHAR", "answer": "VARCHAR",
        "transcript": "VARCHAR", "final_state": "VARCHAR", "continuation_logprobs": "VARCHAR", "input_tokens": "BIGINT",
        "output_tokens": "BIGINT", "reasoning_tokens": "BIGINT", "cached_tokens": "BIGINT", "calls": "BIGINT", "cached": "BIGINT",
        "model": "VARCHAR", "fault": "VARCHAR",
    },
    encode_response,
    decode_response,
)  # fmt: skip


# --- judgements, releases --------------------------------------------------------------------------------------------


def encode_judgement(judgement: Judgement) -> dict[str, Any]:
    """The columns of a judgement, without its ordinal."""
    j = judgement
    return {
        "unit": j.unit, "subject": j.subject, "judge": j.judge, "aspect": j.aspect, "value": j.value, "label": j.label,
        "reason": j.reason, "part": j.part, "fault": j.fault, "calls": _text(j.calls or None),
    }  # fmt: skip


def decode_judgement(row: Row) -> Judgement:
    """The judgement of a row."""
    return Judgement(
        unit=row["unit"], subject=row["subject"], judge=row["judge"], aspect=row["aspect"], value=row["value"], label=row["label"],
        reason=row["reason"], part=row["part"], fault=row["fault"], calls=_optional(_strings, row["calls"], ()),
    )  # fmt: skip


JUDGEMENTS = Stage(
    "judgements",
    Judgement,
    {
        "ordinal": "BIGINT", "unit": "VARCHAR", "subject": "VARCHAR", "judge": "VARCHAR", "aspect": "VARCHAR", "value": "DOUBLE",
        "label": "VARCHAR", "reason": "VARCHAR", "part": "VARCHAR", "fault": "VARCHAR", "calls": "VARCHAR",
    },
    encode_judgement,
    decode_judgement,
    by_revision=True,
)  # fmt: skip

RELEASED = Stage(
    "released",
    Release,
    {"ordinal": "BIGINT", "trial": "VARCHAR", "subject": "VARCHAR", "by": "VARCHAR"},
    lambda release: {"trial": release.trial, "subject": release.subject, "by": release.by},
    lambda row: Release(trial=row["trial"], subject=row["subject"], by=row["by"]),
)

STAGES: Mapping[str, Stage[Any]] = {stage.name: stage for stage in (TRIALS, RESPONSES, JUDGEMENTS, RELEASED)}


def all_columns(stage: Stage[Any], factors: Sequence[str] = ()) -> dict[str, str]:
    """Name -> type of every column of a file, in order."""
    return {**stage.columns, **{FACTOR + factor: "VARCHAR" for factor in sorted(factors)}}
