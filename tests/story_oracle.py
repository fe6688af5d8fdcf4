# SPDX-License-Identifier: BSD-2-Clause
"""What the page of `decoct story` must hold: its data again, computed from the weights in float64.

Only the texts and ids of the tokens come from the page; every other number is computed here. Ids in a list of
answers are the page's, and best() checks that they are the most probable ones. Needs numpy.
"""
import numpy

import oracle_gpt
from story_page import near

ARRAYS = ["token_vectors", "position_vectors", "positions_sum", "q", "k", "v", "scores", "weights", "mix",
          "projected", "after_attention", "after_ffn", "final"]
RUNS = {"with_positions": (True, {}), "straight_without_positions": (False, {"positions": False}),
        "shuffled_without_positions": (True, {"positions": False}),
        "shuffled_without_positions_and_mask": (True, {"positions": False, "causal": False}),
        "straight_without_positions_and_mask": (False, {"positions": False, "causal": False})}


def shares(scores):
    raised = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def distance(a, b):
    return float(numpy.abs(shares(a) - shares(b)).sum() / 2)


class Story:
    """expected: a tree like the page's data, of numbers only. wrong: what was found before any comparison."""

    def __init__(self, data, folder):
        self.data, self.wrong = data, []
        self.model = oracle_gpt.Model(folder)
        self.ids = [token["id"] for token in data["tokens"]]
        run = self.model.run(self.ids)
        self.logits, self.vocabulary = run["logits"], self.model.vocabulary
        last = len(self.ids) - 1
        self.expected = {name: run[name] for name in ARRAYS}
        self.expected.update(
            model=self.sizes(), tokens=self.tokens(), words=self.words(), focus=last, answer=self.best("answer", self.logits[last], data["answer"], 10),
            answer_rest={"max": self.logits[last].max(),
                         "log_sum": numpy.log(numpy.exp(self.logits[last] - self.logits[last].max()).sum())},
            heads_tell=self.heads(), influence=self.influence(), shuffled=self.shuffled())
        self.expected["opens"] = self.opens()
        self.through_the_layers(run)
        lifted = self.model.run(self.ids, causal=False)
        self.expected["lifted"] = {"weights": lifted["weights"],
                                   "answer": self.best("lifted", lifted["logits"][last], data["lifted"]["answer"], 5)}

    def best(self, where, scores, given, most):
        """The given tokens with their right numbers; they must be the most probable ones, in order."""
        p, ids = shares(scores), [item["id"] for item in given]
        if len(set(ids)) != len(ids) or len(ids) != min(most, len(p)):
            self.wrong.append("%s: tokens %s" % (where, ids))
        for before, after in zip(ids, ids[1:]):
            if scores[before] < scores[after] and not near(scores[before], scores[after]):
                self.wrong.append("%s: token %d before %d" % (where, before, after))
        others = numpy.delete(scores, ids)
        if len(others) and others.max() > scores[ids].min() and not near(others.max(), scores[ids].min()):
            self.wrong.append("%s: a token is missing" % where)
        found = [{"id": i, "p": p[i]} for i in ids]
        for item, i in zip(found, ids):
            item.update({"score": scores[i]} if "score" in given[0] else {})
        return found

    def sizes(self):
        m = self.model
        return {"layers": m.layers, "heads": m.heads, "head_dim": m.head_dim, "d_model": m.d_model,
                "d_ffn": m.d_ffn, "vocabulary": m.vocabulary, "context": m.context, "parameters": m.parameters}

    def tokens(self):
        """The words' tokens follow each other."""
        owners = [k for k, word in enumerate(self.data["words"]) for _ in range(word["count"])]
        return [{"id": i, "word": word} for i, word in zip(self.ids, owners)]

    def words(self):
        counts = [word["count"] for word in self.data["words"]]
        if sum(counts) != len(self.ids) or min(counts) < 1:
            self.wrong.append("words: %s tokens" % counts)
        return [{"first": sum(counts[:k]), "count": count} for k, count in enumerate(counts)]

    def heads(self):
        last = len(self.ids) - 1
        return numpy.array([[distance(self.logits[last], self.model.run(
            self.ids, cuts=[(layer, head, last, key) for key in range(last)])["logits"][last])
            for head in range(self.model.heads)] for layer in range(self.model.layers)])

    def opens(self):
        """With equal heads any of them is right."""
        given, effect = self.data["opens"], self.expected["heads_tell"]
        chosen = "--head" in self.data["command"]
        if not chosen and not near(effect[given["layer"], given["head"]], effect.max()):
            self.wrong.append("opens: not the largest of heads_tell")
        return {"layer": given["layer"], "head": given["head"]}

    def influence(self):
        last, found = len(self.ids) - 1, []
        for k, (word, given) in enumerate(zip(self.data["words"], self.data["influence"])):
            end = word["first"] + word["count"]
            cuts = [(-1, -1, query, key) for key in range(word["first"], end) for query in range(end, last + 1)]
            scores = self.model.run(self.ids, cuts=cuts)["logits"][last]
            found.append({"word": k, "effect": 100 * distance(self.logits[last], scores),
                          "answer": self.best("influence/%d" % k, scores, given["answer"], 3)})
        if len(found) != len(self.data["words"]) - 1:
            self.wrong.append("influence: %d words" % len(found))
        return found

    def shuffled(self):
        given, last = self.data["shuffled"], len(self.ids) - 1
        words = self.data["words"]
        order = [token for k in [*range(1, len(words) - 1, 2), *range(0, len(words) - 1, 2), len(words) - 1]
                 for token in range(words[k]["first"], words[k]["first"] + words[k]["count"])]
        found = {"order": order}
        for name, (moved, switches) in RUNS.items():
            ids = [self.ids[i] for i in order] if moved else self.ids
            scores = self.model.run(ids, **switches)["logits"][last]
            found[name] = self.best("shuffled/" + name, scores, given[name], 5)
        return found

    def through_the_layers(self, run):
        streams = [run["positions_sum"], *run["after_ffn"]]
        scores = [self.model.logits(stream) for stream in streams]
        before = [self.model.logits(stream) for stream in run["after_attention"]]
        for name, all_scores in (("lens", scores), ("lens_before_ffn", before)):
            self.expected[name] = [
                [self.best("%s/%d/%d" % (name, layer, i), position, self.data[name][layer][i], 5)
                 for i, position in enumerate(stage)] for layer, stage in enumerate(all_scores)]
        ids = [token["id"] for token in self.data["rise"]["tokens"]]
        first = [int(stage[-1].argmax()) for stage in scores]
        if ids[:3] != [item["id"] for item in self.data["answer"][:3]] or len(set(ids)) != len(ids) or len(ids) > 6:
            self.wrong.append("rise: tokens %s" % ids)
        if not set(ids[3:]) <= {item["id"] for stage in self.data["lens"] for item in stage[-1][:1]}:
            self.wrong.append("rise: %s are not the first ones of layers, %s" % (ids[3:], first))
        self.expected["rise"] = {"tokens": [{"id": i} for i in ids],
                                 "p": numpy.array([shares(stage[-1])[ids] for stage in scores])}


