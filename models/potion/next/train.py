#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Trains potion and writes the model's folder. See CARD.md.

    train.py --work DIR [--out DIR] [--tokens N] [--lesson L]

Two processes with one thread each share a batch. Their state is saved in DIR every few minutes and
when they are asked to stop (SIGTERM, SIGINT); the same command goes on from there, with the result
of a run without a break. Needs torch with OpenBLAS (Debian: python3-torch, libopenblas0-pthread).
Seeded: another machine gives other bits and is judged by the marks.
"""
import argparse
import fcntl
import math
import os
import resource
import signal
import sys
import time

# Small tensors come and go all the time: glibc is to keep their memory (1.3 times faster).
KEEP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000",
        "MALLOC_TOP_PAD_": "200000000", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
if __name__ == "__main__" and os.environ.get("MALLOC_MMAP_MAX_") != "0":
    os.environ.update(KEEP)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    os.execv(sys.executable, [sys.executable] + sys.argv)

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # bpe.py and gpt.py serve both

import torch
import torch.multiprocessing as multiprocessing

import bpe
import corpus
import gpt

VOCABULARY, ROWS, WORKERS, WARM_UP, PEAK, ENDING, SHARE = 4096, 24, 2, 250, 1.6e-3, 6, 0.4
FILLING = 24  # rows that are filled at the same time
SAVE_SECONDS, SEED = 150, 1
HERE = os.path.dirname(os.path.abspath(__file__))


def tokenizer(folder):
    """Trains the merges on the first stories and writes them, unless they are there."""
    if not os.path.exists(folder + "/merges.txt"):
        texts = [text for text, _ in corpus.stories(250000)]
        bpe.save(folder, bpe.train(texts, VOCABULARY))
    return bpe.Encoder(folder)


def pack(encoder, lesson):
    """Rows (context + 1) of whole stories, and the weight of each token in the loss, 0: padding."""
    end, full, filling = len(encoder.ids) - 1, [], []
    for text, ending in corpus.stories(lesson=lesson):
        head = encoder.encode(text[:ending])
        ids = head + encoder.encode(text[ending:]) + [end]
        weight = [1] * len(head) + [ENDING] + [1] * (len(ids) - len(head) - 1)
        fit = [r for r in filling if len(r[0]) + len(ids) <= gpt.CONTEXT + 1]
        row = max(fit, key=lambda r: len(r[0])) if fit else ([], [])
        if not fit:
            filling.append(row)
        row[0].extend(ids)
        row[1].extend(weight)
        if len(filling) > FILLING:
            fullest = max(filling, key=lambda r: len(r[0]))
            filling.remove(fullest)
            full.append(fullest)
    padded = [[part + [0] * (gpt.CONTEXT + 1 - len(part)) for part in row] for row in full]
    return (torch.tensor([row[0] for row in padded], dtype=torch.int16),
            torch.tensor([row[1] for row in padded], dtype=torch.uint8))


def rows(encoder, work, lesson):
    """The packed corpus of a lesson; made once and kept in the work folder."""
    path = work + "/rows%d.pt" % lesson
    if not os.path.exists(path):
        replace(pack(encoder, lesson), path)
    return torch.load(path)


def replace(thing, path):
    """Readers and a later run never see half a file."""
    torch.save(thing, path + ".new")
    with open(path + ".new", "rb") as f:
        os.fsync(f.fileno())
    os.replace(path + ".new", path)


def rate(step, steps):
    """Linear warm-up, then a cosine down to 1 %."""
    if step < WARM_UP:
        return PEAK * (step + 1) / WARM_UP
    part = (step - WARM_UP) / max(1, steps - WARM_UP)
    return PEAK * (0.01 + 0.495 * (1 + math.cos(math.pi * part)))


def optimizer_of(model):
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": decay, "weight_decay": 0.01},
                              {"params": rest, "weight_decay": 0.0}], betas=(0.9, 0.98))


class Loss(torch.autograd.Function):
    """Weighted sum of the cross entropies; torch's own needs three times the time on a CPU."""

    @staticmethod
    def forward(ctx, logits, targets, weights):
        top = logits.max(-1, keepdim=True).values
        p = (logits - top).exp_()
        total = p.sum(-1, keepdim=True)
        at = targets[:, None]
        loss = (total.log() + top - logits.gather(-1, at)).squeeze(-1)
        p.mul_(weights[:, None] / total)
        p.scatter_add_(-1, at, -weights[:, None])
        ctx.save_for_backward(p)
        return (loss * weights).sum()

    @staticmethod
    def backward(ctx, grad):
        return ctx.saved_tensors[0] * grad, None, None


