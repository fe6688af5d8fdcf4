#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The marks of potion on held-out stories, from the stored bf16 weights.

For the ending word of each held-out prompt the grammar states the exact distribution g; the model's
is p. KL(g || p) is also the excess over the entropy floor at that word: cross entropy - entropy.
What computes p is the caller's choice: torch here, libdecoct in models/potion/test_potion.py.
"""
import collections
import math
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # bpe.py and gpt.py serve both

import bpe
import corpus

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPTS = 24 * len(corpus.CLASSES)


def marks(predict, encoder, count=PROMPTS):
    """{class: [(KL, hit, prompt)]}; predict(ids) gives the log probabilities of the next token."""
    rows = collections.defaultdict(list)
    for row in corpus.heldout(count):
        p = predict(encoder.encode(row["prompt"]))
        first = {w: encoder.encode(w)[0] for w in row["next"]}
        kl = sum(g * (math.log(g) - p[first[w]]) for w, g in row["next"].items())
        second = sorted(row["next"].values())[-2:][0]
        best = [first[w] for w, g in row["next"].items() if g >= second]
        hit = max(range(len(p)), key=p.__getitem__) in best
        rows[row["class"]].append((kl, hit, row["prompt"]))
    return rows


def report(rows):
    """Prints the marks; true if all are reached."""
    everything = [r for c in rows.values() for r in c]
    worst = max(sum(r[0] for r in c) / len(c) for c in rows.values())
    excess = sum(r[0] for r in everything) / len(everything)
    hits = sum(r[1] for r in everything) / len(everything)
    for name, c in rows.items():
        print("%-20s n %3d  KL %.4f  top-2 %.1f %%" % (
            name, len(c), sum(r[0] for r in c) / len(c), 100 * sum(r[1] for r in c) / len(c)))
    print("worst class KL %.4f (mark 0.05)" % worst)
    print("top word among the grammar's two best %.2f %% (mark 99)" % (100 * hits))
    print("excess %.4f nats (mark 0.03)" % excess)
    return worst <= 0.05 and hits >= 0.99 and excess <= 0.03


def main():
    import gpt  # callers with their own predict do not need torch
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    found = marks(gpt.predictor(gpt.load(folder)), bpe.Encoder(folder))
    for _, c in sorted(found.items()):
        for kl, _, prompt in c:
            if kl > 0.3:
                print("  KL %.2f %s" % (kl, prompt))
    return 0 if report(found) else 1


if __name__ == "__main__":
    sys.exit(main())
