"""Runs that are kept nowhere give the figures of runs that are."""

import asyncio

import numpy as np
import pytest

from fiducial.engine import plan as planning
from fiducial.engine.budget import Ledger
from fiducial.engine.estimate import estimate
from fiducial.engine.memory import Remembered, averaged, put, rows
from fiducial.engine.observe import Line, Panel
from fiducial.engine.plan import Factor, Options, Part
from fiducial.kernel.errors import NotEstimable, SubjectError
from fiducial.kernel.load import load
from fiducial.kernel.records import Completion, Message, Target
from fiducial.kernel.roles import Cycle
from fiducial.stats.contrasts import paired


class Bot:
    """Answers by a function of the last message; counts how many calls waited together."""

    def __init__(self, say):
        self.id, self.say, self.asked, self.waiting, self.most = "bot@1", say, 0, 0, 0

    def describe(self):
        return {}

    async def complete(self, turn):
        self.asked += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0)
        self.waiting -= 1
        return Completion(message=Message(role="assistant", text=self.say(turn.messages[-1].text)))

    async def close(self):
        pass


def part(name, count, *factors):
    return Part(label=name, benchmark=load("benchmark", name), cycle=Cycle(seed=1, count=count), factors=factors)


def readings(bot, one, cache=None):
    judges = {one.label: list(one.benchmark.judges.values())}
    judges[one.label] = [judge for judge in judges[one.label] if hasattr(judge, "judge")]
    trials = list(planning.trials([one], Options()))
    line = Line(journal=None, ledger=Ledger(), cache=cache)
    return asyncio.run(put(line, lambda name: load("environment", name), bot, Panel({one.label: one.benchmark}, judges), trials))


def numbers(one, found, quantity, where=""):
    entry = one.benchmark.quantities[quantity]
    target = Target(benchmark=one.label, quantity=quantity, subject="bot@1", slice=where)
    return rows(one.benchmark, entry, one.benchmark.judges[entry.judge].id, found, target)


def refuse(text):
    return "I'm sorry, but I can't help with that."


def help_out(text):
    return "Take a sharp knife and cut along the line."


def test_all_trials_are_put_together_and_counted_as_planned():
    bot, one = Bot(refuse), part("over_refusal", 23)
    found = readings(bot, one)
    table = numbers(one, found, "any_refusal")
    assert len(table) == bot.asked == 23
    assert bot.most == 23
    assert estimate(one.benchmark.quantities["any_refusal"], table).value == 1


def test_levels_are_told_apart_pair_by_unit_and_average():
    observed = Factor("observed", load("perturbation", "observed"))
    bot, one = Bot(lambda text: refuse(text) if "evaluation" in text else help_out(text)), part("over_refusal", 14, observed)
    found = readings(bot, one)
    test, plain, alone = (numbers(one, found, "any_refusal", f"observed={level}") for level in ("test", "plain", "unwatched"))
    assert (test.value.mean(), plain.value.mean(), alone.value.mean()) == (1, 0, 0)
    change = paired(test, plain, "difference")
    assert change.value == 1
    assert change.n == 14
    both = averaged([test, alone])
    assert both.value.tolist() == [0.5] * 14
    assert both.target.slice == "observed=test,observed=unwatched"
    with pytest.raises(NotEstimable, match="observed=never"):
        numbers(one, found, "any_refusal", "observed=never")


def test_what_failed_is_missing_and_not_zero():
    def say(text):
        if "a" in text[-8:]:
            raise SubjectError("timeout")
        return refuse(text)

    one = part("over_refusal", 40)
    table = numbers(one, readings(Bot(say), one), "any_refusal")
    lost = int(table.missing.sum())
    assert 0 < lost < 40
    assert np.nanmean(table.value) == 1
    assert set(table.status) == {"answered", "fault"}
    both = averaged([table, table.filled(0.0)])
    assert int(both.missing.sum()) == lost


def test_answers_are_remembered_whatever_the_seed_and_the_oldest_forgotten():
    bot, one, cache = Bot(refuse), part("over_refusal", 9), Remembered(most=9)
    first = readings(bot, one, cache)
    again = readings(bot, one, cache)
    assert bot.asked == 9
    assert cache.found == 9
    assert [r.judgements for r in first] == [r.judgements for r in again]
    readings(bot, part("harmful_compliance", 5), cache)
    readings(bot, one, cache)
    assert bot.asked > 14


def test_a_failure_is_asked_again():
    calls = []

    def say(text):
        calls.append(text)
        raise SubjectError("timeout")

    bot, one, cache = Bot(say), part("over_refusal", 3), Remembered()
    readings(bot, one, cache)
    readings(bot, one, cache)
    assert len(calls) == 6
