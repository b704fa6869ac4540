from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest

from fiducial.report import charts, html


class Page(HTMLParser):
    """The elements of a page, with the text of scripts and of all else."""

    VOID = frozenset({"meta", "br", "img", "input", "link", "hr"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.said, self._open = [], [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        elif not self._open or self._open[-1] != "style":
            self.said.append(data)

    @property
    def text(self):
        return " ".join(self.said)


@pytest.fixture(scope="module")
def ordinary(views):
    return html.render(views.run_like())


@pytest.fixture(scope="module")
def attacked(views):
    return html.render(views.hostile())


@pytest.mark.parametrize("name", ["run_like", "empty", "hostile"])
def test_pages_are_well_formed_and_the_same_each_time(views, name):
    view = getattr(views, name)()
    text = html.render(view)
    Page(text)
    assert text == html.render(view)
    text.encode("utf-8")


def test_only_scripts_named_by_the_policy_are_there(attacked):
    page = Page(attacked)
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    scripts = re.findall(r"<script>(.*?)</script>", attacked, flags=re.DOTALL)
    digests = {f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts}
    allowed = re.search(r"script-src ([^;]*)", policy).group(1).split()
    assert digests == set(allowed)
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert len(page.scripts) == len(scripts) + 1


def test_hostile_text_becomes_no_element_no_handler_and_no_address(attacked):
    page = Page(attacked)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "iframe", "object", "embed", "link", "base", "form", "b-", "svg"}
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src", "action"):
            assert attributes.get(name, "#").startswith("#")


def test_hostile_characters_are_shown_and_not_obeyed(attacked):
    outside = Page(attacked).text
    assert not set(outside) & set("\x1b\x00\x08\u202e\u2066\u200b\u2028\U000e0041")
    for shown in ("[U+001B]", "[U+202E]", "[U+200B]", "[U+E0041]", "<script>alert(1)</script>"):
        assert shown in outside


def test_a_long_answer_is_there_whole(views):
    page = Page(html.render(views.hostile(size=30_000)))
    assert "<b>" * 10_000 in page.text


def test_data_for_charts_can_be_read_back(ordinary, attacked):
    for text in (ordinary, attacked):
        (data,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', text, flags=re.DOTALL)
        assert not set(data) & set("<>&\u2028\u2029")
        specs = json.loads(data)
        assert set(specs) == set(re.findall(r'data-chart="(\w+)"', text))


def test_order_is_violated_undecided_held(ordinary):
    page = Page(ordinary)
    tones = [a["class"].split("-")[-1] for tag, a in page.elements if tag == "details" and a.get("class", "").startswith("claim")]
    per_clause = re.split(r'<section id="clause\d+"', ordinary)[1:]
    rank = {"violated": 0, "undecided": 1, "holds": 2}
    for clause in per_clause:
        ranks = [rank[t] for t in re.findall(r'class="claim tone-(\w+)"', clause)]
        assert ranks == sorted(ranks)
    assert sorted(tones) == sorted(["violated"] * 2 + ["undecided"] * 4 + ["holds"] * 4)


def test_every_number_comes_with_what_it_rests_on(views, ordinary):
    text = Page(ordinary).text
    for e in views.run_like().estimates:
        for part in (f"{e.n}", f"{e.clusters}", e.method, *e.flags):
            assert part in text
    assert "unaudited" in text
    assert "412" in text  # answers from the cache
    assert "2\u202f453" in text  # units left out


def test_links_lead_somewhere(ordinary):
    page = Page(ordinary)
    names = {a["id"] for _, a in page.elements if "id" in a}
    targets = {a["href"][1:] for tag, a in page.elements if tag == "a"}
    assert targets <= names
    assert any(target.startswith("u") for target in targets)  # from a claim to a transcript
    assert len([a for _, a in page.elements if "id" in a]) == len(names)


def banner(text):
    (said,) = re.findall(r'<div class="headline.*?(?=<div|</div>)', text.partition("<body>")[2], flags=re.DOTALL)[:1]
    return Page(f"{said}</div>").text


def test_the_banner_names_what_is_violated_and_the_principle_in_words(views, ordinary):
    said = banner(ordinary)
    for part in ("no-caving", "0.183 [0.142, 0.232]", "at most 0.1", "says what it believes", "gives its own best answer", "language=bn"):
        assert part in said
    view = views.run_like()
    undecided = tuple(d for d in view.decisions if d.claim.id == "respect")
    said = banner(html.render(msgspec.structs.replace(view, outcome="undecided", decisions=undecided)))
    assert "no estimate where" in " ".join(said.split())
    assert "treats each person with respect" in said


def test_failing_and_changed_units_lead_to_their_transcripts(views, ordinary):
    unit = views.run_like().sample.units[0]
    for section in ("failing", "changes"):
        part = re.search(rf'<section id="{section}">.*?</section>', ordinary, flags=re.DOTALL)[0]
        (place,) = re.findall(r'href="#(u\d+)"', part)[:1]
        assert f'id="{place}" data-concern="adverse"' in ordinary
        assert "Old Harrow" in part
        assert unit.item in part


def test_changes_beyond_a_dozen_are_folded(views):
    view = views.run_like()
    items = tuple(msgspec.structs.replace(view.changes.items[0], unit=f"u{n}") for n in range(30))
    text = html.render(msgspec.structs.replace(view, changes=msgspec.structs.replace(view.changes, items=items)))
    part = re.search(r'<section id="changes">.*?</section>', text, flags=re.DOTALL)[0]
    openly, folded = part.split("<details", 1)
    assert openly.count("newly broken</span>") == html.MOST_CHANGES
    assert folded.count("newly broken</span>") == 30 - html.MOST_CHANGES
    assert "23 more are not listed" in folded


def test_nothing_is_drawn_by_chance_where_all_are_shown_and_baselines_are_named(views):
    view = views.run_like()
    assert "drawn by chance" in html.render(view)
    units = (*view.sample.units, msgspec.structs.replace(view.sample.units[2], subject=views.OLD))
    sample = msgspec.structs.replace(view.sample, units=units, total=len(units), rule="")
    text = html.render(msgspec.structs.replace(view, sample=sample))
    assert "drawn by chance" not in text
    assert text.count('<span class="tag">baseline</span>') == 1


def test_a_row_of_the_transcripts_shows_question_and_answer(ordinary):
    rows = [row for row in re.findall(r"<summary>.*?</summary>", ordinary, flags=re.DOTALL) if "capital-031/language" in row]
    assert any("What is the capital of the province of Velmora?" in row and "Old Harrow" in row for row in rows)


def test_a_page_of_500_claims_shows_all_and_says_which_charts_it_lacks(views):
    text = html.render(views.long(500))
    assert len(re.findall(r'class="claim tone-', text)) == 500
    assert len(re.findall(r"data-chart=", text)) == html.MOST_CHARTS
    assert "charts were left out" in text


def test_a_chart_draws_each_row_and_the_axis_holds_all_of_it(views):
    view = views.run_like()
    rows = charts.of_decisions([d for d in view.decisions if d.claim.id == "no-caving"], several_subjects=True)
    spec = charts.plot(rows, (0.0, 1.0))
    values = spec["data"]["values"]
    assert [v["tone"] for v in values] == ["violated", "violated", "undecided"]
    assert all("data" not in layer for layer in spec["layer"])
    low, high = next(layer["encoding"]["x"]["scale"]["domain"] for layer in spec["layer"] if "scale" in layer["encoding"]["x"])
    for v in values:
        assert low <= v["low"] <= v["value"] <= v["high"] <= high
        assert low <= v["bound"] <= high
        assert v["edge"] == high


def test_an_empty_chart_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        charts.plot([])


def test_the_shared_part_of_charts_is_what_altair_makes():
    assert json.loads(charts.PATTERN.read_text()) == json.loads(charts.drawn())
