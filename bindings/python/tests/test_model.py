# SPDX-License-Identifier: BSD-2-Clause
"""Models, sessions and text, compared with what the program `decoct` answers."""
import json
import shutil

import decoct
import pytest

from conftest import SARAH

TEXTS = [SARAH, "Sarah lies in the snow, feeling", "The boy lies to his teacher, feeling ____"]


def test_info(model):
    info = model.info
    assert (info.type, info.norm_order, info.heads * 8, info.d_model) == ("gpt2", "pre", 96, 96)
    assert info.parameters > 10 ** 6 and info.dtype == "bf16" and not info.space_after_words
    assert model.folder == decoct.default_model()


def test_models_by_name(model, monkeypatch, tmp_path):
    assert decoct.find_model("potion") == model.folder
    shutil.copytree(model.folder, tmp_path / "mine")
    with pytest.raises(decoct.FileError, match="mine"):
        decoct.find_model("mine")
    monkeypatch.setenv("DECOCT_MODEL_PATH", str(tmp_path))
    assert decoct.find_model("mine") == str(tmp_path / "mine")
    assert decoct.Model("mine").next(SARAH) == "tired"


@pytest.mark.parametrize("text", TEXTS)
def test_next(model, program, text):
    expected = json.loads(program("next", "--json", "--top", "5", text))["next"]
    found = model.predict(text, 5)
    assert [(one.id, one.text) for one in found] == [(one["id"], one["text"].strip()) for one in expected]
    for one, other in zip(found, expected):
        assert one.p == pytest.approx(other["p"], rel=1e-6)
    assert model.next(text) == found[0].text


def test_next_word(model):
    assert model.next(SARAH) == "tired"


@pytest.mark.parametrize("options", [dict(), dict(seed=7, temperature=1.5), dict(temperature=0.0),
                                     dict(top_k=0, top_p=0.9, seed=3, max_tokens=100)])
def test_generate(model, program, options):
    names = {"max_tokens": "--count"}
    given = [part for name, value in options.items()
             for part in (names.get(name, "--" + name.replace("_", "-")), str(value))]
    printed = program("generate", SARAH, *given)
    assert SARAH + model.generate(SARAH, **options) + "\n" == printed


def test_stream(model):
    pieces = list(model.stream(SARAH, 8, seed=2))
    assert len(pieces) > 1 and "".join(pieces) == model.generate(SARAH, 8, seed=2)
    stream = model.stream(SARAH)
    assert next(stream) == model.stream(SARAH).__next__()
    stream.close()  # in the middle
    assert list(model.stream(SARAH, 0)) == []
    with pytest.raises(decoct.ArgumentError, match="the text is empty"):
        model.generate(" ____")


def test_stream_gives_whole_characters(model, monkeypatch):
    """Tokens may be parts of a character."""
    parts = iter([b"\xc3", b"\xa9 \xf0", b"\x9f\x98", b"\x80", b"\xe6"])
    monkeypatch.setattr(model, "decode_bytes", lambda ids: next(parts))
    monkeypatch.setattr(model, "is_end", lambda token: False)
    assert list(model.stream("feeling", 5)) == ["\u00e9 ", "\U0001f600", "\N{REPLACEMENT CHARACTER}"]


def test_stream_fills_the_context(model):
    text = " the" * (model.info.context - 1) + " bed"
    assert len(model.encode(text)) == model.info.context
    assert len(list(model.stream(text, 100))) <= 1
    with pytest.raises(decoct.FullError):
        model.generate(text + " and")


@pytest.mark.parametrize("text", TEXTS[:2])
def test_why(model, program, text):
    expected = json.loads(program("why", "--json", text))["words"]
    found = model.why(text)
    assert len(found) >= len(expected) > 3
    for one, other in zip(found, expected):
        assert (one.word, one.number) == (other["word"], other["number"])
        assert one.effect == pytest.approx(other["effect"], rel=1e-5)
        assert one.answer.id == other["answer"][0]["id"]


