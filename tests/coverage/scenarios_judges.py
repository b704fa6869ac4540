"""Rates under a fallible judge, few labels, agreement and correlation."""

import numpy as np
from judged import TARGET, Row, aimed, count, mean_at_least, repeat, table
from scipy.special import expit

from fiducial.kernel.errors import NotEstimable
from fiducial.stats.agreement import cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha, percent_agreement
from fiducial.stats.correlation import kendall, pairwise_accuracy, pearson, spearman
from fiducial.stats.judge_error import Calibration, corrected_rate
from fiducial.stats.judge_variance import between_judges
from fiducial.stats.prediction_powered import (
    Stratum,
    active_mean,
    next_to_label,
    neyman_allocation,
    prediction_powered,
    rectified,
    stratified_rate,
)
from fiducial.stats.proportions import rate as proportion
from fiducial.stats.raters import latent_rate

JUDGE, AGREE = "Judge error and few labels", "Agreement and correlation"


def judged_world(rng: np.random.Generator, n: int, rate: float, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
    """Truth and a judge's verdict with equal sensitivity and specificity."""
    truth = (rng.random(n) < rate).astype(float)
    return truth, np.where(rng.random(n) < accuracy, truth, 1 - truth)


def scenario_judges_rogan_gladen(rng: np.random.Generator, effort: float) -> list[Row]:
    """The judge's errors estimated on known cases, for each data set anew."""
    rows = []
    for rate, n, positives, negatives, se, sp in [
        (0.02, 1000, 50, 150, 0.9, 0.95), (0.05, 2000, 100, 100, 0.9, 0.95), (0.3, 400, 60, 60, 0.85, 0.85), (0.0, 500, 50, 100, 0.9, 0.97), (0.1, 200, 50, 50, 0.9, 0.9),
    ]:  # fmt: skip

        def once(rate=rate, n=n, positives=positives, negatives=negatives, se=se, sp=sp):
            truth = rng.random(n) < rate
            verdict = (rng.random(n) < np.where(truth, se, 1 - sp)).astype(float)
            card = Calibration(int(rng.binomial(positives, se)), positives, int(rng.binomial(negatives, sp)), negatives)
            return corrected_rate(table(verdict), card), rate

        what = f"Rogan-Gladen with Lang-Reiczigel, rate {rate:.0%}, n = {n}, {positives} + {negatives} known cases"
        rows.append(aimed("6 Rogan-Gladen", repeat(JUDGE, what, count(3000, effort), 0.93, once)))
    return rows


def scenario_judges_prediction_powered(rng: np.random.Generator, effort: float) -> list[Row]:
    """200 labels beside 4800 judged answers."""
    rows = []
    for rate, accuracy in [(0.1, 0.9), (0.3, 0.9), (0.3, 0.95)]:

        def once(rate=rate, accuracy=accuracy):
            truth, verdict = judged_world(rng, 5000, rate, accuracy)
            return prediction_powered(table(truth[:200]), verdict[:200], table(verdict[200:]), rng), rate

        rows.append(repeat(JUDGE, f"prediction-powered, rate {rate:.0%}, judge {accuracy:.0%}", count(1500, effort), 0.92, once))
    return rows


def scenario_judges_rectified(rng: np.random.Generator, effort: float) -> list[Row]:
    """150 labels beside 1050 judged answers, of a judge that is hardly ever contradicted, or of a rate near none."""
    rows = []
    for rate, accuracy in [(0.02, 0.97), (0.3, 0.99)]:

        def once(rate=rate, accuracy=accuracy):
            truth, verdict = judged_world(rng, 1200, rate, accuracy)
            return rectified(table(truth[:150]), verdict[:150], table(verdict[150:])), rate

        rows.append(repeat(JUDGE, f"rectified, rate {rate:.0%}, judge {accuracy:.0%}", count(1500, effort), 0.92, once))
    return rows


def scenario_judges_between_judges(rng: np.random.Generator, effort: float) -> list[Row]:
    """Judges drawn from many alike, each off by a bias of its own, reading the same 400 units."""
    rows = []
    for judges, spread in [(2, 0.05), (3, 0.05)]:

        def once(judges=judges, spread=spread):
            level = rng.random(400)
            rates = 0.3 + rng.normal(0, spread, judges)
            return between_judges([proportion(table((level < rate).astype(float))) for rate in rates], (0.0, 1.0)), 0.3

        rows.append(repeat(JUDGE, f"{judges} judges of many, biases of {spread:.0%}", count(2000, effort), 0.92, once))
    return rows


def scenario_judges_stratified(rng: np.random.Generator, effort: float) -> list[Row]:
    """200 labels by stratum of the verdict, and against labels alone."""
    rows = []
    for rate, accuracy in [(0.02, 0.95), (0.05, 0.9), (0.3, 0.9)]:

        def once(rate=rate, accuracy=accuracy):
            truth, verdict = judged_world(rng, 5000, rate, accuracy)
            sizes = [int((verdict == v).sum()) for v in (0.0, 1.0)]
            labels = neyman_allocation(sizes, [rate / 10, 0.5], 200)
            strata = [
                Stratum(s, n, float(rng.choice(truth[verdict == v], n, replace=False).sum()))
                for v, s, n in zip((0, 1), sizes, labels, strict=True)
            ]
            return stratified_rate(TARGET, strata), rate

        rows.append(repeat(JUDGE, f"labels by stratum (Neyman), rate {rate:.0%}, judge {accuracy:.0%}", count(1500, effort), 0.95, once))
    return rows


def scenario_judges_active(rng: np.random.Generator, effort: float) -> list[Row]:
    """About 200 labels chosen by the judge's doubt."""
    rows, variance = [], []
    for rate in (0.1, 0.3):

        def world(rate=rate):
            truth = (rng.random(5000) < rate).astype(float)
            evidence = rng.normal(np.where(truth == 1, 1.6, -1.6), 1.0)
            score = expit(3.2 * evidence + np.log(rate / (1 - rate)))
            picked, probability = next_to_label(score, 200, rng)
            return table(np.where(picked, truth, np.nan)), score, probability

        def once(rate=rate, world=world):
            return active_mean(*world()), rate

        rows.append(repeat(JUDGE, f"active labels, rate {rate:.0%}", count(1500, effort), 0.91, once))
        for _ in range(count(200, effort, 30)):
            try:
                variance.append((rate, active_mean(*world()).value))
            except NotEstimable:
                continue
    for rate in (0.1, 0.3):
        error = np.array([value - r for r, value in variance if r == rate])
        squares = np.square(error)
        saving = (rate * (1 - rate) / 200) / squares.mean()
        rows.append(
            mean_at_least(
                JUDGE,
                f"active labels, rate {rate:.0%}: squared error at most that of 200 random labels",
                -squares,
                -rate * (1 - rate) / 200,
                f"saving {saving:.1f} times",
            )
        )
    return rows


def scenario_judges_dawid_skene(rng: np.random.Generator, effort: float) -> list[Row]:
    """Five judges that err independently."""

    def once():
        truth = (rng.random(300) < 0.3).astype(float)
        votes = np.where(rng.random((300, 5)) < [0.8, 0.85, 0.9, 0.75, 0.85], truth[:, None], 1 - truth[:, None])
        return latent_rate(votes, rng, of=TARGET, draws=100), 0.3

    return [repeat(JUDGE, "Dawid-Skene prevalence, 300 items, 5 independent judges", count(150, effort, 4), 0.9, once)]


def ratings(rng: np.random.Generator, items: int, raters: int, categories: int, noise: float) -> np.ndarray:
    """Ordered ratings of a latent quality with rater noise."""
    quality = rng.normal(0, 1, (items, 1)) + rng.normal(0, noise, (items, raters))
    return np.digitize(quality, np.linspace(-1.2, 1.2, categories - 1)).astype(float)


def scenario_agreement_coefficients(rng: np.random.Generator, effort: float) -> list[Row]:
    """Coverage of each coefficient's limit value."""
    measures = {
        "percent agreement": (lambda x: percent_agreement(x, of=TARGET), 3, 3),
        "Cohen's kappa": (lambda x: cohen_kappa(x, of=TARGET), 2, 3),
        "Cohen's kappa, quadratic weights": (lambda x: cohen_kappa(x, of=TARGET, weights="quadratic"), 2, 5),
        "Fleiss' kappa": (lambda x: fleiss_kappa(x, of=TARGET), 4, 3),
        "Gwet's AC1": (lambda x: gwet_ac1(x, of=TARGET, categories=3), 3, 3),
        "Krippendorff's alpha, nominal": (lambda x: krippendorff_alpha(x, "nominal", of=TARGET), 3, 3),
        "Krippendorff's alpha, ordinal": (lambda x: krippendorff_alpha(x, "ordinal", of=TARGET), 3, 4),
        "Krippendorff's alpha, interval": (lambda x: krippendorff_alpha(x, "interval", of=TARGET), 3, 4),
    }
    rows = []
    for name, (measure, raters, categories) in measures.items():
        truth = measure(ratings(rng, 30_000, raters, categories, 0.8)).value

        for items, floor in ((20, 0.88), (60, 0.9)):

            def once(measure=measure, items=items, raters=raters, categories=categories, truth=truth):
                return measure(ratings(rng, items, raters, categories, 0.8)), truth

            rows.append(repeat(AGREE, f"{name}, {items} items, {raters} raters", count(1200, effort), floor, once))
    return rows


def scenario_agreement_correlations(rng: np.random.Generator, effort: float) -> list[Row]:
    """A metric against human grades, independent and clustered items."""

    def world(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index = np.repeat(np.arange(n // 2), 2)
        quality = rng.normal(0, 1, n) + rng.normal(0, 1, n // 2)[index]
        return quality + rng.standard_t(5, n), np.round(quality + rng.normal(0, 0.7, n)), index

    rows = []
    for name, measure, size in (("Pearson", pearson, 30_000), ("Spearman", spearman, 30_000), ("Kendall tau-b", kendall, 1500), ("pairwise accuracy", pairwise_accuracy, 1500)):  # fmt: skip
        truth = np.mean([measure(*world(size)[:2], of=TARGET).value for _ in range(8)])

        for clusters, floor in ((30, 0.9), (60, 0.91)):

            def once(measure=measure, truth=truth, clusters=clusters):
                x, y, index = world(2 * clusters)
                return measure(x, y, of=TARGET, cluster=index.astype(str)), float(truth)

            rows.append(repeat(AGREE, f"{name}, {clusters} clusters of 2", count(1500, effort), floor, once))
    return rows
