# SPDX-License-Identifier: BSD-2-Clause
# `decoct peers` where no peer is installed: test_peers.py PATH-OF-DECOCT FOLDER, with a library in
# FOLDER that acts as OpenBLAS. Rows, figures and exit codes; no timing is judged.
import datetime
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

import terminal

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.abspath(sys.argv.pop(2))
DECOCT = os.path.abspath(sys.argv.pop(1))
QUICK = ("--rounds", "3", "--turn", "0.0005", "--folder", "/nonexistent", "--peers", "openblas")


def peers(*args, found=True, **variables):
    env = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
    env.update(variables)
    if found:
        env["LD_LIBRARY_PATH"] = FOLDER
    done = subprocess.run([DECOCT, "peers", *args], stdin=subprocess.DEVNULL, text=True, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    return done.returncode, done.stdout, done.stderr


def figures(*args, **variables):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "peers.json")
        code, out, err = peers(*QUICK, "--json", path, *args, **variables)
        with open(path) as file:
            return code, json.load(file)


def table(run):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "peers.json")
        with open(path, "w") as file:
            json.dump(run, file)
        return subprocess.run([sys.executable, os.path.join(HERE, "..", "bench", "peers", "table.py"), path],
                              stdout=subprocess.PIPE, text=True, check=True).stdout


def limited(*args, **variables):
    """One row of peers that are limited to AVX2; skips the test where this CPU or build lacks it."""
    row = ("--op", "plain", "--filter", "m:16/", "--peers-isa", "avx2", *args)
    code, out, err = peers(*QUICK, *row, **variables)
    for reason in "this CPU has no AVX2", "no backend has this name":
        if reason in err:
            raise unittest.SkipTest(reason)
    return figures(*row, **variables)


