#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""notes.py DECOCT [FILE]: how many answers to sentences carry a note, for other thresholds, too.

The program's notes are in cli/notes.h: words never seen, pairs of words never seen together, a low
probability of the answer. Here they are computed again from words.txt and pairs.bin. FILE
(default: dev.txt) has sentences and their believable answers; the last lines are prompts that the
grammar could have made.
"""
import json
import os
import re
import subprocess
import sys

import corpus

HERE = os.path.dirname(os.path.abspath(__file__))
GRAMMAR = 400  # prompts of the grammar


def thresholds():
    with open(os.path.join(HERE, "..", "..", "cli", "notes.h"), encoding="utf-8") as f:
        text = f.read()
    return {name: int(value) for name, value in re.findall(r"NOTES_(\w+) = (\d+)", text)}


class Vocabulary:
    def __init__(self, folder=HERE):
        with open(folder + "/words.txt", encoding="utf-8") as f:
            self.words = {word: i for i, word in enumerate(f.read().split())}
        with open(folder + "/pairs.bin", "rb") as f:
            bits = int.from_bytes(f.read(), "little")
        rows = [bits >> i * (i - 1) // 2 & (1 << i) - 1 for i in range(len(self.words))]
        self.met = [{j for j in range(i) if row >> j & 1} for i, row in enumerate(rows)]
        for i, row in enumerate(rows):
            for j in range(i):
                if row >> j & 1:
                    self.met[j].add(i)

    def place(self, word):
        return self.words.get(word, self.words.get(word.split("'")[0]))

    @staticmethod
    def split(text):
        found = re.findall(r"[a-z0-9'\u0080-\U0010ffff]+", text.lower())
        return list(dict.fromkeys(w.strip("'") for w in found if w.strip("'")))

    def read(self, text, answer=""):
        """(unseen words, [(company of the commoner word in percent, word, word) never together])"""
        found, last = self.split(text), self.split(answer)[:1]
        names = list(self.words)
        known = [p for p in map(self.place, found + last) if p is not None]
        known = list(dict.fromkeys(known))
        share = {k: len(self.met[k]) * 100 / (len(names) - 1) for k in known}
        apart = [(max(share[a], share[b]), names[a], names[b]) for i, a in enumerate(known)
                 for b in known[i + 1:] if b not in self.met[a]]
        return [w for w in found if self.place(w) is None], apart


def kinds(vocabulary, prompt, answer, limits):
    """Which notes a prompt gets: a set of "unseen", "apart", "unsure"."""
    text, p = answer["next"][0]["text"], answer["next"][0]["p"]
    unseen, apart = vocabulary.read(prompt, text)
    apart = [pair for pair in apart if pair[0] <= limits["COMMON_PERCENT"]]
    found = {"unseen"} if unseen else set()
    found |= {"apart"} if len(apart) >= max(1, limits["PAIRS_LEAST"]) else set()
    return found | ({"unsure"} if p * 100 < limits["UNSURE_PERCENT"] else set())


def sentences(path):
    """(prompt, believable next words) of each line."""
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                prompt, _, good = line.partition(" | ")
                yield prompt.strip(), good.split()


def ask(decoct, prompt, model=HERE):
    """What `decoct next --json` answers."""
    done = subprocess.run([decoct, "next", "--json", "--model", model, "--", prompt], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def believable(answer, good):
    return answer["next"][0]["text"].strip().lower() in good


def main():
    decoct = sys.argv[1]
    path = sys.argv[2] if len(sys.argv) > 2 else HERE + "/dev.txt"
    vocabulary, now = Vocabulary(), thresholds()
    groups = {"believable": [], "wrong": [], "grammar": []}
    for prompt, good in sentences(path):
        answer = ask(decoct, prompt)
        groups["believable" if believable(answer, good) else "wrong"].append(
            (prompt, answer))
    for row in corpus.heldout(GRAMMAR):
        groups["grammar"].append((row["prompt"], ask(decoct, row["prompt"])))
    print("answers with a note, of " + ", ".join("%d %s" % (len(g), n) for n, g in groups.items()))
    print("%-24s%12s%8s%9s   by unseen, apart, unsure alone" % (
        "common, pairs, unsure", "believable", "wrong", "grammar"))
    rows = [now] + [dict(now, COMMON_PERCENT=c, PAIRS_LEAST=p, UNSURE_PERCENT=u)
                    for c in (15, 25, 50) for p in (1, 2, 4, 99) for u in (0, 25, 35, 45)]
    for limits in rows:
        noted = {name: [kinds(vocabulary, prompt, answer, limits) for prompt, answer in group]
                 for name, group in groups.items()}
        alone = ["%s %s" % (kind, "+".join(str(sum(found == {kind} for found in noted[name]))
                                           for name in ("believable", "wrong")))
                 for kind in ("unseen", "apart", "unsure")]
        print("%-24s%12d%8d%9d   %s%s" % (
            "%(COMMON_PERCENT)d %%, %(PAIRS_LEAST)d, %(UNSURE_PERCENT)d %%" % limits,
            *(sum(map(bool, noted[name])) for name in groups), ", ".join(alone),
            "  <- cli/notes.h" if limits == now else ""))


if __name__ == "__main__":
    main()
