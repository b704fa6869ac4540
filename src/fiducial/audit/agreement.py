"""Agreement with people: by language and domain, class by class, and by how far the people agree among themselves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fiducial.audit.probe import Probe, difference
from fiducial.audit.verdicts import Verdicts
from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Estimate
from fiducial.stats.agreement import cohen_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha, percent_agreement
from fiducial.stats.proportions import rate
from fiducial.stats.table import Floats
from fiducial.store.cards import ANY, Errors

PEOPLE = {"agreement": percent_agreement, "kappa": fleiss_kappa, "alpha": krippendorff_alpha}


def errors(verdicts: Verdicts, level: float = 0.95) -> tuple[Errors, ...]:
    """The errors of a judge in each language and domain, and over all domains of a language."""
    base = verdicts.base
    found = []
    for language in np.unique(base.language):
        domains = np.unique(base.domain[base.language == language])
        for domain in [*domains.tolist(), *([ANY] if len(domains) > 1 else [])]:
            keep = (base.language == language) & ((base.domain == domain) | (domain == ANY))
            cell = _cell(base.rows(keep), str(language), str(domain), level)
            if cell is not None:
                found.append(cell)
    return tuple(found)


def probes(verdicts: Verdicts) -> Iterator[Probe]:
    """Accuracy against people, the gap between languages, and what people agree on among themselves."""
    base = verdicts.base
    known = base.rows(~np.isnan(base.truth))
    if len(known):
        yield Probe("accuracy", "share of verdicts that agree with people", partial(_rate, known, "accuracy", known.right))
        yield from _languages(known)
        yield from _unanimity(known)
    if base.raters.shape[1] >= 2:
        yield Probe("people.agreement", "share of agreeing pairs of people", partial(_people, base, "agreement"))
        yield Probe("people.kappa", "Fleiss' kappa of the people", partial(_people, base, "kappa"))
        yield Probe("people.alpha", "Krippendorff's alpha of the people (nominal)", partial(_people, base, "alpha"))


def _languages(known: Verdicts) -> Iterator[Probe]:
    names, counts = np.unique(known.language, return_counts=True)
    if len(names) < 2:
        return
    reference = "en" if "en" in names else str(names[np.argmax(counts)])
    for name in names.tolist():
        if name != reference:
            pair = known.rows((known.language == name) | (known.language == reference))
            yield Probe(
                f"language.gap.{name}", f"accuracy in {name} minus accuracy in {reference}",
                partial(difference, pair, f"language.gap.{name}", pair.right, pair.language == name), 0.0,
            )  # fmt: skip


def _unanimity(known: Verdicts) -> Iterator[Probe]:
    """Accuracy where the people agree and where they do not: a judge may only be asked for more where people can tell."""
    if known.raters.shape[1] < 2:
        return
    raters = np.where(np.isnan(known.raters), np.nanmin(known.raters, axis=1, keepdims=True), known.raters)
    agree = (raters == raters[:, :1]).all(axis=1)
    for name, rows in (("unanimous", agree), ("split", ~agree)):
        if rows.any():
            part = known.rows(rows)
            yield Probe(f"accuracy.{name}", f"accuracy where the people are {name}", partial(_rate, part, f"accuracy.{name}", part.right))


def _people(verdicts: Verdicts, what: str, level: float) -> Estimate:
    of = verdicts.table(f"people.{what}", verdicts.value, level).target
    return PEOPLE[what](verdicts.raters, of=of, level=level, cluster=verdicts.cluster)


def _rate(verdicts: Verdicts, quantity: str, values: Floats, level: float) -> Estimate:
    return rate(verdicts.table(quantity, values, level))


def _cell(rows: Verdicts, language: str, domain: str, level: float) -> Errors | None:
    rows = rows.rows(~np.isnan(rows.truth))
    if not len(rows):
        return None
    known = ~np.isnan(rows.value)
    counts: list[tuple[int, int]] = []
    shares: list[Estimate | None] = []
    for name, here in (("sensitivity", rows.truth > 0.5), ("specificity", rows.truth <= 0.5)):
        right = rows.right[here & known]
        counts.append((int(right.sum()), len(right)))
        part = rows.rows(here & known)
        shares.append(rate(part.table(f"{name}.{rows.aspect}", right, level)) if len(right) else None)
    pair = np.column_stack([_label(rows.truth), _label(rows.value)])
    of = rows.table(f"agreement.{rows.aspect}", rows.value, level).target
    measured: list[Estimate | None] = []
    both = counts[0][1] > 0 and counts[1][1] > 0
    for measure in (percent_agreement, cohen_kappa, gwet_ac1):
        try:
            # With one class only there is nothing to agree on beyond chance: kappa is 0 whatever the judge says.
            measured.append(None if measure is cohen_kappa and not both else measure(pair, of=of, level=level, cluster=rows.cluster))
        except NotEstimable:
            measured.append(None)
    return Errors(
        aspect=rows.aspect, language=language, domain=domain, found=counts[0][0], positives=counts[0][1], cleared=counts[1][0],
        negatives=counts[1][1], unknown=int((~known).sum()), sensitivity=shares[0], specificity=shares[1], agreement=measured[0],
        kappa=measured[1], ac1=measured[2],
    )  # fmt: skip


def _label(values: Floats) -> Floats:
    """Verdicts as categories: for, against, tie."""
    tie: NDArray[np.bool_] = values == 0.5
    return np.where(np.isnan(values), np.nan, np.where(tie, 0.5, (values > 0.5).astype(float)))
