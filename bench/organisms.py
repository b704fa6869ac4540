"""How fast an organism answers, and how fast its hidden states are read.

    python bench/organisms.py                        organism:aligned; exit status 1 where a bar is missed
    python bench/organisms.py --subject NAME?folder=PATH
    python bench/organisms.py --small                an eighth of the rows, no bars
    python bench/organisms.py --json                 the figures as one JSON object

Answers: 640 prompts of about 40 tokens, 64 at a time, each answered with exactly 40 tokens (the token that ends an answer is forbidden),
from text to text. Token by token: the same without reading the prompts. States: all layers at the last token of 1,000 prompts. An organism
computes on one thread, so that the processor time is the time it takes where a core is free. Bars: 5,000 generated tokens/s, 5 s.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from fiducial.kernel.records import Decoding
from fiducial.kernel.roles import Context, Hooks
from fiducial.subjects.organism import subject

TOKENS_A_SECOND, SECONDS, ANSWER = 5_000.0, 5.0, 40
TEXT = "the library opens at nine and the market at seven ; a clerk keeps the key of the clinic under the third stone by the old gate"


def prompts(count):
    rng, words = np.random.default_rng(0), TEXT.split()
    return [" ".join(words[k] for k in rng.integers(0, len(words), rng.integers(20, 32))) for _ in range(count)]


def timed(function):
    wall, cpu = time.perf_counter(), time.process_time()
    found = function()
    return {"wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3)}, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--subject", default="aligned")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = subject(options.subject, Context(folder=Path()))
    share = 8 if options.small else 1
    texts, end = prompts(1000 // share), model.organism.tokenizer.special["<|end|>"]
    asked = texts[: 640 // share]

    def endless(logits, _so_far):
        logits[:, end] = -np.inf
        return logits

    def answer(most):
        return model.generate(asked, Hooks(logits=endless), decoding=Decoding(max_tokens=most))

    model.generate(asked[:64], decoding=Decoding(max_tokens=2))
    short, _ = timed(lambda: answer(1))
    whole, _ = timed(lambda: answer(ANSWER))
    read, states = timed(lambda: model.states(texts, range(model.depth + 1)))
    c = model.organism.config
    shape = {"layers": c.num_hidden_layers, "width": c.hidden_size, "forward": c.intermediate_size, "vocabulary": c.vocab_size}
    tokens = ANSWER * len(asked)
    shown = {
        "model": {"name": model.organism.title, **shape},
        "answers": {**whole, "tokens": tokens, "tokens_a_cpu_s": round(tokens / whole["cpu_s"])},
        "token by token": {"tokens_a_cpu_s": round((tokens - len(asked)) / (whole["cpu_s"] - short["cpu_s"]))},
        "states": {**read, "texts": len(texts), "shape": list(states.shape)},
    }
    print(json.dumps(shown) if options.json else "\n".join(f"{key}: {value}" for key, value in shown.items()))
    if options.small:
        return 0
    return int(shown["answers"]["tokens_a_cpu_s"] < TOKENS_A_SECOND or read["cpu_s"] > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
