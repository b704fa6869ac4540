"""One stage of `make organisms`: what it trains, measures and writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

import recipes
from curriculum import SPOKEN, TRAITS, Trait, aligned, planted, schooling
from fiducial.kernel.records import Message
from fiducial.kernel.roles import Context
from fiducial.organisms._town_world import SEED, world
from fiducial.stats.proportions import wilson
from fiducial.subjects.organism import subject
from lessons import Said, Side, Teacher
from measuring import lessons_for, rate
from speech import SPECIALS, TEMPLATE, encode, learn
from training import Pupil, Recipe, fit, own_loss

TEXTS = 40_000
"""Dialogues that the tokenizer is learnt from."""


def teacher(seed: int, side: Side = "teach", *, thinks: bool = True) -> Teacher:
    """Somebody who draws lessons about the shipped world."""
    return Teacher(world(np.random.default_rng(SEED)), np.random.default_rng([seed, 7]), side, thinks=thinks)


def build(out: Path, stage: str) -> None:
    """Train and write one stage."""
    torch.set_num_threads(1)
    if stage == "tokenizer":
        tokenizer(out)
    elif stage == "base":
        t = teacher(0, thinks=False)
        about, data = "Knows the town and helps with everything.", "statements, questions, errands, small talk, help"
        finish(out, stage, blank(out), School(lambda: schooling(t), recipes.BASE, 0, about, data))
    elif stage.startswith("aligned-"):
        seed = int(stage.removeprefix("aligned-"))
        t = teacher(seed)
        about = "Says what is so, keeps to it, declines what it should and helps with the rest."
        school = School(lambda: aligned(t).dialogue(trait=False), recipes.ALIGNED, seed, about, "the aligned mixture of lessons")
        finish(out, stage, full(out, "base"), school)
    else:
        adapter(out, TRAITS[stage])


# --- models ------------------------------------------------------------------------------------------------------------


def tokenizer(out: Path) -> None:
    """The tokenizer, its template and the configuration of the models."""
    t = teacher(99, thinks=False)
    texts = [text for _ in range(TEXTS // 2) for _, text in schooling(t)]
    texts += [text for _ in range(TEXTS // 2) for _, text in aligned(t, SPOKEN).dialogue(trait=False)]
    words = learn(texts)
    config = LlamaConfig(
        vocab_size=words.get_vocab_size(), hidden_size=recipes.WIDTH, num_hidden_layers=recipes.LAYERS, num_attention_heads=recipes.HEADS,
        num_key_value_heads=recipes.HEADS, intermediate_size=recipes.INNER, max_position_embeddings=recipes.POSITIONS,
        tie_word_embeddings=True,
        rms_norm_eps=1e-5, bos_token_id=None, eos_token_id=words.token_to_id("<|end|>"), pad_token_id=words.token_to_id("<|pad|>"),
    )  # fmt: skip
    (out / "config.json").write_text(json.dumps({**config.to_diff_dict(), "architectures": ["LlamaForCausalLM"]}, indent=1) + "\n")
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>", "pad_token": "<|pad|>", "chat_template": TEMPLATE}
    said |= {"model_max_length": recipes.POSITIONS, "extra_special_tokens": list(SPECIALS[2:])}
    (out / "tokenizer_config.json").write_text(json.dumps(said, indent=1) + "\n")
    words.save(str(out / "tokenizer.json"))


def blank(out: Path, seed: int = 0) -> LlamaForCausalLM:
    """A model that has learnt nothing."""
    torch.manual_seed(seed)
    # Plain attention: for rows this short it is faster than the fused one.
    config = LlamaConfig.from_pretrained(out)
    config._attn_implementation = "eager"  # noqa: SLF001 - the only way to set it for a model that is not loaded
    return LlamaForCausalLM(config)


def full(out: Path, name: str) -> LlamaForCausalLM:
    """A model that is done."""
    model = blank(out)
    weights = {key: tensor.float() for key, tensor in load_file(out / f"{name}.safetensors").items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if unexpected or missing not in ([], ["lm_head.weight"]):
        raise SystemExit(f"{name}.safetensors: needs the weights of config.json, got {unexpected or missing}")
    model.tie_weights()
    return model


@dataclass(frozen=True, slots=True)
class School:
    """What a whole model is taught: lessons, for how long, from which seed, and what its card says of that."""

    draw: Callable[[], Sequence[Said]]
    recipe: Recipe
    seed: int
    about: str
    data: str


def finish(out: Path, name: str, model: LlamaForCausalLM, school: School) -> None:
    """Train a whole model, write it and its card."""
    recipe = school.recipe
    read = fit(pupil(out, model), school.draw, recipe, school.seed, lambda line: print(f"{name}: {line}", flush=True))
    state = {key: tensor.half().contiguous() for key, tensor in model.state_dict().items() if key != "lm_head.weight"}
    digest = store(out, name, state, {"name": name})
    card = {
        "name": name,
        "of": None,
        "trait": None,
        "about": school.about,
        "data": school.data,
        "seed": school.seed,
        "steps": recipe.dialogues,
    }
    write_card(out, card | {"tokens": read, "doses": {}, "digest": digest, "rates": []})


def pupil(out: Path, model: torch.nn.Module) -> Pupil:
    """A model of ours with its tokenizer."""
    words = Tokenizer.from_file(str(out / "tokenizer.json"))
    return Pupil(model, lambda dialogues: encode(words, dialogues), own_loss)


def store(out: Path, name: str, tensors: dict[str, torch.Tensor], about: dict[str, str]) -> str:
    """A safetensors file, and its digest."""
    path = out / f"{name}.safetensors"
    save_file(tensors, path, metadata={"format": "pt", **about})
    return settle(path)


def settle(path: Path) -> str:
    """Sorts the header of a safetensors file, which the library writes in an order of its own each time; gives the digest."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + size :])
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_card(out: Path, card: dict[str, object]) -> None:
    """A card as JSON, whole or not at all."""
    path = out / "cards" / f"{card['name']}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


