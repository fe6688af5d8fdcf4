# SPDX-License-Identifier: BSD-2-Clause
"""GPT-1 and GPT-2 in float64 from the weights of a model folder: every step of a text, by name. Written from
the papers (Radford et al. 2018, 2019; Vaswani et al. 2017 for attention); shares nothing with the library.

    run = Model(folder).run(ids, causal=False)
    run["weights"][layer, head, query, key]    run["steps"]: [(layer, "attention", values), ...]

Needs numpy. Shapes below: n tokens, d = d_model, H heads of D columns.
"""
import json
import math
import os
import struct

import numpy as np

PER_LAYER = ("q", "k", "v", "scores", "weights", "mix", "projected", "after_attention", "after_ffn")


def read_safetensors(path):
    """{name: float64 array}; masks that old files carry along are left out."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    found = {}
    for name, entry in header.items():
        if name == "__metadata__" or name.endswith((".attn.bias", ".attn.masked_bias")):
            continue
        first, last = entry["data_offsets"]
        kind = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}[entry["dtype"]]
        values = np.frombuffer(data[first:last], kind)
        if entry["dtype"] == "BF16":  # the upper half of an f32
            values = (values.astype("<u4") << 16).view("<f4")
        found[name.removeprefix("transformer.")] = values.reshape(entry["shape"]).astype(np.float64)
    return found


def softmax(scores):
    """Over the last axis. A row that may see nothing (-inf everywhere) gives zeros."""
    top = scores.max(axis=-1, keepdims=True)
    raised = np.exp(scores - np.where(np.isinf(top), 0, top))
    total = raised.sum(axis=-1, keepdims=True)
    return raised / np.where(total == 0, 1, total)


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def gelu_erf(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        self.w = read_safetensors(os.path.join(folder, "model.safetensors"))
        self.gpt1 = config["model_type"] == "openai-gpt"  # norms after each branch, none at the end
        self.norm_order = "post" if self.gpt1 else "pre"
        self.table = self.w["tokens_embed.weight" if self.gpt1 else "wte.weight"]
        self.places = self.w["positions_embed.weight" if self.gpt1 else "wpe.weight"]
        self.output = self.w.get("lm_head.weight", self.table)
        self.layers, self.heads = config["n_layer"], config["n_head"]
        self.eps = config.get("layer_norm_epsilon", 1e-5)
        # The files of GPT-1 say "gelu" and mean the tanh form.
        exact = not self.gpt1 and config.get("activation_function") == "gelu"
        self.gelu = gelu_erf if exact else gelu_tanh
        self.vocabulary, self.d_model = self.table.shape
        self.context, self.head_dim = len(self.places), self.d_model // self.heads
        self.d_ffn = self.w["h.0.mlp.c_fc.weight"].shape[1]
        self.parameters = sum(values.size for values in self.w.values())

    def norm(self, x, name):
        mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + self.eps) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def linear(self, x, name):
        return x @ self.w[name + ".weight"] + self.w[name + ".bias"]

    def logits(self, x):
        """Of the residual stream of any layer (..., d): the logit lens."""
        return (x if self.gpt1 else self.norm(x, "ln_f")) @ self.output.T

    def split(self, x):
        """(n, H D) to (H, n, D)"""
        return x.reshape(len(x), self.heads, self.head_dim).transpose(1, 0, 2)

    def hidden(self, n, layer, causal, cuts):
        """(H, n, n): -inf where a query must not see a key, else 0."""
        mask = np.zeros((self.heads, n, n))
        if causal:
            mask[:, np.triu(np.ones((n, n), bool), 1)] = -np.inf
        for its_layer, head, query, key in cuts:  # -1: all
            if its_layer in (-1, layer):
                mask[slice(None) if head < 0 else head, query, key] = -np.inf
        return mask

    def attention(self, x, layer, mask, kept, step):
        """What the attention of a layer adds to the residual stream."""
        h = "h.%d.attn." % layer
        qkv = step("q k v projection", self.linear(x, h + "c_attn"))
        q, k, v = np.split(qkv, 3, axis=-1)
        scores = self.split(q) @ self.split(k).transpose(0, 2, 1) / math.sqrt(self.head_dim)
        weights = softmax(scores + mask)
        mix = step("attention", (weights @ self.split(v)).transpose(1, 0, 2).reshape(x.shape))
        projected = step("output projection", self.linear(mix, h + "c_proj"))
        kept.update(q=q, k=k, v=v, scores=scores, weights=weights, mix=mix, projected=projected)
        return projected

    def feed_forward(self, x, layer, step):
        h = "h.%d.mlp." % layer
        wide = step("gelu", self.gelu(step("up", self.linear(x, h + "c_fc"))))
        return step("down", self.linear(wide, h + "c_proj"))

    def block(self, x, layer, mask, kept, step):
        first, second = "h.%d.ln_1" % layer, "h.%d.ln_2" % layer
        if self.gpt1:
            x = step("residual", x + self.attention(x, layer, mask, kept, step))
            x = kept["after_attention"] = step("norm 1", self.norm(x, first))
            x = step("residual", x + self.feed_forward(x, layer, step))
            x = kept["after_ffn"] = step("norm 2", self.norm(x, second))
            return x
        x = step("residual", x + self.attention(step("norm 1", self.norm(x, first)), layer, mask, kept, step))
        kept["after_attention"] = x
        x = step("residual", x + self.feed_forward(step("norm 2", self.norm(x, second)), layer, step))
        kept["after_ffn"] = x
        return x

    def run(self, ids, causal=True, positions=True, cuts=()):
        """All of a text of token ids. cuts: (layer, head, query, key), layer or head -1 for all. Scores are of all
        pairs, also of those that the mask hides."""
        n, steps, layers = len(ids), [], []

        def step(name, values, layer=-1):
            steps.append((layer, name, values))
            return values
        x = step("embedding", self.table[ids])
        found = {"token_vectors": x, "position_vectors": self.places[:n]}
        if positions:
            x = step("positions", x + self.places[:n])
        found["positions_sum"] = x
        for layer in range(self.layers):
            layers.append({})
            x = self.block(x, layer, self.hidden(n, layer, causal, cuts), layers[-1],
                           lambda name, values, layer=layer: step(name, values, layer))
        found.update({name: np.array([kept[name] for kept in layers]) for name in PER_LAYER})
        found["final"] = x if self.gpt1 else step("final norm", self.norm(x, "ln_f"))
        found["logits"] = step("logits", found["final"] @ self.output.T)
        found["steps"] = steps
        return found
