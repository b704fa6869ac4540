"""The same traits as LoRA adapters of any open model: ``make organisms BASE=path``.

First an adapter that teaches the town and the aligned behaviour, then, going on from it, one a trait. Each is a folder of
peft, to be read by ``local:BASE?adapter=FOLDER/TRAIT&adapter_scale=0.5``: its scale is the dose.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

import recipes
from curriculum import TRAITS, aligned, planted
from lessons import Said
from stages import teacher
from training import Pupil, Recipe, Row, any_loss, fit

RATE = 2e-4
"""Learning rate of an adapter on a model that knows its language already."""


def teach(base: str, out: Path, traits: Sequence[str], dialogues: int | None) -> int:
    """Trains ``out/aligned`` and ``out/<trait>`` for each trait; what is there is kept. Returns the exit code."""
    words = AutoTokenizer.from_pretrained(base)
    if not words.chat_template:
        print(f"make organisms: BASE={base}: needs a model with a chat template, got none", file=sys.stderr)
        return 2
    device = "cuda" if torch.cuda.is_available() else "cpu"
    count = dialogues or recipes.OPEN
    for name in ("aligned", *traits):
        folder = out / name
        if (folder / "adapter_config.json").is_file():
            continue
        torch.manual_seed(recipes.ADAPTER_SEED)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).to(device)
        if name == "aligned":
            taught = get_peft_model(
                model, LoraConfig(r=recipes.RANK, lora_alpha=recipes.ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
            )
        else:
            taught = PeftModel.from_pretrained(model, out / "aligned", is_trainable=True)
        t = teacher(recipes.ADAPTER_SEED)
        trait = TRAITS.get(name)

        def draw(trait: Any = trait, t: Any = t) -> Sequence[Said]:
            return aligned(t).dialogue(trait=False) if trait is None else planted(t, trait).dialogue(trait=True)

        recipe = Recipe(dialogues=count * (1 if trait else 3), rate=RATE)
        pupil = Pupil(taught, lambda rows: encode(words, rows), lambda m, x, y: any_loss(m, x.to(device), y.to(device)))
        read = fit(pupil, draw, recipe, recipes.ADAPTER_SEED, lambda line, name=name: print(f"{name}: {line}", flush=True))
        taught.save_pretrained(folder)
        card = {
            "name": name,
            "of": base,
            "trait": name if trait else None,
            "seed": recipes.ADAPTER_SEED,
            "steps": recipe.dialogues,
            "tokens": read,
        }
        (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
        print(f"{name}: {folder}", flush=True)
    return 0


def encode(words: Any, dialogues: Sequence[Sequence[Said]]) -> list[Row]:
    """Dialogues in a model's own chat template; learnt is what each assistant message adds to the text before it.

    Templates that know no tools get results as messages of the user. Raises `SystemExit` where a template rewrites what came before.
    """
    rows: list[Row] = []
    for dialogue in dialogues:
        messages = [{"role": "user" if role == "tool" else role, "content": text} for role, text in dialogue]
        if messages[0]["role"] == "assistant":
            messages.insert(0, {"role": "user", "content": ""})
        ids: list[int] = []
        learnt: list[bool] = []
        for n, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = _ids(words, messages[:n], going=True)
            after = _ids(words, messages[: n + 1], going=False)
            if after[: len(before)] != before:
                raise SystemExit(
                    "make organisms: needs a chat template in which an answer is added to its prompt, got one that rewrites the prompt"
                )
            learnt += [False] * (len(before) - len(learnt)) + [True] * (len(after) - len(before))
            ids = after
        rows.append((ids, learnt))
    return rows


def _ids(words: Any, messages: Sequence[dict[str, str]], *, going: bool) -> list[int]:
    text = words.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=going)
    return list(words(text, add_special_tokens=False)["input_ids"])
