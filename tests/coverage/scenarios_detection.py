"""Instruments held against known traits: AUROC, response to the dose, thresholds and their false alarms."""

import numpy as np
from judged import TARGET, Row, count, covers, mean_at_most, repeat
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from fiducial.stats.detection import alarms_elsewhere, auroc, concordance, power, steps, threshold

DETECTION = "Telling a trait apart"


def scenario_detection_auroc(rng: np.random.Generator, effort: float) -> list[Row]:
    """Normal scores, and shares of few events with many ties."""
    rows, runs = [], count(4000, effort)
    for trait, aligned in ((100, 100), (10, 100), (20, 37)):
        for wanted in (0.5, 0.8, 0.95, 0.99):
            gap = float(ndtri(wanted)) * 2**0.5

            def once(gap=gap, wanted=wanted, trait=trait, aligned=aligned):
                return auroc(rng.normal(gap, 1, trait), rng.normal(0, 1, aligned), of=TARGET), wanted

            # Approximate where it is not near 0 or 1.
            rows.append(repeat(DETECTION, f"AUROC {wanted:g}, {trait} + {aligned} runs", runs, 0.93, once))
    k = np.arange(201)
    for rates in ((0.0, 0.001), (0.001, 0.002), (0.01, 0.02)):
        low, high = (binom.pmf(k, 200, rate) for rate in rates)
        wanted = float(sum(high[i] * (low[:i].sum() + low[i] / 2) for i in k))

        def once(rates=rates, wanted=wanted):
            return auroc(rng.binomial(200, rates[1], 100), rng.binomial(200, rates[0], 100), of=TARGET), wanted

        what = f"AUROC of shares of 200, rates {rates[1]:g} and {rates[0]:g} (tied), 100 + 100 runs"
        rows.append(repeat(DETECTION, what, runs, 0.93, once))
    return rows


def scenario_detection_dose(rng: np.random.Generator, effort: float) -> list[Row]:
    """Concordance over doses of unequal numbers of runs; and the steps between them, which hold together."""
    sizes, runs, rows = (100, 10, 12, 60), count(4000, effort), []
    for gaps in ((0.0, 0.0, 0.0, 0.0), (0.0, 0.3, 0.8, 1.5), (0.0, 2.0, 4.0, 6.0)):
        pairs = [ndtr((gaps[j] - gaps[i]) / 2**0.5) for i in range(4) for j in range(i + 1, 4)]

        def draw(gaps=gaps):
            return [rng.normal(gap, 1, n) for gap, n in zip(gaps, sizes, strict=True)]

        what = f"concordance, means {', '.join(f'{gap:g}' for gap in gaps)}, {' + '.join(map(str, sizes))} runs"
        rows.append(
            repeat(DETECTION, what, runs, 0.93, lambda draw=draw, pairs=pairs: (concordance(draw(), of=TARGET), float(np.mean(pairs))))
        )
        wanted = np.diff(gaps)
        hits = sum(all(s.low <= w <= s.high for s, w in zip(steps(draw(), of=TARGET), wanted, strict=True)) for _ in range(runs))
        rows.append(covers(DETECTION, f"steps, means {', '.join(f'{gap:g}' for gap in gaps)}: all three", hits, runs, 0.945))
    return rows


def scenario_detection_threshold(rng: np.random.Generator, effort: float) -> list[Row]:
    """False alarms at the 5 % threshold: their mean, and the interval of the true rate. Exponential scores, so that it is known."""
    rows, runs = [], count(6000, effort)
    for n in (19, 60, 100, 500):
        found = [threshold(rng.exponential(size=n)) for _ in range(runs)]
        rates = np.exp([-t.value for t in found])
        rows.append(mean_at_most(DETECTION, f"5 % threshold of {n} runs: false alarms in per cent", 100 * rates, 5.0, unit="%"))
        hits = sum(t.low <= rate <= t.high for t, rate in zip(found, rates, strict=True))
        rows.append(covers(DETECTION, f"5 % threshold of {n} runs: interval of the true rate", hits, runs, 0.95))
    return rows


def scenario_detection_power(rng: np.random.Generator, effort: float) -> list[Row]:
    """Power given its threshold; and alarms on groups that a threshold was not set on, where the groups are alike."""
    rows, runs = [], count(4000, effort)

    def once():
        e = power(rng.normal(2, 1, 60), rng.normal(0, 1, 100), of=TARGET)
        return e, float(ndtr(2 - e.extra["threshold"]))

    rows.append(repeat(DETECTION, "power given the threshold, 60 + 100 runs", runs, 0.95, once))
    rates = [
        100 * alarms_elsewhere({name: rng.normal(size=n) for name, n in (("a", 34), ("b", 33), ("c", 25))}, of=TARGET).value
        for _ in range(runs)
    ]
    rows.append(mean_at_most(DETECTION, "alarms elsewhere, three groups alike: mean in per cent", np.array(rates), 5.0, unit="%"))
    return rows
