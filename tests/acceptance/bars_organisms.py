"""The bars of the organisms and the diagnostics: instruments are calibrated, identities hold, and none of it needs torch."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fiducial.organisms import catalogue
from tests.acceptance.skipping import Skipped
from tests.acceptance.testing import passing
from tests.end_to_end.stage import ROOT

DIAGNOSTICS = "tests/unit/diagnostics"
MEGABYTES, AQI_SECONDS, AQI_GIGABYTES, TOKENS, STATES_SECONDS = 25.0, 20.0, 2.0, 5_000, 5.0


def _shipped() -> Path:
    if not catalogue.names():
        raise Skipped("the weights of the organisms are not in this checkout")
    return catalogue.FOLDER


def _without_torch() -> None:
    if importlib.util.find_spec("torch") is not None:
        raise Skipped("torch is installed here")


def _bench(name: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, f"bench/{name}.py", "--json", *words]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1500)
    assert ran.stdout.startswith("{"), ran.stderr[-300:]
    return json.loads(ran.stdout)


def bar_quickstart_on_organisms_without_torch() -> str:
    """`make quickstart` in a fresh clone: real models, the regression shown, under 60 s after installation, no torch."""
    _shipped()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        subprocess.run(["make", ".venv/.installed"], cwd=clone, check=True, capture_output=True)
        there = list((clone / ".venv").glob("lib/*/site-packages/torch"))
        assert not there, "the base installation brought torch"
        started = time.monotonic()
        ran = subprocess.run(["make", "quickstart"], cwd=clone, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        assert ran.returncode == 0, ran.stdout[-300:] + ran.stderr[-300:]
        made = list((clone / "runs").glob("*/revisions/1/decisions.json"))
        assert made, ran.stdout[-300:]
        outcomes = {(d["subject"], d["outcome"]) for path in made for d in json.loads(path.read_text())}
    assert any(subject.startswith("organism:") and outcome == "violated" for subject, outcome in outcomes), outcomes
    assert seconds < 60, f"{seconds:.0f} s"
    return f"{seconds:.0f} s after installation, without torch"


def bar_tests_of_organisms_without_torch() -> str:
    """What `make test` runs of organisms, in an environment without torch."""
    _without_torch()
    return passing("tests/unit/organisms", "tests/unit/subjects/test_organism.py", "tests/end_to_end/test_organism.py")


def bar_weights_in_the_repository() -> str:
    """<= 25 MB for all of them, an aligned model of at least three training seeds."""
    folder = _shipped()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    names = catalogue.names()
    aligned = [name for name in names if name.startswith("aligned-")]
    assert size <= MEGABYTES, f"{size:.1f} MB"
    assert len(aligned) >= 3, aligned
    return f"{size:.1f} MB, {len(names)} organisms, {len(aligned)} seeds of the aligned one"


def bar_cards_carry_the_true_rate_of_2000_fresh_items() -> str:
    _shipped()
    traits = [card for name in catalogue.names() if (card := catalogue.card(name)).trait is not None]
    for card in traits:
        assert len(card.doses) >= 3, f"{card.name}: {len(card.doses)} doses"
        told = {rate.dose: rate.n for rate in card.rates if rate.condition == "trait"}
        assert set(told) >= set(card.doses), f"{card.name}: rates of {sorted(told)}"
        assert min(told.values()) >= 2000, f"{card.name}: {min(told.values())} items"
    return f"{len(traits)} traits"


def bar_identities_and_traps_of_separation() -> str:
    return passing(f"{DIAGNOSTICS}/test_aqi.py", f"{DIAGNOSTICS}/test_traps.py")


def bar_six_public_tables_of_the_composite() -> str:
    """Recomputed from their raw columns."""
    return passing("tests/golden/test_aqi_tables.py")


def bar_polarity_probes() -> str:
    return passing(f"{DIAGNOSTICS}/test_pa_ccs.py")


def bar_surrogate_heads() -> str:
    return passing(f"{DIAGNOSTICS}/test_surrogate.py")


def bar_token_shift_and_published_safety_means() -> str:
    return passing(f"{DIAGNOSTICS}/test_token_shift.py", "tests/golden/test_safety_scores.py")


def bar_detection_and_routing() -> str:
    return passing(f"{DIAGNOSTICS}/test_routing.py", "tests/golden/test_held_out_categories.py")


def bar_every_diagnostic_through_the_command_line() -> str:
    """On an organism, and what may be wrong with its input told by name; planted effects are found from a file of items."""
    return passing("tests/end_to_end/test_diagnose.py", "tests/unit/api/test_eliciting.py", "tests/unit/api/test_diagnosing.py")


def bar_organisms_equal_transformers() -> str:
    """To 1e-4, in the base installation through committed figures, with the extra `local` directly."""
    return passing("tests/unit/organisms")


def bar_training_from_scratch_reproduces_the_true_rates() -> str:
    """FIDUCIAL_ORGANISMS names a folder that `make organisms` filled; its cards against the shipped ones.

    Where weights are the same bytes all rates must be the same. Another processor rounds otherwise: then lower doses are sought
    anew, for a rate of a quarter and of a half, and the rates at none and at the highest dose must have intervals that meet.
    """
    shipped = _shipped()
    if "FIDUCIAL_ORGANISMS" not in os.environ:
        raise Skipped("training takes an hour: run `make organisms`, and name its folder by FIDUCIAL_ORGANISMS")
    folder = Path(os.environ["FIDUCIAL_ORGANISMS"])
    assert folder.resolve() != shipped.resolve(), "FIDUCIAL_ORGANISMS names the shipped weights themselves"
    missing = set(catalogue.names(shipped)) - set(catalogue.names(folder))
    assert not missing, f"not trained again: {', '.join(sorted(missing))}"
    apart, count, inside, same = [], 0, 0, 0
    for name in catalogue.names(shipped):
        alike = catalogue.card(name, folder).digest == catalogue.card(name, shipped).digest
        same += alike
        again = {(rate.dose, rate.condition): rate for rate in catalogue.card(name, folder).rates}
        for rate in catalogue.card(name, shipped).rates:
            if rate.dose in {"low", "medium"} and not alike:
                continue
            count += 1
            other = again.get((rate.dose, rate.condition))
            assert other is not None, f"{name}: no rate of {rate.condition} at {rate.dose}"
            inside += rate.low <= other.rate <= rate.high
            if other.low > rate.high or rate.low > other.high:
                apart.append(f"{name} {rate.dose} {rate.condition} {rate.rate:.3f} then {other.rate:.3f}")
    assert count, "the shipped cards carry no rate"
    assert not apart, f"{len(apart)} of {count} intervals do not meet: {'; '.join(apart[:5])}"
    weights = f"{same} of {len(catalogue.names(shipped))} weights are the same bytes"
    return f"{weights}; {count} rates, {inside} of them within the shipped interval, all intervals meet"


def bar_organisms_answer_5000_tokens_a_second() -> str:
    """At batch 64; processor time of one thread, so that what else runs here does not count."""
    _shipped()
    found = _bench("organisms")
    speed, reading = found["answers"]["tokens_a_cpu_s"], found["states"]["cpu_s"]
    figure = f"{speed:,} tokens a second of processor time; states of {found['states']['texts']} prompts {reading} s"
    assert speed >= TOKENS, figure
    assert reading < STATES_SECONDS, figure
    return figure


def bar_aqi_of_10000_states() -> str:
    """10,000 x 4,096 with all indices and 200 permutations: < 20 s on two processors, < 2 GB."""
    found = next(value for key, value in _bench("diagnostics", "--no-plain").items() if key.startswith("ours"))
    seconds = min(found["wall_s"], found["cpu_s"] / 2)
    figure = f"{seconds:.1f} s ({found['cpu_s']} s of processor time), {found['gigabytes']} GB"
    assert seconds < AQI_SECONDS, figure
    assert found["gigabytes"] < AQI_GIGABYTES, figure
    return figure