def test_tokens(model):
    ids = model.encode(SARAH)
    assert model.decode(ids) == SARAH and model.decode_bytes(ids) == SARAH.encode()
    assert model.encode(SARAH.encode()) == ids and model.encode("") == []
    accents = "é 日本 \U0001f600"
    assert model.decode(model.encode(accents)) == accents
    assert model.decode(model.encode(accents)[:1]) == "\N{REPLACEMENT CHARACTER}"
    long = model.encode("feeling " * 500)
    assert model.decode(long) == "feeling " * 500
    assert sum(model.is_end(token) for token in range(model.info.vocabulary)) == 1
    with pytest.raises(decoct.ArgumentError, match="2000"):
        model.decode([model.info.vocabulary])


def test_sessions(model):
    ids = model.encode(SARAH)
    with model.session() as session:
        rows = session.eval(ids, all=True)
        assert rows.shape == (len(ids), model.info.vocabulary) and len(session) == len(ids)
        last = rows.tolist()[-1]
        session.truncate(3)
        session.feed(ids[3:-1])
        assert session.eval(ids[-1:]).tolist() == last  # any pieces, the same bits
        session.truncate(0)
        session.cut(len(ids) - 1, 2)
        changed = session.eval(ids)
        assert changed.tolist() != last
        session.truncate(0)
        session.uncut()
        session.cut(len(ids) - 1, 2, layer=3, head=1)
        assert session.eval(ids).tolist() not in (changed.tolist(), last)
    with model.session(2) as session:
        with pytest.raises(decoct.FullError):
            session.eval(ids)
        assert len(session) == 0


def test_switches(model):
    ids = model.encode(SARAH)
    with model.session() as plain:
        answer = plain.eval(ids).tolist()
    for switch in ("causal", "positions"):
        with model.session() as session:
            getattr(session, switch)(False)
            assert session.eval(ids).tolist() != answer
            with pytest.raises(decoct.ArgumentError):
                getattr(session, switch)(True)


def test_attention_of_a_session(model):
    np = pytest.importorskip("numpy")
    ids = model.encode(SARAH)
    with model.session() as session:
        session.keep_queries()
        session.feed(ids)
        weights = session.attention(11, 2)
    assert weights.shape == (len(ids), len(ids))
    assert np.allclose(weights.sum(1), 1, atol=1e-5) and not np.triu(weights, 1).any()


def test_profile(model):
    with model.session() as session:
        session.profile()
        session.feed(model.encode(SARAH))
        steps = session.steps()
        idle = session.idle(0)
        with pytest.raises(decoct.ArgumentError):
            session.idle(-1)
    assert 0 <= idle <= sum(step.seconds for step in steps) * (1 + 1e-9)
    assert {step.layer for step in steps} == set(range(-1, model.info.layers))
    assert any(step.name == "attention" and step.calls == 1 and step.flops > 0 for step in steps)


def test_trace_and_logit_lens(model):
    np = pytest.importorskip("numpy")
    ids, seen = model.encode(SARAH), []
    with model.session() as session:
        session.trace(seen.append)
        answer = session.eval(ids)
        count = len(seen)
        session.trace(None)
        session.truncate(0)
        session.feed(ids)
    assert len(seen) == count > 8 * model.info.layers
    residual = [step for step in seen if step.name == "residual"][-1]
    assert residual.layer == model.info.layers - 1 and residual.values.shape == (len(ids), model.info.d_model)
    lens = model.logits(residual.values[-1:])
    assert np.array_equal(lens[0], answer)
    assert np.array_equal(seen[-1].values[-1], answer)


def test_a_trace_of_rows_with_gaps():
    from decoct import _abi, _session
    import array
    wide = array.array("f", range(10))
    step = _abi.decoct_trace_step(name=b"up", rows=2, cols=3, stride=5, values=wide.buffer_info()[0])
    assert _session._copied(step).values.tolist() == [[0, 1, 2], [5, 6, 7]]


