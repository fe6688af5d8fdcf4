# SPDX-License-Identifier: BSD-2-Clause
# Every step that a trace shows, the attention weights, the scores and the logit lens against the same model in
# float64 (oracle_gpt.py), also with the mask lifted, without positions and with cuts: test_trace.py LIBDECOCT.
# Exit code 77, a skip: there is no numpy.
import ctypes as c
import os
import sys
import unittest

import own_libraries  # first: it starts this program again

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not installed (Debian: python3-numpy)")
    sys.exit(77)
import oracle_gpt

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "libdecoct.so.0"
POTION = os.path.join(HERE, "..", "models", "potion")
RANDOM = ["gpt2-f32", "gpt2-one-head", "gpt2-f16", "gpt2-bf16-untied", "gpt1-f32", "gpt1-bf16"]
LONGEST = 20  # tokens


class Step(c.Structure):  # decoct_trace_step
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_int32), ("index", c.c_int64), ("layer", c.c_int64),
                ("name", c.c_char_p), ("first", c.c_int64), ("rows", c.c_int64), ("cols", c.c_int64),
                ("stride", c.c_int64), ("values", c.POINTER(c.c_float))]


TRACE = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(Step))


def floats(array):
    return array.ctypes.data_as(c.POINTER(c.c_float))


class Text:
    """One session of the library on a model folder."""

    def __init__(self, folder):
        self.lib = c.CDLL(LIBRARY)
        self.lib.decoct_last_error.restype = c.c_char_p
        self.context, self.model, self.session = c.c_void_p(), c.c_void_p(), c.c_void_p()
        self.call("context_open", None, c.byref(self.context), context=False)
        self.call("model_open", os.fsencode(folder), c.byref(self.model))
        self.call("session_create", self.model, c.c_int64(0), c.byref(self.session))
        self.call("session_keep_queries", self.session)
        self.callback = TRACE(self.keep)
        self.call("session_trace", self.session, self.callback, None)

    def close(self):
        self.lib.decoct_session_destroy(self.session)
        self.lib.decoct_model_close(self.model)
        self.lib.decoct_context_close(self.context)

    def call(self, name, *args, context=True):
        status = getattr(self.lib, "decoct_" + name)(*([self.context] if context else []), *args)
        if status:
            raise RuntimeError("%s: %d %s" % (name, status, self.lib.decoct_last_error(self.context)))

    def keep(self, _, step):
        """The rows of a step, by its index."""
        s = step.contents
        rows = np.lib.stride_tricks.as_strided(
            np.ctypeslib.as_array(s.values, (s.stride * (s.rows - 1) + s.cols,)), (s.rows, s.cols),
            (4 * s.stride, 4))
        layer, name, values = self.steps.setdefault(s.index, (s.layer, s.name.decode(), []))
        assert (layer, name, s.first) == (s.layer, s.name.decode(), sum(map(len, values)))
        values.append(rows.astype(np.float64))

    def encode(self, text):
        data, count, ids = text.encode(), c.c_int64(), (c.c_int32 * LONGEST)()
        self.call("encode", self.model, data, c.c_uint64(len(data)), ids, c.c_int64(LONGEST), c.byref(count))
        return list(ids[:count.value])

    def run(self, ids, piece=LONGEST, causal=True, positions=True, cuts=()):
        """[(layer, name, values)], as the oracle's steps."""
        self.steps = {}
        self.call("session_truncate", self.session, c.c_int64(0))
        self.call("session_uncut", self.session)
        self.call("session_causal", self.session, int(causal))
        self.call("session_positions", self.session, int(positions))
        for cut in cuts:
            self.call("session_cut_in", self.session, *map(c.c_int64, cut))
        logits = np.zeros(2 ** 20, np.float32)
        for i in range(0, len(ids), piece):
            part = (c.c_int32 * len(ids[i:i + piece]))(*ids[i:i + piece])
            self.call("session_eval", self.session, part, c.c_int64(len(part)), 1, floats(logits))
        return [(layer, name, np.concatenate(rows)) for _, (layer, name, rows) in sorted(self.steps.items())]

    def attention(self, layer, head, n):
        weights = np.zeros((n, n), np.float32)
        self.call("session_attention", self.session, c.c_int64(layer), c.c_int64(head), floats(weights))
        return weights

    def logits(self, x, vocabulary):
        x = np.ascontiguousarray(x, np.float32)
        logits = np.zeros((len(x), vocabulary), np.float32)
        self.call("model_logits", self.model, c.c_int64(len(x)), floats(x), c.c_int64(0), floats(logits), c.c_int64(0))
        return logits