def longer_model(source, target, positions):
    """A copy of a folder of 16-bit tensors that has more positions, all zero."""
    shutil.copytree(source, target)
    with open(os.path.join(source, "model.safetensors"), "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    header.pop("__metadata__", None)
    name, = (name for name in header if name.endswith("wpe.weight"))
    shape = [positions, header[name]["shape"][1]]
    size = 2 * shape[0] * shape[1]
    header[name].update(shape=shape, data_offsets=[len(data), len(data) + size])
    at, parts = 0, []
    for tensor in header.values():
        begin, end = tensor["data_offsets"]
        parts.append(data[begin:end].ljust(end - begin, b"\0"))
        tensor["data_offsets"] = [at, at + end - begin]
        at += end - begin
    text = json.dumps(header).encode()
    with open(os.path.join(target, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
    with open(os.path.join(target, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    with open(os.path.join(target, "config.json"), "w", encoding="utf-8") as file:
        json.dump({**config, "n_positions": positions, "n_ctx": positions}, file)


class Rows(unittest.TestCase):
    def test_list(self):
        code, out, err = peers("--list")
        names = [line for line in out.splitlines() if "/" in line and ":" in line.split("/")[1]]
        self.assertEqual(code, 0)
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("matmul/m:512/n:2304/k:768", names)
        self.assertIn("attention/heads:12/head_dim:64/q_len:1/kv_len:32768", names)

    def test_decode_is_cold_and_one_query(self):
        code, out, err = peers("--list", "--op", "decode")
        rows = [line for line in out.splitlines() if line.startswith(("cold/", "attention/"))]
        self.assertEqual({row.split("/")[0] for row in rows}, {"cold", "attention"})
        self.assertEqual([row for row in rows if "q_len" in row and "/q_len:1/" not in row], [])

    def test_op(self):
        for op in "matmul", "plain", "batch", "cold", "softmax", "attention":
            code, out, err = peers("--list", "--op", op)
            self.assertEqual({line.split("/")[0] for line in out.splitlines() if re.match(r"[a-z]+/\w+:", line)}, {op})

    def test_filter(self):
        code, out, err = peers("--list", "--op", "matmul", "--filter", "m:16/n:16")
        self.assertEqual([line for line in out.splitlines() if line.startswith("matmul/")],
                         ["matmul/m:16/n:16/k:16"])

    def test_caches_batches_and_blas(self):
        code, out, err = peers("--list", "--op", "attention,batch,plain,blas")
        for name in ("attention/heads:12/head_dim:64/q_len:1/kv_len:4096/cache:by_head", "batch/count:256/m:16/n:16/k:16",
                     "attention/heads:12/head_dim:64/q_len:8/kv_len:32768", "plain/m:2/n:2304/k:768",
                     "attention/heads:32/kv_heads:8/head_dim:128/q_len:1/kv_len:32768",
                     "attention/heads:32/kv_heads:8/head_dim:128/q_len:8/kv_len:4096/cache:by_head",
                     "attention/heads:1/head_dim:64/q_len:1/kv_len:32768",
                     "attention/heads:1/head_dim:128/q_len:1/kv_len:32768",
                     "attention/heads:12/head_dim:80/q_len:512/kv_len:512",
                     "attention/heads:12/head_dim:96/q_len:512/kv_len:512",
                     "batch/count:256/m:32/n:32/k:32", "batch/count:256/m:64/n:64/k:64"):
            self.assertIn(name, out.splitlines())
        blas = [line for line in out.splitlines() if line.startswith("blas/")]
        self.assertEqual(blas, ["blas/m:%d/n:%d/k:%d" % (n, n, n) for n in (64, 128, 256, 512, 1024)]
                         if not re.search("(?m)^decoct-blas +missing", out) else [])

    def test_drawn_rows(self):
        def drawn(*more):
            code, out, err = peers("--list", "--random", "12", *more)
            self.assertEqual(code, 0, err)
            return out[out.index("Rows drawn with --seed "):].splitlines()
        first, again, other = drawn("--seed", "2026-11-26"), drawn("--seed", "2026-11-26"), drawn("--seed", "2026-11-27")
        self.assertEqual((first, first[0], len(first)), (again, "Rows drawn with --seed 2026-11-26", 13))
        self.assertNotEqual(first[1:], other[1:])
        self.assertNotEqual(first[1:], drawn("--seed", "2026-11-62")[1:])  # every character, where it is
        self.assertNotEqual(first[1:], drawn("--seed", "3026-11-26")[1:])
        self.assertRegex(drawn()[0], r"^Rows drawn with --seed \d{4}-\d\d-\d\d$")
        before = datetime.date.today()
        today = drawn()
        self.assertIn(today, [drawn("--seed", day.isoformat()) for day in (before, datetime.date.today())])
        self.assertEqual({line.split("/")[0] for line in drawn("--op", "cold,softmax")[1:]}, {"cold", "softmax"})


class Figures(unittest.TestCase):
    def test_row(self):
        code, all = figures("--op", "plain", "--filter", "m:16/")
        self.assertEqual(code, 0)
        row, = all["rows"]
        self.assertEqual((row["op"], row["shape"], row["dtype"], row["threads"], row["unit"]),
                         ("plain", "m:16/n:16/k:16", "f32", 1, "GFLOP/s"))
        self.assertEqual(row["best_peer"], "openblas")
        self.assertGreater(row["ours"], 0)
        self.assertGreater(row["peers"]["openblas"], 0)
        self.assertGreater(row["pct_of_peak"], 0)
        self.assertLessEqual(row["ratio_low"], row["ratio_to_best"])
        self.assertLessEqual(row["ratio_to_best"], row["ratio_high"])
        found = all["context"]["peers"]["openblas"]
        self.assertEqual((found["found"], found["note"]), (True, "Not OpenBLAS; core Pretender"))
        self.assertIn("cpu", all["context"]["machine"])
        self.assertEqual([all["context"][key] for key in ("planned", "complete", "interrupted", "not_measured")],
                         [1, True, False, []])

    def test_our_own_blas(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "peers.json")
            code, out, err = peers(*QUICK[:-1], "openblas,decoct-blas", "--op", "plain,matmul", "--filter",
                                   "m:(16/n:16/|1/n:768/k:768)", "--threads", "1,2", "--json", path)
            self.assertEqual(code, 0, err)
            with open(path) as file:
                all = json.load(file)
        if not all["context"]["peers"]["decoct-blas"]["found"]:
            self.skipTest("this build has no libdecoct-blas")
        self.assertEqual(len(all["rows"]), 8)
        for row in all["rows"]:
            self.assertGreater(row["peers"]["decoct-blas"], 0)
            self.assertEqual((row["best_peer"], row["notes"]), ("openblas", {}))

    def test_a_batch(self):
        code, all = figures("--op", "batch", "--filter", "m:16/")
        row, = all["rows"]
        self.assertEqual((code, row["op"], row["shape"], row["best_peer"], row["notes"]),
                         (0, "batch", "count:256/m:16/n:16/k:16", "openblas", {}))
        code, all = figures("--op", "batch", "--filter", "m:16/", DECOCT_TEST_WRONG="1")
        self.assertEqual(code, 12)

    def test_the_blas_as_our_side(self):
        code, all = figures("--op", "blas", "--filter", "m:64/")
        if code == 14:
            self.skipTest("this build has no libdecoct-blas")
        row, = all["rows"]
        self.assertEqual((code, row["op"], row["best_peer"], row["notes"]), (0, "blas", "openblas", {}))

    def test_drawn_rows_are_measured(self):
        code, all = figures("--op", "softmax,batch", "--random", "6", "--seed", "8")
        self.assertEqual((code, all["context"]["seed"], len(all["rows"])), (0, "8", 6))
        self.assertGreater(sum(row["op"] == "batch" for row in all["rows"]), 2)  # our peer has no softmax
        for kind in {row["op"] for row in all["rows"]}:
            rows = [row for row in all["rows"] if row["op"] == kind]
            judged = [row["ratio_to_best"] for row in rows if row.get("judged")]
            self.assertEqual(all["context"]["unjudged"][kind], sum(row.get("judged") is False for row in rows))
            others = [row["ratio_to_best"] for row in rows if row.get("judged") is False]
            for key, ratios in (("worst", judged), ("unjudged_worst", others)):
                self.assertEqual(key in all["context"] and kind in all["context"][key], bool(ratios))
                if ratios:
                    self.assertEqual(all["context"][key][kind]["ratio_to_best"], min(ratios))

    def test_one_row_goes_through_sgemv(self):
        code, all = figures("--op", "matmul", "--filter", "m:1/n:768/k:768")
        self.assertEqual((code, all["rows"][0]["unit"]), (0, "GB/s"))

    def test_weights_of_other_types(self):
        with open(os.path.join(HERE, "..", "include", "decoct", "dtypes.def"), encoding="utf-8") as file:
            names = re.findall(r"^DECOCT_DTYPE\(\w+, (\w+), 16, 1,", file.read(), re.M)
        code, all = figures("--op", "matmul,cold", "--filter", "m:1/n:2304/k:768")
        self.assertEqual((code, [r["op"] for r in all["rows"] if r["dtype"] == "f32"]), (0, ["matmul", "cold"]))
        for name in names:
            rows = [r for r in all["rows"] if r["dtype"] == name]
            self.assertEqual([(r["op"], r["shape"], list(r["served_by"]), r["best_peer"]) for r in rows],
                             [(op, "m:1/n:2304/k:768/dtype:" + name, ["matmul_" + name], "openblas")
                              for op in ("matmul", "cold")])

    def test_a_model_of_16_bits(self):
        with tempfile.TemporaryDirectory() as folder:
            longer_model(os.path.join(HERE, "fixtures", "models", "gpt2-f16"), os.path.join(folder, "decoct"), 1024)
            code, all = figures("--model", folder)
        self.assertEqual(code, 0)
        self.assertEqual({(r["op"], r["dtype"]) for r in all["rows"]}, {("prefill", "f16"), ("decode", "f16")})
        for row in all["rows"]:
            self.assertEqual([name for name in row["served_by"] if "matmul" in name], ["matmul_f16"])

    def test_what_a_peer_does_not_offer(self):
        code, all = figures("--op", "softmax", "--filter", "cols:16$")
        self.assertEqual((code, all["rows"][0]["peers"], all["rows"][0]["best_peer"]), (0, {}, None))

    def test_one_query(self):
        code, all = figures("--op", "attention", "--filter", "q_len:1/kv_len:512")
        self.assertEqual((code, all["rows"][0]["unit"]), (0, "GB/s"))

    def test_backends_and_threads(self):
        code, all = figures("--op", "plain", "--filter", "m:16/", "--backend", "scalar",
                            "--threads", "1,2")
        self.assertEqual([(r["backend"], r["threads"]) for r in all["rows"]],
                         [("scalar", 1), ("scalar", 2)])

    def test_who_served(self):
        code, all = figures("--op", "plain", "--filter", "m:16/", "--backend", "scalar")
        self.assertEqual([(r["backend"], r["served_by"]) for r in all["rows"]],
                         [("scalar", {"matmul": "scalar"})])
        code, all = figures("--op", "softmax,attention", "--filter", "cols:16$|head_dim:64/q_len:1/kv_len:512$",
                            DECOCT_BACKEND="scalar")
        self.assertEqual([(r["backend"], r["served_by"]) for r in all["rows"]],
                         [("scalar", {"softmax": "scalar"}), ("scalar", {"attention": "scalar"})])

    def test_a_rejected_kernel_is_an_error(self):
        plugin = os.path.join(FOLDER, "..", "plugin", "single", "softmax_wrong.so")
        row = ("--op", "softmax", "--filter", "cols:16$", "--backend", "mine")
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(plugin, folder)
            code, out, err = peers(*QUICK, *row, DECOCT_BACKEND_PATH=folder)
            if "no backend has this name" in err:
                self.skipTest("this build loads no plugins")
            self.assertEqual(code, 12, err)
            self.assertRegex(err, "'mine' .*softmax.*--allow-fallback")
            code, all = figures(*row, "--allow-fallback", DECOCT_BACKEND_PATH=folder)
            self.assertEqual(code, 0)
            self.assertEqual(all["rows"][0]["backend"], "mine")
            self.assertNotEqual(all["rows"][0]["served_by"], {"softmax": "mine"})

    def test_a_wrong_result_is_seen(self):
        code, all = figures("--op", "plain", "--filter", "m:16/", DECOCT_TEST_WRONG="1")
        row, = all["rows"]
        self.assertEqual((code, row["best_peer"]), (12, None))
        self.assertIn("times as far from ours as allowed", row["notes"]["openblas"])

    def test_the_newest_one_wins(self):
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "pypi", "openblas"))
            shutil.copy(os.path.join(FOLDER, "libscipy_openblas.so"), os.path.join(folder, "pypi", "openblas"))
            path = os.path.join(folder, "peers.json")
            for asked, notes in (("openblas", {"openblas": "Newer"}),
                                 ("openblas,openblas-debian", {"openblas": "Newer", "openblas-debian": "Not OpenBLAS"})):
                code, out, err = peers("--rounds", "2", "--turn", "0.0005", "--folder", folder, "--peers", asked,
                                       "--op", "plain", "--filter", "m:16/", "-o", path)
                self.assertEqual(code, 0, err)
                with open(path) as file:
                    all = json.load(file)
                self.assertEqual({name: p["note"].partition(";")[0] for name, p in all["context"]["peers"].items()}, notes)
                self.assertEqual(set(all["rows"][0]["peers"]), set(notes))
        code, out, err = peers("--list", "--folder", "/nonexistent")
        self.assertNotIn("openblas-debian", out)
        self.assertRegex(out, r"(?m)^mkl +missing: ")

    def test_a_build_for_this_cpu(self):
        """It comes before npm's, and one that cannot be opened is not passed over in silence."""
        def note(*args):
            code, out, err = peers("--list", "--folder", folder, "--peers", "llama.cpp,llama.cpp-npm", *args)
            self.assertEqual(code, 0, err)
            return re.findall(r"(?m)^(llama\.cpp\S*) +missing: (.*)$", out)
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "native"))
            with open(os.path.join(folder, "native", "libggml-cpu.so"), "w") as file:
                file.write("not a library")
            (name, broken), (old, absent) = note()
            self.assertEqual((name, old), ("llama.cpp", "llama.cpp-npm"))
            self.assertIn("native/libggml-cpu.so", broken)
            self.assertIn("bench/peers/install", absent)
            code, out, err = peers("--list", "--peers-isa", "avx2")
            if "this CPU has no AVX2" not in err:
                self.assertEqual([text for name, text in note("--peers-isa", "avx2")], [absent, absent])

    def test_only_the_variant_for_avx2(self):
        with tempfile.TemporaryDirectory() as folder:
            bins = os.path.join(folder, "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64")
            os.makedirs(bins)
            for name in "haswell", "skylakex":
                with open(os.path.join(bins, "libggml-cpu-%s.so" % name), "w") as file:
                    file.write("not a library")
            asked = ("--list", "--folder", folder, "--peers", "llama.cpp-npm")
            self.assertIn("there is no libggml-cpu-*.so for this CPU in ", peers(*asked)[1])
            code, out, err = peers(*asked, "--peers-isa", "avx2")
            if "this CPU has no AVX2" not in err:
                self.assertIn("there is no libggml-cpu-haswell.so for this CPU in ", out)

    def test_unpacked_wheels(self):
        unpack = os.path.join(HERE, "..", "bench", "peers", "unpack.py")
        wheels = {"mkl-1": ["rt.so.3", "core.so.3", "intel_lp64.so.3", "intel_thread.so.3", "def.so.3", "avx2.so.3",
                            "avx512.so.3", "vml_def.so.3"],
                  "intel_openmp-1": ["libiomp5.so"], "scipy_openblas32-1": ["libscipy_openblas.so"],
                  "onnxruntime-1": ["libonnxruntime.so.1.32.0"], "onednn_cpu_gomp-1": ["libdnnl.so", "libdnnl.so.3"],
                  "openvino-1": ["libopenvino_c.so.2641", "libopenvino.so.2641", "libopenvino_ir_frontend.so.2641",
                                 "libopenvino_intel_cpu_plugin.so", "libopenvino_intel_gpu_plugin.so", "libtbb.so.12"]}
        with tempfile.TemporaryDirectory() as folder:
            for name, members in wheels.items():
                with zipfile.ZipFile(os.path.join(folder, name + "-py3.whl"), "w") as file:
                    for member in members:
                        member = member if member.startswith("lib") else "libmkl_" + member
                        file.writestr("deep/lib/" + member, member)
            target = os.path.join(folder, "to")
            subprocess.run([sys.executable, unpack, "wheels", folder, target], check=True)
            found = sorted(os.path.relpath(os.path.join(place, name), target)
                           for place, inner, names in os.walk(target) for name in names)
            self.assertEqual(found, ["mkl/libiomp5.so", "mkl/libmkl_avx2.so.3", "mkl/libmkl_avx512.so.3",
                                     "mkl/libmkl_core.so.3", "mkl/libmkl_def.so.3", "mkl/libmkl_intel_lp64.so.3",
                                     "mkl/libmkl_intel_thread.so.3", "mkl/libmkl_rt.so", "onednn/libdnnl.so.3",
                                     "onnxruntime/libonnxruntime.so.1", "openblas/libscipy_openblas.so",
                                     "openvino/libopenvino.so.2641", "openvino/libopenvino_c.so",
                                     "openvino/libopenvino_intel_cpu_plugin.so",
                                     "openvino/libopenvino_ir_frontend.so.2641", "openvino/libtbb.so.12"])
            os.remove(os.path.join(folder, "mkl-1-py3.whl"))
            shutil.rmtree(target)
            done = subprocess.run([sys.executable, unpack, "wheels", folder, target], stderr=subprocess.PIPE, text=True)
            self.assertIn("no wheel mkl-* in", done.stderr)
            self.assertEqual(sorted(os.listdir(target)), ["mkl", "onednn", "onnxruntime", "openblas", "openvino"])
            self.assertNotEqual(done.returncode, 0)

    def test_a_process_for_each_library(self):
        code, all = figures("--op", "plain", "--filter", "m:16/", "--threads", "2")
        row, = all["rows"]
        self.assertEqual(sorted(row["sleep"]), ["decoct", "openblas"])
        self.assertFalse(row["sleep"]["openblas"]["stopped"])
        for used in row["machine"], all["context"]["machine_used"]:
            self.assertAlmostEqual(100, used["idle_pct"] + used["steal_pct"] + used["others_pct"], delta=100)
            self.assertGreater(used["seconds"], 0)

    def test_threads_that_do_not_sleep_are_stopped(self):
        code, all = figures("--op", "plain", "--filter", "m:16/", DECOCT_TEST_PEER="spin")
        row, = all["rows"]
        self.assertEqual((code, row["best_peer"], row["sleep"]["openblas"]["stopped"],
                          row["sleep"]["decoct"]["stopped"]), (0, "openblas", True, False))
        code, out, err = peers(*QUICK, "--op", "plain", "--filter", "m:16/", DECOCT_TEST_PEER="spin")
        self.assertIn("    openblas: its threads do not sleep after a turn, so they were stopped\n", out)

    def test_a_crash_costs_the_peer_its_row(self):
        for how in ("crash", "crash later"):
            code, all = figures("--op", "plain", "--filter", "m:(16|32)/", DECOCT_TEST_PEER=how)
            self.assertEqual((code, [r["shape"] for r in all["rows"]]), (0, ["m:16/n:16/k:16", "m:32/n:32/k:32"]))
            for row in all["rows"]:
                self.assertEqual((row["peers"], row["best_peer"]), ({}, None))
                self.assertRegex(row["notes"]["openblas"], r"^its process died by signal 11 \(.*\)$")
                self.assertGreater(row["ours"], 0)
        code, out, err = peers(*QUICK, "--op", "plain", "--filter", "m:16/", DECOCT_TEST_PEER="crash later")
        self.assertIn("    openblas: its process died by signal 11", out)

    def test_a_peer_that_hangs(self):
        code, all = figures("--op", "plain", "--filter", "m:16/", "--limit", "3", DECOCT_TEST_PEER="hang")
        row, = all["rows"]
        self.assertEqual((code, row["peers"], row["notes"]["openblas"]),
                         (0, {}, "it took longer than 3 seconds (--limit)"))

    def test_wide_intervals_cannot_be_judged(self):
        code, all = figures("--op", "plain", "--filter", "m:16/")
        row, = all["rows"]
        narrow = 0.95 * row["ratio_to_best"] <= row["ratio_low"] and row["ratio_high"] <= 1.05 * row["ratio_to_best"]
        self.assertEqual(row["judged"], narrow)

    def test_limited_peers(self):
        code, all = limited()
        context, (row,) = all["context"], all["rows"]
        self.assertEqual((code, context["peers_isa"], row["backend"], row["best_peer"]), (0, "avx2", "avx2", "openblas"))
        self.assertEqual({key: context["peers"]["openblas"][key] for key in ("found", "note", "limited_by")},
                         {"found": True, "note": "Not OpenBLAS; core Haswell", "limited_by": "OPENBLAS_CORETYPE=Haswell"})
        self.assertEqual(limited("--backend", "scalar")[1]["rows"][0]["backend"], "scalar")
        self.assertEqual(limited(DECOCT_BACKEND="scalar")[1]["rows"][0]["backend"], "scalar")

    def test_the_limit_is_that_of_the_rows(self):
        code, all = limited(DECOCT_TEST_PEER="wide")
        self.assertEqual((code, all["rows"][0]["best_peer"], all["rows"][0]["notes"]), (0, "openblas", {}))
        self.assertEqual(figures("--op", "plain", "--filter", "m:16/", DECOCT_TEST_PEER="wide")[0], 12)

    def test_a_limit_that_is_not_taken(self):
        code, all = limited(DECOCT_TEST_PEER="stubborn")
        self.assertEqual((code, all["rows"][0]["peers"]), (0, {}))
        found = all["context"]["peers"]["openblas"]
        self.assertEqual((found["found"], found["note"]),
                         (False, "OPENBLAS_CORETYPE=Haswell does not limit it to AVX2: it reports Pretender"))
        self.assertNotIn("limited_by", found)

    def test_peers_are_as_wide_as_they_can_be(self):
        code, all = figures("--op", "plain", "--filter", "m:16/", OPENBLAS_CORETYPE="Haswell")
        self.assertEqual(all["context"]["peers"]["openblas"]["note"], "Not OpenBLAS; core Pretender")
        self.assertNotIn("peers_isa", all["context"])
        self.assertNotIn("limited_by", all["context"]["peers"]["openblas"])

    def test_peers_without_a_limit_are_left_out(self):
        code, out, err = peers("--list", "--folder", "/nonexistent", "--peers-isa", "avx2",
                               "--peers", "xnnpack,onnxruntime,openblas,mkl")
        if "this CPU has no AVX2" in err:
            self.skipTest("this CPU has no AVX2")
        for name in "xnnpack", "onnxruntime":
            self.assertRegex(out, r"(?m)^%s +left out: it has no documented setting that limits it to AVX2$" % name)
        self.assertIn("The peers are limited to AVX2", out)
        self.assertRegex(out, r"(?m)^openblas +Not OpenBLAS; core Haswell \(OPENBLAS_CORETYPE=Haswell\)$")

    def test_table(self):
        row = {"op": "plain", "shape": "m:16/n:16/k:16", "threads": 1, "ours": 10.0, "unit": "GFLOP/s",
               "pct_of_peak": 50.0, "best_peer": "openblas", "peers": {"openblas": 8.0, "blis": 4.0}, "notes": {},
               "ratio_to_best": 1.25, "ratio_low": 1.24, "ratio_high": 1.26, "judged": True}
        context = {"machine_used": {"seconds": 12.0, "idle_pct": 40.0, "steal_pct": 1.0, "others_pct": 2.5},
                   "peers": {"openblas": {"found": True, "note": "Not OpenBLAS"}, "blis": {"found": False, "note": "x"}}}
        text = table({"context": context, "rows": [row, {**row, "judged": False}]})
        lines = text.splitlines()
        self.assertIn("| plain m:16 n:16 k:16 | 1 | 10 GFLOP/s | 50 % | 1.25 [1.24, 1.26] | openblas 8 | blis 4 |", lines)
        self.assertIn("cannot be judged (1.25 [1.24, 1.26])", text)
        self.assertIn("openblas: Not OpenBLAS", text)
        self.assertIn("Missing: blis (x)", text)
        self.assertIn("idle for 40.0 %", text)
        self.assertNotIn("limited", text)

    def test_table_of_drawn_rows(self):
        row = {"op": "plain", "shape": "m:16/n:17/k:18", "best_peer": "openblas", "ratio_to_best": 0.75,
               "ratio_low": 0.74, "ratio_high": 0.76}
        wide = {**row, "op": "batch", "ratio_to_best": 0.5, "ratio_low": 0.25}
        context = {"seed": "x", "peers": {}, "worst": {"plain": row}, "unjudged": {"batch": 2, "plain": 1},
                   "unjudged_worst": {"batch": wide}}
        self.assertEqual(table({"context": context, "rows": []}).splitlines()[-2:], [
            "The rows were drawn with `--seed x`; the worst ratio of each kind: "
            "plain 0.75 [0.74, 0.76] of openblas (m:16 n:17 k:18).",
            "3 rows cannot be judged; the lowest of each kind: batch 0.50 [0.25, 0.76] of openblas (m:16 n:17 k:18)."])

    def test_what_drawn_rows_print(self):
        code, out, err = peers(*QUICK, "--op", "batch", "--random", "2", "--seed", "7")
        self.assertEqual(code, 0, err)
        line = r"  batch +\d+\.\d\d \[\S+, \S+\] of openblas: count:\d+/m:\d+/n:\d+/k:\d+"
        self.assertRegex(out, r"\nThe worst ratio of each kind:\n(%s\n)?(%s, (cannot be judged|the lowest of 2 that cannot "
                              r"be judged)\n)?\n" % (line, line))
        self.assertRegex(out, "(?m)^" + line)

    def test_table_of_limited_peers(self):
        context = {"peers_isa": "avx2", "peers": {
            "openblas": {"found": True, "note": "x", "limited_by": "OPENBLAS_CORETYPE=Haswell"},
            "xnnpack": {"found": False, "note": "y"}}}
        self.assertEqual(table({"context": context, "rows": []}).splitlines()[0],
                         "**All peers are limited to AVX2**: openblas (`OPENBLAS_CORETYPE=Haswell`). Left out: xnnpack.")

    def test_nobody_there(self):
        code, out, err = peers(*QUICK[:-1], "libxsmm", "--op", "plain", "--filter", "m:16/",
                               found=False)
        self.assertEqual(code, 0)
        self.assertIn("libxsmm      missing: ", out)


class Progress(unittest.TestCase):
    def test_line(self):
        """Between rows, from the second one on if the first has taken more than 2 seconds."""
        master, slave = pty.openpty()
        run = subprocess.Popen([DECOCT, "peers", "--rounds", "3", "--turn", "0.25", "--folder", "/nonexistent",
                                "--op", "softmax", "--filter", "cols:(16|64)$"], stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=slave)
        os.close(slave)
        out = run.stdout.read()
        run.stdout.close()
        text = terminal.read_all(master).decode()
        self.assertEqual(run.wait(timeout=600), 0)
        self.assertRegex(text, r"^\r\x1b\[K1/2, \d+ s left  softmax/rows:4096/cols:64, 1 thread\r\x1b\[K$")
        self.assertEqual(len(re.findall("(?m)^softmax", out)), 2)


def children(parent):
    """{pid: state} of the processes that a process has started."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
                state, father = file.read().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended
            continue
        if int(father) == parent:
            found[int(name)] = state
    return found


def lives(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Interrupts(unittest.TestCase):
    """Ctrl-C and SIGTERM: sent when the output, or /proc, shows that the right place is reached."""
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "peers.json")

    def start(self, how, *args):
        env = {k: v for k, v in os.environ.items() if not k.startswith("DECOCT_")}
        env.update(LD_LIBRARY_PATH=FOLDER, DECOCT_TEST_PEER=how)
        run = subprocess.Popen([DECOCT, "peers", *QUICK, "--limit", "86400", "--op", "plain", "-o", self.path, *args],
                               stdin=subprocess.DEVNULL, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        return run

    def wait_until(self, true, run):
        for i in range(30000):
            if true():
                return
            self.assertIsNone(run.poll(), "it ended too early")
            time.sleep(0.01)
        self.fail("this did not come")

    def hanging(self, *args):
        """A run in whose row of 32 rows the peer hangs; what it has printed, and its processes."""
        run = self.start("hang at 32", *args)
        text = ""
        while "the peer hangs\n" not in text:
            line = run.stdout.readline()
            self.assertTrue(line, text)
            text += line
        return run, text, children(run.pid)

    def test_what_was_measured_is_written(self):
        for number in signal.SIGINT, signal.SIGTERM:
            run, text, processes = self.hanging("--filter", "m:(16|32|64)/n:(16|32|64)/", "--backend", "scalar")
            self.assertEqual(len(processes), 2)
            run.send_signal(number)
            text += run.communicate(timeout=300)[0]
            self.assertEqual(run.returncode, 130, text)
            self.assertEqual([pid for pid in processes if lives(pid)], [])
            with open(self.path) as file:
                all = json.load(file)
            left = ["plain/m:%d/n:%d/k:%d/threads:1/backend:scalar" % (n, n, n) for n in (32, 64)]
            self.assertEqual([row["shape"] for row in all["rows"]], ["m:16/n:16/k:16"])
            context = all["context"]
            self.assertEqual((context["planned"], context["complete"], context["interrupted"], context["not_measured"]),
                             (3, False, True, left))
            self.assertRegex(text, r"The CPUs of the machine were idle for .*\n\nInterrupted after 1 of 3 rows. Not measured:\n"
                                   r"  %s\n  %s\n" % tuple(left))
            self.assertIn("**Not complete**: the run was interrupted, and did not measure %s, %s." % tuple(left), table(all))

    def test_stopped_processes_end_and_an_old_file_stays(self):
        with open(self.path, "w") as file:
            file.write("old")
        run = self.start("spin", "--filter", "m:16/", "--rounds", "99", "--turn", "1")
        self.wait_until(lambda: "T" in children(run.pid).values(), run)
        processes = children(run.pid)
        run.send_signal(signal.SIGTERM)
        text = run.communicate(timeout=300)[0]
        self.assertEqual(run.returncode, 130, text)
        self.assertEqual([pid for pid in processes if lives(pid)], [])
        self.assertIn("nothing was measured", text)
        with open(self.path) as file:
            self.assertEqual(file.read(), "old")

    def test_a_second_signal_ends_at_once(self):
        run, text, processes = self.hanging("--filter", "m:32/")
        run.send_signal(signal.SIGSTOP)  # both signals come before it can end by the first
        self.wait_until(lambda: children(os.getpid()).get(run.pid) == "T", run)
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGTERM)
        run.send_signal(signal.SIGCONT)
        self.assertEqual(run.wait(timeout=300), -signal.SIGTERM)
        for i in range(30000):  # the system ends them
            if not any(lives(pid) for pid in processes):
                break
            time.sleep(0.01)
        self.assertEqual([pid for pid in processes if lives(pid)], [])
        self.assertFalse(os.path.exists(self.path))

    def test_a_failure_keeps_what_was_measured(self):
        code, out, err = peers(*QUICK, "--op", "plain", "--filter", "m:16/", "--backend", "scalar,none", "-o", self.path)
        self.assertEqual(code, 70)
        with open(self.path) as file:
            all = json.load(file)
        self.assertEqual((len(all["rows"]), all["context"]["complete"], all["context"]["interrupted"],
                          all["context"]["not_measured"]),
                         (1, False, False, ["plain/m:16/n:16/k:16/threads:1/backend:none"]))
        self.assertIn("\nEnded after 1 of 2 rows. Not measured:\n", out)
        self.assertIn("**Not complete**: the run failed, and", table(all))


class Refusals(unittest.TestCase):
    def test_usage(self):
        for args in (["--op", "matmull"], ["--peers", "atlas"], ["--threads", "0"], ["more"],
                     ["--rounds", "0"], ["--turn", "-1"], ["--filter", "("], ["--seed", "1"], ["--random", "0"],
                     ["--peers-isa", "avx512"], ["--random", "3", "--filter", "m:16"], ["--random", "3", "--model", "."],
                     ["-o", "matmul"], ["--list", "-o", "one"],
                     ["--filter", "no such row", "-o", "one", "--json=two"]):
            code, out, err = peers(*args)
            self.assertEqual(code, 64, args)
            self.assertIn("decoct peers", err)

    def test_nothing_matches(self):
        code, out, err = peers(*QUICK, "--filter", "no such row")
        self.assertEqual((code, err), (14, "decoct peers: nothing matches\n"))

    def test_backend_and_file(self):
        row = ("--op", "plain", "--filter", "m:16/")
        self.assertEqual(peers(*QUICK, *row, "--backend", "none")[0], 70)
        code, out, err = peers(*QUICK, *row, "--json", "/nonexistent/file")
        self.assertEqual((code, out), (70, ""))  # before the first peer is opened
        self.assertIn("/nonexistent/file", err)


if __name__ == "__main__":
    unittest.main()
