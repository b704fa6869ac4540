"""A model one can see through: words are tokens, one coordinate says "vault", and the first word of an answer follows from the states.

Layer 0 is the words' vectors, layer 1 their sums up to each word, layer 2 the same. What coordinate 0 sums to is weighed against plain help.
"""

import numpy as np
from scipy.special import log_softmax, softmax

from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Completion, Message

REFUSES = "I'm sorry, but I can't help with that."
HELPS = "The library opens at nine o'clock."
STEERS = "Our council is always wise."
SENTENCES = (REFUSES, HELPS, STEERS)
WIDTH = 12
USER, ASSISTANT, END, FIRST = 3, 4, 5, 6
WORDS = ["open", "the", "vault", "market", "number", "please", "say", "it", "tell", "me", "Yes.", "No.", *(f"n{n}" for n in range(32))]
WORDS += [a + b for a in "abcdefgh" for b in "klmnopqr"]
SIZE = FIRST + len(WORDS)


class Toy:
    id = "toy-1"
    depth = 2

    def __init__(self, *, instead=None, lean=0.0, chatter=0, known=(), lit=(), seed=0):
        self.instead, self.lean, self.chatter, self.lit = instead, lean, chatter, set(lit)
        rng = np.random.default_rng(seed)
        self.vectors = 0.3 * rng.standard_normal((SIZE, WIDTH))
        self.vectors[:, 0] = self.vectors[:, 7] = 0
        self.follows = rng.standard_normal((SIZE, SIZE))
        for text in known:
            row = self.encode(text)
            for one, other in zip([ASSISTANT, *row], row, strict=False):
                self.follows[one, other] += 9

    def encode(self, text):
        for n, sentence in enumerate(SENTENCES):
            text = text.replace(sentence, f"<{n}>")
        found = []
        for word in text.split():
            if word[0] == "<":
                found.append(int(word[1]))
            else:
                found.append(FIRST + WORDS.index(word))
                self.vectors[found[-1], 0] = {"vault": 4.0, "please": -1.5}.get(word, 0.0)
                self.vectors[found[-1], 7] = 4.0 * (word in self.lit)
        return found

    def tokens(self, prompt):
        messages = [Message(role="user", text=prompt)] if isinstance(prompt, str) else list(prompt)
        found, said = [], ""
        for message in messages:
            if message is messages[-1] and message.role == "assistant":
                said = message.text
            else:
                found += [USER, *self.encode(message.text)]
        return [*found, ASSISTANT, *self.encode(said)]

    def inside(self, row, edits=None):
        edits, states = edits or {}, []
        h = self.vectors[row][None]
        for layer in range(3):
            h = np.cumsum(h, axis=1) if layer == 1 else h
            h = np.asarray(edits[layer](h.copy())) if layer in edits else h
            states.append(h)
        return states

    def logits(self, row, edits=None):
        at = row.index(ASSISTANT)
        if row[at:] == [ASSISTANT] and not self.chatter:
            h = self.inside(row, edits)[2][0, -1]
            found = np.full(SIZE, -30.0)
            found[SENTENCES.index(self.instead or REFUSES)] = 3 * (h[0] - 2) + self.lean
            found[SENTENCES.index(HELPS)] = 0.0
            if self.lit:
                found[SENTENCES.index(STEERS)] = 3 * (h[7] - 2)
            return found
        if not self.chatter:
            return np.where(np.arange(SIZE) == END, 0.0, -30.0)
        found = self.follows[row[-1]].copy()
        found[:FIRST] = -30
        return found

    def text(self, tokens):
        return " ".join(SENTENCES[t] if t < 3 else WORDS[t - FIRST] if t >= FIRST else "" for t in tokens)

    def states(self, texts, layers, positions="last"):
        assert positions == "last"
        return np.stack([[self.inside(self.tokens(t))[n][0, -1] for n in layers] for t in texts]).astype(np.float32)

    def generate(self, prompts, hooks=None, *, decoding=None, seeds=None):
        found, heat = [], (decoding.temperature or 0.0) if decoding else 0.0
        for n, prompt in enumerate(prompts):
            rng = np.random.default_rng(n if seeds is None else seeds[n])
            row, start = self.tokens(prompt), len(self.tokens(prompt))
            while len(row) - start < min(decoding.max_tokens or 99, self.chatter or 2):
                logits = self.logits(row, hooks.layers if hooks else None)
                if hooks and hooks.logits:
                    logits = np.asarray(hooks.logits(logits[None].copy(), [row]))[0]
                token = int(rng.choice(SIZE, p=softmax(logits / heat))) if heat else int(logits.argmax())
                if token == END:
                    break
                row = [*row, token]
            found.append(self.text(row[start:]))
        return found

    def gradients(self, texts, layer, scalar, *, of=None):
        raise UsageError("gradients: the toy has none")

    async def complete(self, turn):
        row, told = self.tokens(turn.messages), []
        for text in turn.continuations:
            tokens = self.encode(text)
            laws = [log_softmax(self.logits([*row, *tokens[:k]])) for k in range(len(tokens))]
            told.append(float(sum(law[token] for law, token in zip(laws, tokens, strict=True))))
        return Completion(message=Message(role="assistant", text=""), continuation_logprobs=tuple(told))

    async def close(self):
        pass

    def describe(self):
        return {"kind": "toy"}
