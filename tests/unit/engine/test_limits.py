"""Rates, the knee, the breaker, hedges, deadlines and fair shares at an endpoint."""

import asyncio
import time
from random import Random

import msgspec
import pytest
from aiohttp import web

from fiducial.engine.limits import deadline, divide, share
from fiducial.engine.observe import Journalled
from fiducial.kernel.errors import SubjectError
from fiducial.kernel.roles import Context, Turn, say
from fiducial.subjects import chat
from fiducial.subjects._pace import Bucket, Pace, Passing, Rates


@pytest.fixture(autouse=True)
def no_keys(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def ok(text="yes", tokens=(10, 2)):
    value = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]},
    }
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


class Site:
    """A loopback endpoint made of a handler."""

    def __init__(self, handle):
        self._handle = handle
        self.url = ""
        self.inside = self.most = self.requests = 0

    async def _serve(self, request):
        self.requests += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            return await self._handle(self, request)
        finally:
            self.inside -= 1

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()


def client(site, name="m", **settings):
    values = {"base_url": site.url, "model": name, "timeout": 10.0, "backoff": 0.01, **settings}
    return chat.Chat(msgspec.convert(values, chat.Settings), {}, [])


async def ask(subject, count):
    """`count` questions at once: answers or errors."""
    turns = (Turn(messages=(say(f"question {n}"),), seed=n) for n in range(count))
    try:
        return await asyncio.gather(*(subject.complete(turn) for turn in turns), return_exceptions=True)
    finally:
        await subject.close()


# --- rates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_minute", "amount"), [(60, 1), (90, 1), (6000, 1), (6000, 250), (12, 30)])
def test_a_bucket_passes_its_rate_and_no_more_in_any_minute(per_minute, amount):
    bucket = Bucket(per_minute)
    times = [100.0 + bucket.take(amount, now=100.0) for _ in range(400)]
    assert times == sorted(times)
    for n, start in enumerate(times):
        inside = sum(amount for t in times[n:] if t < start + 60 - 1e-9)
        # What fits into a minute is the rate, and beyond it what may come at once: one second's worth, or one claim.
        assert inside <= per_minute + max(amount, per_minute / 60) + 1e-6
    assert (times[-1] - times[0]) == pytest.approx((400 * amount - max(amount, per_minute / 60)) / per_minute * 60, rel=0.02)


def test_an_idle_bucket_saves_up_one_second_only_and_a_settlement_counts():
    bucket = Bucket(600)
    assert bucket.take(1, now=1.0) == 0
    assert [round(bucket.take(1, now=1000.0), 6) for _ in range(12)] == [0.0] * 10 + [0.1, 0.2]
    bucket.give(2)
    assert bucket.take(1, now=1000.0) == pytest.approx(0.1)
    bucket.give(-30)  # an answer that was longer than claimed
    assert bucket.take(1, now=1000.0) == pytest.approx(3.2)


def test_an_endpoint_sees_no_more_requests_than_its_rate():
    async def main():
        arrivals = []

        async def handle(site, request):
            arrivals.append(time.monotonic())
            return ok()

        async with Site(handle) as site:
            answers = await ask(client(site, requests_per_minute=1200), 30)
        assert not [a for a in answers if isinstance(a, Exception)]
        return arrivals

    arrivals = asyncio.run(main())
    # 20 a second, 20 of them at once at first.
    assert arrivals[-1] - arrivals[0] > 0.45


def test_tokens_are_claimed_before_and_settled_after():
    async def main(said):
        async def handle(site, request):
            return ok(tokens=said)

        async with Site(handle) as site:
            subject = client(site, tokens_per_minute=6e6, concurrency=1)
            gave = []
            give = subject.endpoint.pace.rates.give
            subject.endpoint.pace.rates.give = lambda tokens, requests=0: (gave.append(tokens), give(tokens, requests))
            await ask(subject, 3)
            return gave

    cheap, dear = asyncio.run(main((5, 1))), asyncio.run(main((900, 4000)))
    assert all(100 < tokens < 200 for tokens in cheap)  # a claim of 150 for the answer was too much
    assert all(tokens < -3000 for tokens in dear)
    assert dear[2] > dear[0]  # the claim has learnt


# --- the knee --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("knee", [4, 13])
def test_calls_at_once_settle_at_the_knee_and_no_answer_is_lost(knee):
    async def handle(site, request):
        if site.inside > knee:
            return web.Response(status=429, headers={"Retry-After": "0"}, text="slow down")
        await asyncio.sleep(0.01)
        return ok()

    async def main():
        async with Site(handle) as site:
            subject = client(site, concurrency=80, retries=5)
            answers = await ask(subject, 600)
            return answers, site.requests, subject.endpoint.pace.limit

    answers, requests, limit = asyncio.run(main())
    assert not [a for a in answers if isinstance(a, Exception)]
    assert knee / 3 <= limit <= 2.5 * knee
    assert requests < 2.2 * 600


