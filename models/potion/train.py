#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Trains potion in two lessons and writes the model's folder: train.py [--out DIR]. See CARD.md.

Needs torch with OpenBLAS (Debian: python3-torch, libopenblas0-pthread; with the reference BLAS it
is ten times slower). Seeded: the same machine gives the same weights; another one is judged by the
marks.
"""
import argparse
import math
import os
import time

import torch
from torch.nn import functional as F

import bpe
import corpus
import evaluate
import gpt

VOCABULARY, BATCH, WARM_UP = 2000, 16, 200
HERE = os.path.dirname(os.path.abspath(__file__))
# Lesson: peak learning rate, steps of its cosine, steps done of them.
PLAN = {1: (1.5e-3, 9500, 4000), 2: (1.2e-3, 4000, 4000)}


def tokenizer(folder):
    """Trains the merges on lesson 1 and writes them."""
    texts = [text for (text, _), _ in zip(corpus.stories(1), range(40000))]
    bpe.save(folder, bpe.train(texts, VOCABULARY))
    encoder = bpe.Encoder(folder)
    endings = {w for s in corpus.SENSES.values() for w in s["next"]}
    assert all(len(encoder.encode(w)) == 1 for w in endings)
    return encoder


def rows(encoder, lesson):
    """Rows (context + 1) of whole stories, the first at position 0 as in real use; -1: padding."""
    end, row, full = len(encoder.ids) - 1, [], []
    for text, _ in corpus.stories(lesson):
        ids = encoder.encode(text) + [end]
        if len(row) + len(ids) > gpt.CONTEXT + 1:
            full.append(row + [-1] * (gpt.CONTEXT + 1 - len(row)))
            row = []
        row += ids
    return torch.tensor(full)


def rate(step, peak, steps):
    """Linear warm-up, then a cosine down to 2 %."""
    if step < WARM_UP:
        return peak * (step + 1) / WARM_UP
    part = (step - WARM_UP) / max(1, steps - WARM_UP)
    return peak * (0.02 + 0.49 * (1 + math.cos(math.pi * part)))


def optimizer_of(model):
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": decay, "weight_decay": 0.01},
                              {"params": rest, "weight_decay": 0.0}], betas=(0.9, 0.98))


def teach(model, encoder, lesson, folder):
    peak, steps, taken = PLAN[lesson]
    size, begin = len(encoder.ids), time.time()
    data, optimizer = rows(encoder, lesson), optimizer_of(model)
    print("lesson", lesson, "rows", len(data), "tokens", int((data >= 0).sum()), flush=True)
    order, seen = torch.randperm(len(data)), 0
    for step in range(taken):
        if seen + BATCH > len(data):
            order, seen = torch.randperm(len(data)), 0
        batch = data[order[seen:seen + BATCH]]
        seen += BATCH
        for group in optimizer.param_groups:
            group["lr"] = rate(step, peak, steps)
        logits = model(batch[:, :-1].clamp(min=0))
        loss = F.cross_entropy(logits.reshape(-1, size), batch[:, 1:].reshape(-1), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 99:
            print("step %d loss %.4f %.0f s" % (step + 1, loss.item(), time.time() - begin),
                  flush=True)
        if step % 500 == 499 or step + 1 == taken:
            gpt.save(folder, model, size)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", default=HERE)
    options.add_argument("--after", metavar="DIR", help="only lesson 2, after the model in DIR")
    options.add_argument("--threads", type=int, default=1)
    args = options.parse_args()
    torch.set_num_threads(args.threads)
    encoder = tokenizer(args.out)
    for lesson in (2,) if args.after else (1, 2):
        torch.manual_seed(1)
        # Lesson 2 starts from the stored bf16 weights, so that it can be repeated alone.
        model = gpt.load(args.after or args.out) if lesson == 2 else gpt.GPT(len(encoder.ids))
        teach(model, encoder, lesson, args.out)
    evaluate.report(evaluate.marks(gpt.predictor(gpt.load(args.out)), encoder))


if __name__ == "__main__":
    main()