def test_an_exception_in_a_trace(model):
    def fail(step):
        raise KeyError(step.name)

    with model.session() as session:
        session.trace(fail)
        with pytest.raises(KeyError, match="embedding"):
            session.feed([1, 2])
        session.trace(None)
        session.feed([1, 2])


def test_sample():
    logits = [0.0, 3.0, 1.0, -1.0]
    assert decoct.sample(logits, temperature=0) == 1
    draws = [decoct.sample(logits, temperature=1.0, seed=5, position=i) for i in range(50)]
    assert draws == [decoct.sample(logits, temperature=1.0, seed=5, position=i) for i in range(50)]
    assert len(set(draws)) > 1
    assert {decoct.sample(logits, temperature=9.0, top_k=2, seed=i) for i in range(50)} == {1, 2}
    with pytest.raises(decoct.ArgumentError):
        decoct.sample([float("nan")] * 3)


def test_a_model_from_files(model):
    import os
    files = {}
    for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt"):
        with open(os.path.join(model.folder, name), "rb") as file:
            files[name] = file.read()
    with decoct.Model(files=files) as held:
        assert held.probabilities(SARAH).tolist() == model.probabilities(SARAH).tolist()
    descriptor = os.open(os.path.join(model.folder, "model.safetensors"), os.O_RDONLY)
    try:
        with decoct.Model(files={**files, "model.safetensors": descriptor}) as held:
            assert held.next(SARAH) == "tired"
    finally:
        os.close(descriptor)
    with pytest.raises(decoct.Error, match="config.json"):
        decoct.Model(files={"vocab.json": b"{}"})
    with pytest.raises(decoct.ArgumentError, match="not both"):
        decoct.Model("folder", files=files)


def test_block():
    np = pytest.importorskip("numpy")
    rng = np.random.default_rng(1)
    draw = lambda *shape: (0.3 * rng.standard_normal(shape)).astype(np.float32)
    d, heads, f = 24, 3, 40
    weights = dict(qkv=draw(d, 3 * d), proj=draw(d, d), up=draw(d, f), down=draw(f, d), norm1_gain=draw(d),
                   norm2_gain=draw(d), qkv_bias=draw(3 * d), up_bias=draw(f))
    x = draw(7, d)
    with decoct.Block(heads=heads, **weights) as block:
        cache = block.cache(10)
        y = block.forward(cache, x)
        assert len(cache) == 7
        with pytest.raises(decoct.FullError):
            block.forward(cache, x)
        assert len(cache) == 7
        cache.truncate(0)
        assert np.array_equal(np.concatenate([block.forward(cache, x[i:i + 1]) for i in range(7)]), y)
    # The same from the single operations.
    qkv = decoct.matmul(decoct.layer_norm(x, weights["norm1_gain"]), weights["qkv"], bias=weights["qkv_bias"])
    q, k, v = (qkv[:, i * d:(i + 1) * d].reshape(7, heads, d // heads).transpose(1, 0, 2) for i in range(3))
    mixed = decoct.attention(q, k, v, causal=True).transpose(1, 0, 2).reshape(7, d)
    h = x + decoct.matmul(np.ascontiguousarray(mixed), weights["proj"])
    up = decoct.gelu(decoct.matmul(decoct.layer_norm(h, weights["norm2_gain"]), weights["up"], bias=weights["up_bias"]))
    assert np.allclose(h + decoct.matmul(up, weights["down"]), y, atol=1e-5)
    with pytest.raises(decoct.ArgumentError, match=r"qkv has the shape \(24, 71\) instead of \(24, 72\)"):
        decoct.Block(heads=heads, **{**weights, "proj": draw(24, 25)[:, :24], "qkv": draw(24, 71)})
    with pytest.raises(decoct.ArgumentError, match="proj has gaps between its rows"):
        decoct.Block(heads=heads, **{**weights, "proj": draw(24, 25)[:, :24]})
