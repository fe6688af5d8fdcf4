#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""pairs.py: writes words.txt and pairs.bin, the words of the corpus and which of them meet.

pairs.bin has one bit for each pair of lines i > j of words.txt, counted from 0: bit number
i * (i - 1) / 2 + j, the least significant bit of each byte first. It is 1 where both words occur in
one story; sentences without sense do not count.
"""
import os

import corpus

HERE = os.path.dirname(os.path.abspath(__file__))


class Company:
    """Which words met in the stories that were added; a story is the set of its words."""

    def __init__(self):
        self.numbers, self.met = {}, []

    def add(self, story):
        numbers = []
        for word in story:
            if word not in self.numbers:
                self.numbers[word] = len(self.met)
                self.met.append(0)
            numbers.append(self.numbers[word])
        together = sum(1 << n for n in numbers)
        for n in numbers:
            self.met[n] |= together

    def words(self):
        return sorted(self.numbers)

    def pairs(self):
        """The bytes of pairs.bin."""
        order = [self.numbers[word] for word in self.words()]
        bits = "".join(str(self.met[a] >> b & 1) for i, a in enumerate(order) for b in order[:i])
        return int(bits[::-1] or "0", 2).to_bytes((len(bits) + 7) // 8, "little")


def main():
    company = Company()
    for text, _ in corpus.stories(odd=False):
        company.add(corpus.words_of(text))
    with open(HERE + "/words.txt", "w", encoding="utf-8") as f:
        f.write("".join(word + "\n" for word in company.words()))
    with open(HERE + "/pairs.bin", "wb") as f:
        f.write(company.pairs())


if __name__ == "__main__":
    main()