class Worker:
    """One of the processes: its own model, part of each batch, gradients added over all."""

    def __init__(self, rank, args, data, shared, barrier):
        self.rank, self.args, self.data = rank, args, data
        self.shared, self.barrier = shared, barrier
        torch.set_num_threads(1)
        torch.manual_seed(SEED)
        self.model = gpt.GPT(args.vocabulary)
        self.optimizer = optimizer_of(self.model)
        self.step, self.seconds, self.order = 0, 0.0, None
        path = args.work + "/state.pt"
        if os.path.exists(path):
            state = torch.load(path)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]
        self.parameters = list(self.model.parameters())

    def gradients(self, step):
        """Loss and gradients of this process's part."""
        tokens, weights = self.batch(step)
        # The head is a third of the work: ending words always, of the others a share.
        some = torch.rand(weights.shape, generator=torch.Generator().manual_seed(step)) < SHARE
        weights = torch.where(weights > 1, weights, weights * some / SHARE)
        whole = weights[:, 1:].sum()
        tokens, weights = tokens[self.rank::WORKERS], weights[self.rank::WORKERS]
        x = self.model.hidden(tokens[:, :-1])
        keep = weights[:, 1:].reshape(-1) > 0
        logits = x.reshape(-1, x.shape[-1])[keep] @ self.model.wte.weight.T
        loss = Loss.apply(logits, tokens[:, 1:].reshape(-1)[keep],
                          weights[:, 1:].reshape(-1)[keep] / whole)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        return loss.item()

    def batch(self, step):
        tokens, weights = self.data
        a_pass = len(tokens) // ROWS
        if self.order is None or self.order[0] != step // a_pass:
            order = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(
                SEED + step // a_pass))
            self.order = (step // a_pass, order)
        at = self.order[1][step % a_pass * ROWS:][:ROWS]
        return tokens[at].long(), weights[at].float()

    def together(self, loss):
        """Adds gradients and losses of all processes, in the same order in each."""
        mine = torch.cat([p.grad.reshape(-1) for p in self.parameters] + [torch.tensor([loss])])
        self.shared[self.rank].copy_(mine)
        self.barrier.wait()
        total = self.shared[0] + self.shared[1]
        self.barrier.wait()
        at = 0
        for p in self.parameters:
            p.grad = total[at:at + p.numel()].view_as(p)
            at += p.numel()
        return total[-1].item()

    def save(self, seconds):
        replace({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                 "step": self.step, "seconds": seconds}, self.args.work + "/state.pt")
        gpt.save(self.args.out, self.model, self.args.vocabulary)

    def run(self, stop):
        steps, saved, begin, mean = self.args.steps, time.time(), self.step, None
        start = time.time()
        while self.step < steps:
            for group in self.optimizer.param_groups:
                group["lr"] = rate(self.step, steps)
            loss = self.together(self.gradients(self.step))
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.optimizer.step()
            self.step += 1
            mean = loss if mean is None else 0.98 * mean + 0.02 * loss
            if self.rank == 0:
                # One process decides, so that all end after the same step.
                stop[1] = int(bool(stop[0]) or os.getppid() != self.args.parent)
            self.barrier.wait()
            ending = bool(stop[1]) or self.step == steps
            spent = self.seconds + WORKERS * cpu()
            if self.rank == 0 and self.step % 50 == 0:
                passed = time.time() - start
                print("step %d of %d loss %.4f %.0f tokens/s CPU %.0f s" % (
                    self.step, steps, mean, (self.step - begin) * ROWS * gpt.CONTEXT / passed,
                    spent), flush=True)
            if self.rank == 0 and (ending or time.time() - saved > SAVE_SECONDS):
                self.save(spent)
                saved = time.time()
            if ending:
                return


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def work_of(rank, args, data, shared, barrier, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Worker(rank, args, data, shared, barrier).run(stop)


def train(args):
    lock = open(args.work + "/lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # one run a folder
    args.parent = os.getpid()
    data = rows(tokenizer(args.out), args.work, args.lesson)
    args.vocabulary = len(bpe.Encoder(args.out).ids)
    if not args.steps:
        args.steps = args.tokens // (ROWS * gpt.CONTEXT)
    print("rows", len(data[0]), "tokens", int((data[1] > 0).sum()), "steps", args.steps, flush=True)
    size = sum(p.numel() for p in gpt.GPT(args.vocabulary).parameters()) + 1
    shared = [torch.zeros(size).share_memory_() for _ in range(WORKERS)]
    stop = torch.zeros(2, dtype=torch.int32).share_memory_()
    barrier = multiprocessing.Barrier(WORKERS)
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop[0].fill_(1))
    found = [multiprocessing.Process(target=work_of, args=(r, args, data, shared, barrier, stop))
             for r in range(WORKERS)]
    for p in found:
        p.start()
    while any(p.is_alive() for p in found):
        time.sleep(0.5)
        if any(p.exitcode for p in found):  # one died: the others would wait for ever
            for p in found:
                p.kill()
    return max(p.exitcode or 0 for p in found)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--work", required=True, help="folder of the saved state")
    options.add_argument("--out", help="folder of the model; default: in the work folder")
    options.add_argument("--tokens", type=int, default=80000000, help="length of the cosine")
    options.add_argument("--steps", type=int, help="the same, in steps")
    options.add_argument("--lesson", type=int, choices=sorted(corpus.LESSONS), default=1,
                         help="continue with this part of the corpus")
    args = options.parse_args()
    args.out = args.out or args.work + "/model"
    os.makedirs(args.out, exist_ok=True)
    return train(args)


if __name__ == "__main__":
    sys.exit(main())
