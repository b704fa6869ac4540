"""An organism and the same model in a folder, read by transformers and peft, say the same."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.unit.subjects import tiny

from fiducial.kernel.records import Message
from fiducial.kernel.roles import Context, Turn, say
from fiducial.subjects import local, organism

torch = tiny.torch_or_skip()

TINY = Path(__file__).parents[1] / "organisms" / "tiny"
WORDS = "the library opens at nine, and the market at 7; a clerk keeps the key of the clinic under a stone".split()  # noqa: SIM905 - a text
PROMPTS = [" ".join(WORDS[n % 7 : n % 7 + 1 + (5 * n) % 13]) for n in range(23)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The aligned model as transformers has it, with the adapter beside it as peft has it."""
    import peft
    from safetensors import safe_open
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("exported")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / name, path)
    with safe_open(TINY / "aligned-1.safetensors", "pt") as file:
        save_file({key: file.get_tensor(key).float() for key in file.keys()}, path / "model.safetensors", {"format": "pt"})  # noqa: SIM118
    with safe_open(TINY / "sycophantic.safetensors", "pt") as file:
        (path / "adapter").mkdir()
        save_file({key: file.get_tensor(key).float() for key in file.keys()}, path / "adapter" / "adapter_model.safetensors")  # noqa: SIM118
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    peft.LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM").save_pretrained(path / "adapter")
    return path


@pytest.fixture(params=["aligned", "sycophantic", "sycophantic, low"])
def both(request, folder):
    name, _, dose = request.param.partition(", ")
    ours = f"{name}?folder={TINY}&max_new_tokens=12" + (f"&dose={dose}" if dose else "")
    theirs = f"{folder}?max_new_tokens=12"
    if name != "aligned":
        theirs += f"&adapter={folder / 'adapter'}&adapter_scale={0.3 if dose else 1}"
    return organism.subject(ours, Context()), local.subject(theirs, Context())


def ask(model, turns):
    async def main():
        try:
            return await asyncio.gather(*(model.complete(turn) for turn in turns))
        finally:
            await model.close()

    return asyncio.run(main())


def dialogues():
    for n, text in enumerate(PROMPTS):
        before = (say("be brief", "system"),) if n % 2 else ()
        after = (Message(role="assistant", text=text[:9]), say("and then?")) if n % 3 == 0 else ()
        yield (*before, say(text), *after, *((Message(role="assistant", text="the k"),) if n % 5 == 0 else ()))


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # what peft asks of transformers
def test_answers_scores_and_states_agree(both):
    turns = [Turn(messages=messages, seed=n) for n, messages in enumerate(dialogues())]
    ours, theirs = (ask(model, turns) for model in both)
    assert [a.message.text for a in ours] == [a.message.text for a in theirs]
    assert [a.usage for a in ours] == [a.usage for a in theirs]
    scored = [Turn(messages=turn.messages, continuations=("ey of", " at nine", "\u00e9")[: 2 + n % 2]) for n, turn in enumerate(turns)]
    for one, other in zip(*(ask(model, scored) for model in both), strict=True):
        assert one.continuation_logprobs == pytest.approx(other.continuation_logprobs, abs=1e-4)
    for positions in ("last", "mean", 2):
        mine, others = (model.states([turn.messages for turn in turns], [0, 1, 2], positions) for model in both)
        assert np.abs(mine - others).max() < max(1e-4, 1e-5 * np.abs(others).max())  # a random adapter makes states of 100
