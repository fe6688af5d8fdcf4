#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes lib/model/unicode_tables.h from Python's unicodedata: python3 unicode_tables.py > unicode_tables.h"""
import sys
import unicodedata

# As the pattern of GPT-2 and the basic tokenizer of BERT ask for them.
WHITE_SPACE = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029,
               0x202F, 0x205F, 0x3000}
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic


def kind(cp):
    category = unicodedata.category(chr(cp))
    if cp in WHITE_SPACE:
        return "SPACE"
    if category in ("Cc", "Cf", "Co", "Cs"):
        return "CONTROL"
    if category == "Mn":
        return "MARK"
    return {"L": "LETTER", "N": "NUMBER", "P": "PUNCTUATION"}.get(category[0], "OTHER")


def fold(cp):
    """Lower case, decomposed, without accents."""
    text = unicodedata.normalize("NFD", chr(cp).lower())
    return [ord(c) for c in text if unicodedata.category(c) != "Mn"]


def rows(items, per_line):
    for i in range(0, len(items), per_line):
        print("    " + " ".join(items[i:i + per_line]))


ranges = []
for cp in range(sys.maxunicode + 1):
    k = kind(cp)
    if k == "OTHER":
        continue
    if ranges and ranges[-1][2] == k and ranges[-1][1] == cp - 1:
        ranges[-1][1] = cp
    else:
        ranges.append([cp, cp, k])
folds = []
for cp in range(sys.maxunicode + 1):
    if cp in HANGUL or 0xD800 <= cp < 0xE000 or kind(cp) == "MARK":
        continue
    f = fold(cp)
    if f != [cp] and len(f) <= 3:
        folds.append((cp, (f + [0, 0, 0])[:3]))

print("// SPDX-License-Identifier: BSD-2-Clause")
print("// Unicode %s, written by unicode_tables.py from Python's unicodedata. Not for hands."
      % unicodedata.unidata_version)
print("// clang-format off")
print("static const unicode_range ranges[] = { // first, last, class; what is missing is OTHER")
rows(["{0x%x,0x%x,DCT_UNICODE_%s}," % tuple(r) for r in ranges], 3)
print("};")
print("static const unicode_fold folds[] = { // lower-cased, decomposed, without marks; 0 ends")
rows(["{0x%x,{0x%x,0x%x,0x%x}}," % (cp, *f) for cp, f in folds], 4)
print("};")