def differences(data, wanted, path=""):
    """Lines about each number of the data that is not the expected one; texts are not compared."""
    if isinstance(wanted, numpy.ndarray):
        if not isinstance(data, numpy.ndarray) or data.shape != wanted.shape:
            return ["%s: not an array %s" % (path, wanted.shape)]
        bad = numpy.argwhere(~near(data, wanted))
        return ["%s: %d of %d differ, [%s] is %r, not %r" % (
            path, len(bad), wanted.size, "/".join(map(str, bad[0])), data[tuple(bad[0])], wanted[tuple(bad[0])])] if len(bad) else []
    if isinstance(wanted, dict):
        numbers = {name for name, value in data.items() if not isinstance(value, str) and name not in ("notes", "text")}
        lines = ["%s: %s" % (path, sorted(numbers ^ set(wanted)))] if numbers != set(wanted) else []
        return lines + [line for name in numbers & set(wanted)
                        for line in differences(data[name], wanted[name], path + "/" + name)]
    if isinstance(wanted, list):
        lines = ["%s: %d of %d" % (path, len(data), len(wanted))] if len(data) != len(wanted) else []
        return lines + [line for k, (a, b) in enumerate(zip(data, wanted)) for line in differences(a, b, "%s/%d" % (path, k))]
    same = data == wanted if isinstance(data, int) else near(float(data), float(wanted))
    return [] if same else ["%s: %r, not %r" % (path, data, wanted)]


def check(data, folder):
    """(Story, [what is wrong])"""
    story = Story(data, folder)
    return story, story.wrong + differences(data, story.expected)