class Trace(unittest.TestCase):
    def near(self, values, wanted, what):
        self.assertEqual(values.shape, wanted.shape, what)
        apart = np.abs(values - wanted) / (1 + np.abs(wanted))
        self.assertTrue(np.all(apart <= 1e-4), "%s: %g" % (what, apart.max()))  # NaN fails, too

    def open(self, folder):
        text = Text(folder)
        self.addCleanup(text.close)
        return text, oracle_gpt.Model(folder)

    def compare(self, text, model, ids, piece=LONGEST, **switches):
        steps, wanted = text.run(ids, piece, **switches), model.run(ids, **switches)
        self.assertEqual([step[:2] for step in steps], [step[:2] for step in wanted["steps"]])
        for (layer, name, values), (_, _, exact) in zip(steps, wanted["steps"]):
            self.near(values, exact, "layer %d, %s, %s" % (layer, name, switches))
        for layer in range(model.layers):
            for head in range(model.heads):
                self.near(text.attention(layer, head, len(ids)), wanted["weights"][layer, head],
                          "weights of layer %d, head %d, %s" % (layer, head, switches))
        self.compare_scores(model, steps, wanted)
        self.compare_lens(text, model, steps, wanted)
        return wanted

    def compare_scores(self, model, steps, wanted):
        """Of all pairs of words, from the queries and keys that were shown."""
        for layer, name, values in steps:
            if name == "q k v projection":
                q, k, _ = (part.reshape(len(part), model.heads, -1) for part in np.split(values, 3, axis=1))
                self.near(np.einsum("ihd,jhd->hij", q, k) / np.sqrt(model.head_dim), wanted["scores"][layer],
                          "scores of layer %d" % layer)

    def compare_lens(self, text, model, steps, wanted):
        last = "norm 2" if model.gpt1 else "residual"
        for layer in range(model.layers):
            stream = [values for its, name, values in steps if its == layer and name == last][-1]
            self.near(text.logits(stream, model.vocabulary), model.logits(wanted["after_ffn"][layer]),
                      "lens after layer %d" % layer)

    def switches(self, model, n):
        """Mask and positions, and cuts: of single heads, of a layer, of a head in all layers, of a whole word."""
        head, query = model.heads - 1, n - 2
        cuts = [[(0, 0, query, 1)], [(model.layers - 1, head, n - 1, key) for key in range(n - 1)],
                [(0, -1, query, 0), (-1, head, n - 1, 2)], [(-1, -1, later, 2) for later in range(3, n)]]
        found = [{"causal": causal, "positions": positions} for causal in (True, False) for positions in (True, False)]
        found += [{"cuts": some} for some in cuts] + [{"cuts": cuts[0] + cuts[2], "positions": False}]
        return found + [{"cuts": [(0, head, 1, n - 1)] + cuts[1], "causal": False}]

    def check(self, text, model, ids):
        logits = [self.compare(text, model, ids, **switches)["logits"] for switches in self.switches(model, len(ids))]
        for i, some in enumerate(logits):  # each switch makes a difference
            self.assertFalse(any(np.allclose(some[-1], other[-1], 1e-6, 1e-6) for other in logits[:i]
                                 if model.layers > 1), "switches %d" % i)
        self.compare(text, model, ids, piece=3, cuts=self.switches(model, len(ids))[6]["cuts"])

    def test_potion(self):
        text, model = self.open(POTION)
        self.check(text, model, text.encode("Sarah lies still on the bed, feeling"))
        self.compare(text, model, text.encode("The boy lies to his teacher, feeling"))

    def test_random_models(self):
        for name in RANDOM:
            with self.subTest(name):
                folder = os.path.join(HERE, "fixtures", "models", name)
                text, model = self.open(folder)
                ids = np.fromfile(os.path.join(folder, "ids.bin"), np.int32)[:LONGEST].tolist()
                self.check(text, model, ids)

    def test_sees_nothing(self):
        """A word that is cut from all gets no weights and an empty flask."""
        text, model = self.open(os.path.join(HERE, "fixtures", "models", "gpt2-f32"))
        self.compare(text, model, [5, 6, 7], cuts=[(-1, 1, 2, key) for key in range(3)])

    def test_the_oracle_is_the_other_one(self):
        """The logits that fixtures/make_models.py computed with torch."""
        for name in RANDOM:
            folder = os.path.join(HERE, "fixtures", "models", name)
            model, ids = oracle_gpt.Model(folder), np.fromfile(os.path.join(folder, "ids.bin"), np.int32).tolist()
            wanted = np.fromfile(os.path.join(folder, "logits.bin"), np.float32).reshape(len(ids), -1)
            self.near(model.run(ids)["logits"], wanted, name)


if __name__ == "__main__":
    unittest.main()