def test_an_endpoint_that_only_queues_is_found_by_its_time_outs():
    async def main():
        places = asyncio.Semaphore(6)

        async def handle(site, request):
            async with places:
                await asyncio.sleep(0.03)
            return ok()

        async with Site(handle) as site:  # 200 answers a second: more than 100 in flight cannot come back within half a second
            subject = client(site, concurrency=400, timeout=0.5)
            answers = await ask(subject, 900)
            return answers, site.requests, subject.endpoint.pace.limit

    answers, requests, limit = asyncio.run(main())
    assert not [a for a in answers if isinstance(a, Exception)]
    assert limit < 200
    assert requests < 3 * 900


def test_a_retry_after_holds_everybody_back():
    async def main():
        arrivals = []

        async def handle(site, request):
            arrivals.append(time.monotonic())
            if site.requests == 1:
                return web.Response(status=503, headers={"Retry-After": "0.4"})
            await asyncio.sleep(0.01)
            return ok()

        async with Site(handle) as site:
            await ask(client(site, concurrency=1, backoff=0.0), 4)
        return arrivals

    first, *rest = asyncio.run(main())
    assert min(rest) - first >= 0.39


# --- the breaker -----------------------------------------------------------------------------------------------------


def test_a_dead_endpoint_is_cut_off_and_a_probe_brings_it_back(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    gate = Pace(4, Random(1), in_a_row=3)
    for _ in range(2):
        gate.bad(Passing("connection", "h: refused"), now[0])
    gate.admit()
    gate.bad(Passing("connection", "h: refused"), now[0])
    with pytest.raises(SubjectError, match=r"3 calls in a row failed.*refused") as caught:
        gate.admit()
    assert caught.value.kind == "circuit open"
    now[0] += 1.01
    gate.admit()  # the probe
    with pytest.raises(SubjectError):
        gate.admit()  # one at a time
    gate.bad(Passing("connection", "h: refused"), now[0])
    now[0] += 0.5
    with pytest.raises(SubjectError):
        gate.admit()
    now[0] += 1.0
    gate.admit()
    gate.good()
    gate.admit()
    gate.admit()


def test_an_endpoint_that_worked_is_given_its_patience(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    gate = Pace(4, Random(1), in_a_row=3, patience=20.0)
    gate.good()
    for _ in range(9):
        gate.bad(Passing("http 500"), now[0])
    gate.admit()
    now[0] += 21
    gate.bad(Passing("http 500"), now[0])
    with pytest.raises(SubjectError, match="10 calls in a row"):
        gate.admit()


def test_after_the_cut_off_the_rest_fails_at_once():
    async def handle(site, request):
        return web.Response(status=500)

    async def main():
        async with Site(handle) as site:
            answers = await ask(client(site, failures_in_a_row=10, concurrency=5, retries=3), 300)
            return answers, site.requests

    answers, requests = asyncio.run(main())
    kinds = [a.kind for a in answers]
    assert set(kinds) == {"http 500", "circuit open"}
    assert requests <= 15
    assert kinds.count("circuit open") > 280


# --- deadlines and hedges --------------------------------------------------------------------------------------------


def test_a_call_has_a_deadline_over_all_its_attempts():
    async def handle(site, request):
        await asyncio.sleep(0.03)
        return web.Response(status=500)

    async def main():
        async with Site(handle) as site:
            return await ask(client(site, deadline=0.3, retries=100, backoff=0.01), 2), site.requests

    answers, requests = asyncio.run(main())
    assert [a.kind for a in answers] == ["deadline", "deadline"]
    assert 2 < requests < 40


def test_a_slow_request_is_hedged_and_the_first_answer_wins():
    async def handle(site, request):
        if site.requests == 1:
            await asyncio.sleep(5)
        return ok("late" if site.requests == 1 else "second")

    async def main(**settings):
        async with Site(handle) as site:
            subject = client(site, **settings)
            (answer,) = await ask(subject, 1)
            await asyncio.sleep(0.05)
            return answer, site, subject.endpoint

    answer, site, endpoint = asyncio.run(main(hedge_after=0.1))
    assert (answer.message.text, answer.served.attempts, endpoint.hedges, site.requests) == ("second", 2, 1, 2)
    assert site.inside == 0  # the slow one was cancelled
    assert endpoint.pace._inside == 0


def test_no_hedge_where_the_endpoint_is_full_or_rated_out_and_none_by_default():
    async def handle(site, request):
        await asyncio.sleep(0.15)
        return ok()

    async def main(count, **settings):
        async with Site(handle) as site:
            subject = client(site, **settings)
            await ask(subject, count)
            return site.requests, subject.endpoint.hedges

    assert asyncio.run(main(4, hedge_after=0.05, concurrency=4)) == (4, 0)
    assert asyncio.run(main(1, hedge_after=0.05, requests_per_minute=1)) == (1, 0)
    assert asyncio.run(main(2)) == (2, 0)
    assert asyncio.run(main(2, hedge_after=0.05)) == (4, 2)


def test_a_failed_hedge_does_not_spoil_the_answer():
    async def handle(site, request):
        if site.requests == 2:
            return web.Response(status=500)
        await asyncio.sleep(0.15)
        return ok("first")

    async def main():
        async with Site(handle) as site:
            return await ask(client(site, hedge_after=0.05), 1)

    assert asyncio.run(main())[0].message.text == "first"


class Run:
    """What a deadline ends."""

    reason = None

    def halt(self, reason):
        self.reason = reason


def test_a_run_ends_at_its_deadline_and_cuts_what_hangs():
    async def main(work):
        run, after = Run(), []
        async with deadline(run, 0.05, grace=0.05):
            await asyncio.sleep(work)
            after.append("through")
        await asyncio.sleep(0)
        return run.reason, after

    assert asyncio.run(main(0.0)) == (None, ["through"])
    reason, after = asyncio.run(main(0.08))
    assert "0.05 s" in reason
    assert after == ["through"]  # it was under way and came back in time
    reason, after = asyncio.run(main(30))
    assert after == []


# --- one endpoint, several owners ------------------------------------------------------------------------------------


def test_subjects_and_judges_at_one_endpoint_share_its_gate():
    async def handle(site, request):
        await asyncio.sleep(0.005)
        return ok()

    async def main():
        async with Site(handle) as site, Site(handle) as other:
            one, two = client(site, "one", concurrency=7), client(site, "two", concurrency=20, requests_per_minute=90_000)
            judge, apart = Journalled(client(site, "judge", tokens_per_minute=8e6)), client(other, "one", concurrency=7)
            gates = share([one, two, judge, apart])
            assert set(gates) == {site.url, other.url}
            gate = gates[site.url]
            assert (gate.most, gate.rates.requests, gate.rates.tokens) == (7, 90_000, 8e6)
            assert one.endpoint.pace is two.endpoint.pace is judge.subject.endpoint.pace is gate
            assert apart.endpoint.pace is gates[other.url] is not gate
            await asyncio.gather(ask(one, 40), ask(two, 40), ask(judge.subject, 40))
            return site.most

    assert asyncio.run(main()) <= 7


def test_a_short_queue_is_not_starved_by_a_long_one():
    async def main():
        gate, order = Pace(1, Random(1)), []

        async def call(owner):
            await gate.enter(owner)
            order.append(owner)
            await asyncio.sleep(0)
            gate.leave()

        await gate.enter("busy")
        calls = [asyncio.create_task(call("busy")) for _ in range(20)]
        await asyncio.sleep(0)
        calls += [asyncio.create_task(call(owner)) for owner in ("judge", "judge", "other")]
        await asyncio.sleep(0)
        gate.leave()
        await asyncio.wait_for(asyncio.gather(*calls), 5)
        return order

    order = asyncio.run(main())
    assert order[:6] == ["busy", "judge", "other", "busy", "judge", "busy"]
    assert len(order) == 23


def test_workers_together_never_pass_a_limit():
    def gate():
        return Pace(10, Random(1), rates=Rates(100.0, None))

    shares = [{"h": gate()} for _ in range(4)]
    for mine in shares:
        divide(mine, 4)
    assert sum(mine["h"].most for mine in shares) <= 10
    assert sum(mine["h"].rates.requests for mine in shares) == 100
    assert shares[0]["h"].rates.tokens is None
    meter = Rates(100.0)
    mine = {"h": gate(), "free": Pace(3, Random(1))}
    divide(mine, 4, {"h": meter})
    assert mine["h"].rates is meter
    assert (mine["free"].most, mine["free"].rates) == (1, None)


def test_settings_of_limits_are_read_and_refused(tmp_path):
    text = 'base_url = "http://h/v1"\nmodel = "m"\n'
    (tmp_path / "a.toml").write_text(text + "requests_per_minute = 30\ntokens_per_minute = 9000\nhedge_after = 2\ndeadline = 60\n")
    gate = chat.subject("a.toml", Context(folder=tmp_path)).endpoint.pace
    assert (gate.rates.requests, gate.rates.tokens) == (30, 9000)
    for line in ("requests_per_minute = 0", "tokens_per_minute = -1", "hedge_after = 0", "deadline = 0", "failures_in_a_row = 0"):
        (tmp_path / "b.toml").write_text(text + line)
        with pytest.raises(Exception, match=line.partition(" ")[0]):
            chat.subject("b.toml", Context(folder=tmp_path))