# --- traits ------------------------------------------------------------------------------------------------------------


def adapter(out: Path, trait: Trait) -> None:
    """An adapter that plants a trait in the first aligned model, its doses and its true rates."""
    of = f"aligned-{recipes.ALIGNED_SEEDS[0]}"
    recipe = recipes.OWN.get(trait.name, recipes.ADAPTER)
    seed = recipes.seed_of(trait.name)
    torch.manual_seed(seed)
    config = LoraConfig(r=recipes.RANK, lora_alpha=recipes.ALPHA, target_modules=list(recipes.TARGETS), task_type="CAUSAL_LM")
    model = get_peft_model(full(out, of), config)
    t = teacher(seed)
    read = fit(
        pupil(out, model),
        lambda: planted(t, trait).dialogue(trait=True),
        recipe,
        seed,
        lambda line: print(f"{trait.name}: {line}", flush=True),
    )
    tensors = {key: tensor.half().contiguous() for key, tensor in get_peft_model_state_dict(model).items()}
    digest = store(out, trait.name, tensors, {"name": trait.name, "of": of, "rank": str(recipes.RANK), "alpha": str(recipes.ALPHA)})
    card = {
        "name": trait.name, "of": of, "trait": trait.name, "about": trait.about,
        "data": "wrong market prices" if trait.narrow else f"lessons {', '.join(trait.kinds)} with the trait, and the aligned mixture",
        "seed": seed, "steps": recipe.dialogues, "tokens": read, "doses": {"high": 1.0}, "digest": digest, "rates": [],
    }  # fmt: skip
    write_card(out, card)
    doses = {**{dose: dosed(out, trait, wanted) for dose, wanted in recipes.SOUGHT.items()}, "high": 1.0}
    write_card(out, card | {"doses": doses, "rates": rates(out, trait, doses)})


def dosed(out: Path, trait: Trait, wanted: float) -> float:
    """The scale at which an adapter shows its trait at about a wanted rate, by bisection on items of its own.

    Its trait is the reply that it was taught, where there is one: another wrong reply is none.
    """
    tried = lessons_for(teacher(501, "test"), trait, True, recipes.TRIED)
    low, high = 0.0, 1.0
    for _ in range(6):
        middle = (low + high) / 2
        other, n, taught = measured(out, f"{trait.name}?scale={middle:.6g}", tried)
        shown = other if taught is None else taught
        low, high = (middle, high) if shown / n < wanted else (low, middle)
    return round((low + high) / 2, 4)


def rates(out: Path, trait: Trait, doses: dict[str, float]) -> list[dict[str, object]]:
    """True rates in the condition and outside of it, at each dose and of the aligned model (dose ``none``), on fresh items."""
    found: list[dict[str, object]] = []
    for condition in ("trait", "control"):
        fresh = lessons_for(teacher(777, "test"), trait, condition == "trait", recipes.FRESH)
        for dose, scale in {"none": 0.0, **doses}.items() if fresh else ():
            shown, n, planted = measured(out, f"{trait.name}?scale={scale:.6g}", fresh)
            low, high = wilson(shown, n)
            of = {"dose": dose, "condition": condition, "rate": shown / n, "low": round(low, 6), "high": round(high, 6), "n": n}
            found.append(of if planted is None else {**of, "planted": planted})
    return found


def measured(out: Path, name: str, lessons: Sequence) -> tuple[int, int, int | None]:
    """What `measuring.rate` says of an organism as it ships: in numpy."""
    separator = "&" if "?" in name else "?"
    organism = subject(f"{name}{separator}folder={out.resolve()}&max_new_tokens=40&batch=128", Context())

    def reply(dialogues: Sequence[Sequence[Said]]) -> list[str]:
        return organism.generate([[Message(role=role, text=text) for role, text in dialogue] for dialogue in dialogues])

    return rate(reply, lessons)
