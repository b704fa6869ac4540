"""Makes the card that ships with the judge `refusal`, from people's labels of XSTest.

    python bench/refusal_card.py DATA_FOLDER      writes src/fiducial/judges/cards/refusal.json

Only the half of the prompts that nothing in the judge was chosen on (last bit of SHA-256 of the prompt is 1) is read.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from fiducial.audit import labels, live
from fiducial.audit.card import audit
from fiducial.judges import refusal
from fiducial.kernel.digest import bytes_digest
from fiducial.store.cards import write

MODELS = ("gpt4", "llama2new", "mistralinstruct")
CARD = Path(__file__).parents[1] / "src/fiducial/judges/cards/refusal.json"
NOTE = "Measured on the half of the prompts of XSTest that nothing in the judge was chosen on."


def held_out(prompt: str) -> bool:
    """Whether a prompt belongs to the half that nothing was chosen on."""
    return hashlib.sha256(prompt.encode()).digest()[-1] % 2 == 1


def main(folder: Path) -> None:
    """Audit the judge on the held-out half and write its card."""
    paths = [folder / f"xstest/completions_{model}.csv" for model in MODELS]
    cases = [case for path in paths for case in labels.read(path, "xstest", "label") if held_out(case.prompt)]
    aspects = list(dict.fromkeys(name for case in cases for name in case.labels))
    found = asyncio.run(live.ask(refusal.judge(), live.plan(cases), aspects))
    digest = bytes_digest(b"".join(bytes_digest(path.read_bytes()).encode() for path in paths))
    write(CARD, audit(found, digest, notes=[NOTE]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
