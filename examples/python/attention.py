# SPDX-License-Identifier: BSD-2-Clause
import decoct

q = [[4, 0], [0, 4], [4, 4]]    # recipes: (3 words, 2)
k = [[1, 0], [0, 1], [1, 1]]    # labels:  (3 words, 2)
v = [[10, 0], [0, 20], [5, 5]]  # potions: (3 words, 2)
weights = decoct.empty((3, 3))
out = decoct.attention(q, k, v, causal=True, weights=weights)
for i, (drawn, got) in enumerate(zip(weights.tolist(), out.tolist()), 1):
    print("word %d draws %.3f %.3f %.3f and gets %.3f %.3f" % (i, *drawn, *got))
