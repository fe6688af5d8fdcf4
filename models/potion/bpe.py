# SPDX-License-Identifier: BSD-2-Clause
"""Byte-level BPE in GPT-2's file format (Sennrich et al. 2016; Radford et al. 2019)."""
import collections
import json
import unicodedata

CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


def byte_symbols():
    """GPT-2 writes each byte as one printable character: itself or the next free one from 256."""
    plain = set(range(33, 127)) | set(range(161, 173)) | set(range(174, 256))
    symbols, spare = {}, 256
    for b in range(256):
        symbols[b] = chr(b) if b in plain else chr(spare)
        spare += b not in plain
    return symbols


SYMBOL = byte_symbols()


def kind(c):
    if c.isspace():
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(c)[0], "other")


def split(text):
    """GPT-2's pattern: contractions, then runs of one kind, each with one space before it."""
    out, i = [], 0
    while i < len(text):
        found = next((c for c in CONTRACTIONS if text.startswith(c, i)), None)
        if found:
            out.append(found)
            i += len(found)
            continue
        start = i
        if text[i] == " " and i + 1 < len(text) and not text[i + 1].isspace():
            i += 1
        run = kind(text[i])
        while i < len(text) and kind(text[i]) == run:
            i += 1
        if run == "space" and i < len(text) and i - start > 1:
            i -= 1  # the last space belongs to the next word
        out.append(text[start:i])
    return out


def symbols(piece):
    return tuple(SYMBOL[b] for b in piece.encode())


def merge(parts, pair):
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            out.append(parts[i] + parts[i + 1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return tuple(out)


def train(texts, size):
    """The merges of a vocabulary of `size` tokens, the end-of-text token included."""
    counts = collections.Counter(p for t in texts for p in split(t))
    pieces = {p: symbols(p) for p in counts}
    pairs, where = collections.Counter(), collections.defaultdict(set)

    def count(p, sign):
        for pair in zip(pieces[p], pieces[p][1:]):
            pairs[pair] += sign * counts[p]
            where[pair].add(p)

    for p in pieces:
        count(p, 1)
    merges = []
    while len(merges) < size - 257:
        best = max(pairs, key=lambda p: (pairs[p], p))
        if pairs[best] <= 0:
            break
        merges.append(best)
        for p in where.pop(best):  # only these change
            count(p, -1)
            pieces[p] = merge(pieces[p], best)
            count(p, 1)
        del pairs[best]
    return merges


def vocabulary(merges):
    tokens = [SYMBOL[b] for b in sorted(SYMBOL, key=lambda b: SYMBOL[b])]
    tokens += [a + b for a, b in merges] + ["<|endoftext|>"]
    return {t: i for i, t in enumerate(tokens)}


def save(folder, merges):
    with open(folder + "/vocab.json", "w", encoding="utf-8") as f:
        json.dump(vocabulary(merges), f, ensure_ascii=False)
        f.write("\n")
    with open(folder + "/merges.txt", "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join("%s %s\n" % m for m in merges))


class Encoder:
    def __init__(self, folder):
        self.ids = json.load(open(folder + "/vocab.json", encoding="utf-8"))
        lines = open(folder + "/merges.txt", encoding="utf-8").read().split("\n")[1:]
        self.ranks = {tuple(l.split(" ")): i for i, l in enumerate(lines) if l}
        self.known = {}

    def piece(self, piece):
        if piece not in self.known:
            parts = symbols(piece)
            while True:
                pairs = [p for p in zip(parts, parts[1:]) if p in self.ranks]
                if not pairs:
                    break
                parts = merge(parts, min(pairs, key=self.ranks.get))
            self.known[piece] = [self.ids[p] for p in parts]
        return self.known[piece]

    def encode(self, text):
        return [i for p in split(text) for i in self.piece(p)]
