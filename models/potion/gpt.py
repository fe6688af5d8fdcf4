# SPDX-License-Identifier: BSD-2-Clause
"""GPT-2 in torch, small and plain, and its file format."""
import json
import math
import os
import struct

import torch
from torch import nn
from torch.nn import functional as F

LAYERS, HEADS, D_MODEL, CONTEXT = 12, 12, 96, 64


class Conv1D(nn.Module):
    """GPT-2's linear layer: the weight is (in, out)."""

    def __init__(self, n_in, n_out, std):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) * std)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.shape[-1]), self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = Conv1D(D_MODEL, 3 * D_MODEL, 0.02)
        self.c_proj = Conv1D(D_MODEL, D_MODEL, 0.02 / math.sqrt(2 * LAYERS))

    def forward(self, x, mask):
        b, t, d = x.shape
        q, k, v = self.c_attn(x).view(b, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        w = F.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // HEADS) + mask, -1)
        return self.c_proj((w @ v).transpose(1, 2).reshape(b, t, d))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_fc = Conv1D(D_MODEL, 4 * D_MODEL, 0.02)
        self.c_proj = Conv1D(4 * D_MODEL, D_MODEL, 0.02 / math.sqrt(2 * LAYERS))

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(D_MODEL), nn.LayerNorm(D_MODEL)
        self.attn, self.mlp = Attention(), MLP()

    def forward(self, x, mask):
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, D_MODEL)
        self.wpe = nn.Embedding(CONTEXT, D_MODEL)
        self.h = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(D_MODEL)
        nn.init.normal_(self.wte.weight, std=0.02)
        nn.init.normal_(self.wpe.weight, std=0.01)

    def hidden(self, ids):
        """Activations after the final norm."""
        t = ids.shape[1]
        mask = torch.full((t, t), -math.inf).triu(1)
        x = self.wte(ids) + self.wpe.weight[:t]
        for block in self.h:
            x = block(x, mask)
        return self.ln_f(x)

    def forward(self, ids):
        return self.hidden(ids) @ self.wte.weight.T


def to_bf16(tensor):
    """Bits of the nearest bf16, ties to even."""
    bits = tensor.detach().float().contiguous().view(-1).numpy().view("uint32").astype("uint64")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("uint16")


def save(folder, model, vocabulary):
    config = {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2",
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
        "n_layer": LAYERS, "n_head": HEADS, "n_embd": D_MODEL, "n_positions": CONTEXT,
        "n_ctx": CONTEXT, "vocab_size": vocabulary, "bos_token_id": vocabulary - 1,
        "eos_token_id": vocabulary - 1, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
    }
    with open(folder + "/config.json", "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)
        f.write("\n")
    header, data = {}, b""
    for name, tensor in model.state_dict().items():
        raw = to_bf16(tensor).tobytes()
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)  # so that the data starts on a cache line
    with open(folder + "/model.safetensors.new", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    os.replace(f.name, folder + "/model.safetensors")  # readers never see half a file


def load(folder):
    raw = open(folder + "/model.safetensors", "rb").read()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    state = {}
    for name, t in header.items():
        begin, end = (8 + length + o for o in t["data_offsets"])
        half = torch.frombuffer(bytearray(raw[begin:end]), dtype=torch.bfloat16)
        state[name] = half.float().view(t["shape"])
    model = GPT(state["wte.weight"].shape[0])
    model.load_state_dict(state)
    return model


def predictor(model):
    """Ids to the log probabilities of the next token."""
    model.eval()

    def predict(ids):
        with torch.no_grad():
            return torch.log_softmax(model(torch.tensor([ids]))[0, -1].double(), -1).tolist()

    return predict
