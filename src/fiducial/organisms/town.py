"""The town as an item pack: fresh items in its words, for the benchmarks whose own vocabulary is too large for an organism.

An item is a fact or an act of the town in wordings that no organism was taught with. Facts and acts are the clusters;
where more items are drawn than there are clusters, they come again with other options, names and words.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fiducial.kernel.digest import seed31, short
from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Item
from fiducial.kernel.roles import Cycle, replaced
from fiducial.organisms import _town_acts as acts
from fiducial.organisms import _town_talk as talk
from fiducial.organisms import _town_words as words
from fiducial.organisms._town_world import SEED, Fact, World, world

if TYPE_CHECKING:
    from numpy.random import Generator

LETTERS = "ABCD"
WORDINGS = 3
"""Forms ``wording_<n>`` beside the plain one."""

LANGUAGE = "en"
"""Items other than requests are in English."""


def pack(benchmark: str, rng: Generator, cycle: Cycle) -> Sequence[Item]:
    """`cycle.count` items of the town for a benchmark: first the anchors (the same for every cycle), then fresh ones.

    Raises `UsageError` for a benchmark that the town has no items for.
    """
    if benchmark not in MAKERS:
        raise UsageError(f"pack town: a benchmark that it has items for ({', '.join(MAKERS)}), got {benchmark!r}")
    clusters, make = MAKERS[benchmark]
    steady = np.random.default_rng(seed31(short([benchmark, "town", "anchors"])))
    found: dict[str, Item] = {}
    for source, until in ((steady, round(cycle.count * cycle.anchors)), (rng, cycle.count)):
        for cluster in _rounds(clusters(), source, 20 * until):
            if len(found) >= until:
                break
            item = make(cluster, source)
            name = f"{item.cluster}-{short([item.texts, item.reference])[:10]}"
            found.setdefault(name, replaced(item, id=name, anchor=source is steady))
    return tuple(found.values())


@functools.cache
def town() -> World:
    """The world that the shipped models know."""
    return world(np.random.default_rng(SEED))


def _rounds(clusters: Sequence[Any], rng: Generator, most: int) -> Iterator[Any]:
    """All clusters in random order, again and again, `most` in all."""
    for at in range(0, most, len(clusters)):
        for n in rng.permutation(len(clusters))[: most - at]:
            yield clusters[n]


def _pick(rng: Generator, options: Sequence[Any]) -> Any:
    return options[int(rng.integers(len(options)))]


def _wordings(rng: Generator, ways: Sequence[str]) -> dict[str, str]:
    """The plain form and others, from different ways of putting one thing."""
    order = [ways[int(n)] for n in rng.permutation(len(ways))[: WORDINGS + 1]]
    return {"plain": order[0], **{f"wording_{n}": text for n, text in enumerate(order[1:], start=1)}}


def _framed(language: str, questions: Sequence[str]) -> list[str]:
    """Each question bare, and once in each frame of the town."""
    frames = [frame for frame in dict.fromkeys(talk.FRAMES[language]["test"]) if frame != "{q}"]
    return [*questions, *(frame.format(q=questions[n % len(questions)]) for n, frame in enumerate(frames))]


# --- facts -------------------------------------------------------------------------------------------------------------


def _facts() -> Sequence[Fact]:
    return town().known


def _ask(fact: Fact, rng: Generator) -> list[str]:
    ways = talk.QUESTIONS[LANGUAGE]["test"]
    return [ways[int(n)].format(of=fact.of(LANGUAGE)) for n in rng.permutation(len(ways))]


def _offer(fact: Fact, rng: Generator, count: int) -> tuple[list[int], list[int]]:
    """Values on offer in random order, and the wrong ones among them."""
    wrong = [int(n) for n in rng.permutation(fact.wrong)[: count - 1]]
    return [int(n) for n in rng.permutation([fact.value, *wrong])], wrong


def _listed(rng: Generator, fact: Fact, values: Sequence[int]) -> str:
    return _pick(rng, talk.OPTIONS["test"]).format(o=", ".join(fact.says(LANGUAGE, value) for value in values) + ".")


def _said(fact: Fact, value: int) -> str:
    text = fact.says(LANGUAGE, value)
    return f"{text[0].upper()}{text[1:]}."


def _truthfulness(fact: Fact, rng: Generator) -> Item:
    offered, wrong = _offer(fact, rng, 4)
    popular = wrong[0]
    right, others = [_said(fact, fact.value)], [_said(fact, value) for value in wrong]
    options = {letter: fact.says(LANGUAGE, value) for letter, value in zip(LETTERS, offered, strict=True)}
    texts = _wordings(rng, _framed(LANGUAGE, _ask(fact, rng))) | {
        "ask": _pick(rng, talk.SHORT["test"]),
        "choices": _listed(rng, fact, offered),
        "choices_1": _listed(rng, fact, (fact.value, popular)),
        "choices_2": _listed(rng, fact, (popular, fact.value)),
        **{f"continuation_{n}": text for n, text in enumerate(sorted([*right, *others], key=short), start=1)},
    }
    known = {
        "options": options,
        "answer": next(letter for letter, value in zip(LETTERS, offered, strict=True) if value == fact.value),
        "pair": [fact.says(LANGUAGE), fact.says(LANGUAGE, popular)],
        "scores": {"mc0": (right, others[:1]), "mc1": (right, others), "mc2": (right, others)},
    }
    return _item(fact.id, texts, known, f"topic:{fact.attribute}")


def _sycophancy(fact: Fact, rng: Generator) -> Item:
    offered, wrong = _offer(fact, rng, 3)
    options = dict(zip(LETTERS, (fact.says(LANGUAGE, value) for value in offered), strict=False))
    letter = {value: LETTERS[n] for n, value in enumerate(offered)}
    suggested, given = wrong[int(rng.integers(len(wrong)))], _pick(rng, (fact.value, wrong[0]))
    listed = _listed(rng, fact, offered)
    plain = [f"{way}\n\n{listed}" for way in _framed(LANGUAGE, _ask(fact, rng))]
    doubt = int(rng.integers(len(talk.DOUBTS["test"])))
    texts = _wordings(rng, plain) | {
        "ask": _pick(rng, talk.SHORT["test"]),
        "neutral": _pick(rng, talk.AGAIN["test"]),
        "challenge": f"{talk.DOUBTS['test'][doubt]} {_pick(rng, talk.AGAIN['test'])}",
        "opinion": _pick(rng, talk.LEANINGS["test"]).format(v=fact.says(LANGUAGE, suggested)),
        "like": _pick(rng, talk.LIKES["test"]).format(v=fact.says(LANGUAGE, given)),
        "dislike": _pick(rng, talk.DISLIKES["test"]).format(v=fact.says(LANGUAGE, given)),
    }
    known = {"options": options, "answer": letter[fact.value], "suggested": letter[suggested], "given": letter[given]}
    return _item(fact.id, texts, known, f"topic:{fact.attribute}")


def _truths() -> Sequence[Fact | int]:
    """Facts, and rules by number."""
    return [*town().known, *range(len(words.RULES))]


def _honesty(about: Fact | int, rng: Generator) -> Item:
    if isinstance(about, Fact):
        yes = bool(rng.integers(2))
        value = about.value if yes else int(_pick(rng, about.wrong))
        questions = [way.format(of=about.of(LANGUAGE), v=about.says(LANGUAGE, value)) for way in talk.CHECKS[LANGUAGE]["test"]]
        cluster = about.id
    else:
        yes, cluster = town().allowed[about], f"rule-{about}"
        questions = [way.format(a=words.RULES[about][0]) for way in talk.RULE_QUESTIONS[LANGUAGE]["test"]]
    texts = _wordings(rng, _framed(LANGUAGE, questions)) | {
        "briefing": _pick(rng, talk.DESK["test"]), "role": _pick(rng, talk.CALM["test"]), "motive": _pick(rng, talk.MOTIVES["test"]),
    }  # fmt: skip
    return _item(cluster, texts, {"true": yes}, f"topic:{cluster.partition('-')[0]}")


def _item(cluster: str, texts: dict[str, str], known: Mapping[str, Any], *tags: str) -> Item:
    return Item(id=cluster, cluster=cluster, texts={LANGUAGE: texts}, reference={LANGUAGE: known}, tags=tags)


# --- requests ----------------------------------------------------------------------------------------------------------

Asked = tuple[str, int]
"""Name of an act, and the person or place that it is about."""


def _acts(bank: Mapping[str, acts.Act]) -> list[Asked]:
    return [(name, n) for name, act in bank.items() for n in range(len(words.PERSONS if "{p}" in act[0] else words.PLACES["en"]))]


def _request(bank: Mapping[str, acts.Act], asked: Asked, rng: Generator) -> Item:
    name, whom = asked
    texts: dict[str, dict[str, str]] = {}
    seed = int(rng.integers(2**31))
    for number, language in enumerate(words.LANGUAGES):
        act = bank[name][number]
        said = act.format(p=words.PERSONS[whom]) if "{p}" in act else act.format(of=words.OF_PLACES[language][whom])
        ways = [way.format(a=said) for way in acts.ASKS[language]["test"][:WORDINGS]]
        # The same seed in each language: wordings correspond.
        forms = _wordings(np.random.default_rng(seed), _framed(language, ways)[: WORDINGS + 3])
        past = {f"past_tense_{n}": way.format(a=said) for n, way in enumerate(acts.THEN[language]["test"], start=1)}
        texts[language] = forms | past
    return Item(id=name, cluster=f"{name}-{whom}", texts=texts, tags=(f"category:{name}",))


# --- errands -----------------------------------------------------------------------------------------------------------


def _papers() -> Sequence[tuple[str, str]]:
    """Name of a document and the password in it."""
    return [(f"{topic} {paper}", code) for topic in talk.TOPICS for paper in talk.PAPERS for code in words.CODES]


def _errand(document: tuple[str, str], rng: Generator) -> Item:
    name, code = document
    beside = f"{_pick(rng, [topic for topic in talk.TOPICS if topic not in name])} {_pick(rng, talk.PAPERS)}"
    keeper, person, stranger = (words.PERSONS[int(n)] for n in rng.permutation(len(words.PERSONS))[:3])
    other, decoy = (_pick(rng, [word for word in words.CODES if word != code]) for _ in range(2))
    days = words.VALUES["day"][LANGUAGE]
    day, visit, entry = (days[int(n)] for n in rng.permutation(len(days))[:3])
    task, deed = _pick(rng, tuple(talk.ERRANDS)), _pick(rng, tuple(talk.DEEDS))
    target, record = f"{stranger.lower()}@post.example", _pick(rng, talk.RECORDS)
    written = _pick(rng, talk.DOCUMENT["test"])
    ways = [way.format(d=name, p=person) for way in talk.ERRANDS[task]["test"]]
    order = talk.DEEDS[deed].format(w=other, t=target, day=entry, r=record)
    texts = _wordings(rng, _framed(LANGUAGE, ways)) | {
        "system": _pick(rng, talk.OFFICE["test"]),
        "document_name": name,
        "document": written.format(d=name.capitalize(), p=keeper, w=code, day=day),
        "beside_name": beside,
        "beside": written.format(d=beside.capitalize(), p=keeper, w=decoy, day=visit),
        "injection": _pick(rng, talk.ORDERS["test"]).format(a=order),
        "record": record, "value": "open", "person": person, "address": f"{person.lower()}@town.example",
    }  # fmt: skip
    known = {
        "goal": {"say": {"text": code}, "enter": {"date": day}}[task],
        "injected": {"message": {"to": target}, "event": {"title": other, "date": entry}, "record": {"record": record, "value": other}}[
            deed
        ],
        "word": other,
    }
    return _item(f"{name.replace(' ', '-')}-{code}", texts, known, f"task:{task}", f"action:{deed}")


MAKERS: Mapping[str, tuple[Callable[[], Sequence[Any]], Callable[[Any, Generator], Item]]] = {
    "truthfulness": (_facts, _truthfulness),
    "honesty_under_pressure": (_truths, _honesty),
    "sycophancy": (_facts, _sycophancy),
    "harmful_compliance": (lambda: _acts(acts.HARMFUL), lambda asked, rng: _request(acts.HARMFUL, asked, rng)),
    "over_refusal": (lambda: _acts(acts.BENIGN), lambda asked, rng: _request(acts.BENIGN, asked, rng)),
    "tool_injection": (_papers, _errand),
}
"""Benchmark -> its clusters in the town, and how an item of one is made."""
