# SPDX-License-Identifier: BSD-2-Clause
"""Result files (docs/results.md) that no machine has measured, for tests of their readers.

    python3 tests/results.py DIR --files N --rows M [--cpus NAME,NAME] [--seed S]

document() makes one as Python's dicts, text() writes it as the program does: a row a line.
"""
import argparse
import json
import os
import random
import statistics

BACKENDS = ("scalar", "avx2", "avx512")
HASH = "%016x" % 0x9c4f1a2b3d4e5f60


def cases(count):
    """This many different shapes."""
    found = []
    for seq in (2 ** k for k in range(3, 60)):
        for heads in (1, 12, 20):
            for threads in (1, 2, 4):
                for op in ("attention", "matmul", "softmax"):
                    found.append({"op": op, "seq": seq, "heads": heads, "head_dim": 64,
                                  "workers": threads, "pin": "none"})
                    if len(found) == count:
                        return found
    raise ValueError("cases: too many")


def name(case, backend):
    return "%s/seq:%d/heads:%d/dim:%d/threads:%d/pin:%s/backend:%s" % (
        case["op"], case["seq"], case["heads"], case["head_dim"], case["workers"], case["pin"],
        backend)


def row(case, backend, rng, scale=1.0, samples=7, **more):
    """A row whose figures agree with each other; `more` replaces or adds keys."""
    base = 10 * scale * (1 + BACKENDS.index(backend) if backend in BACKENDS else 1)
    times = [round(base * rng.uniform(1, 1.1), 4) for _ in range(samples)]
    shares = [round(rng.uniform(60, 70), 2) for _ in range(samples)]
    time, share = statistics.median(times), statistics.median(shares)
    flop = 4e3 * case["head_dim"]
    made = {
        "name": name(case, backend), "run_name": name(case, backend), "run_type": "iteration",
        "repetitions": samples, "repetition_index": 0, "threads": 1, "iterations": 1000,
        "real_time": time, "cpu_time": time, "time_unit": "us",
        "GFLOP/s": flop / time * 1e-3,
        "real_time_low": min(times), "real_time_high": max(times), **case,
        "backend": backend, "bound": [0] * case["workers"], "seen": [0] * case["workers"],
        "pin_error": None, "roof": "compute", "roof_rate": round(rng.uniform(80, 90), 3),
        "intensity": 42.5, "pct_of_roof": share, "pct_of_roof_low": min(shares),
        "pct_of_roof_high": max(shares), "clock_mhz": round(rng.uniform(2000, 3000), 1),
        "line_ns": round(rng.uniform(40, 60), 1) if case["workers"] > 1 else None,
        "hash": HASH, "expected": HASH, "reference": "scalar", "correct": True, "disturbed": [],
        "steal_ms": 0, "involuntary_switches": 0, "migrations": 0, "page_faults": 0,
        "throttled_periods": 0, "samples": {"real_time": times, "pct_of_roof": shares},
        "control_ns": 150000.0, "control_ratio": time / 150,
    }
    made.update(more)
    return made


def context(cpu="AMD EPYC", host="host", **machine):
    return {
        "date": "2026-11-25T16:40:00+00:00", "host_name": host, "executable": "decoct",
        "num_cpus": 2, "mhz_per_cpu": 2400, "cpu_scaling_enabled": False, "caches": [],
        "load_avg": [0.1, 0.2, 0.3], "library_build_type": "release",
        "decoct": {"format": 1, "version": "0.1.0", "commit": "abc", "build_type": "release",
                   "compiler": "gcc 12.2.0", "flags": "-O3", "library": HASH, "plugins": {},
                   "command": ["decoct", "sweep"], "environment": {}, "seed": 1,
                   "repetitions": 7, "min_time": 0.01, "complete": True, "planned": 1},
        "machine": {"cpu": cpu, "vendor": "AuthenticAMD", "kernel": "6.1", "governor": "unknown",
                    "microcode": "0x1", **machine},
    }


def document(cpu="AMD EPYC", backends=BACKENDS, shapes=4, seed=0, scale=1.0, **machine):
    """A valid result file. `shapes`: how many, or a list of cases."""
    rng = random.Random(seed)
    shapes = cases(shapes) if isinstance(shapes, int) else shapes
    rows = [row(case, backend, rng, scale) for case in shapes for backend in backends]
    made = context(cpu, "host-%d" % seed, **machine)
    made["decoct"]["planned"] = len(rows)
    return {"context": made, "benchmarks": rows}


def text(doc):
    rows = ",\n".join(json.dumps(r, ensure_ascii=False) for r in doc["benchmarks"])
    head = json.dumps(doc["context"], ensure_ascii=False)
    return '{\n"context": %s,\n"benchmarks": [\n%s\n]\n}\n' % (head, rows)


def write(path, doc):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text(doc))


def fleet(folder, files, rows, cpus=("AMD EPYC",), seed=0):
    """Files f0000.json and so on: each of `rows` rows, every len(cpus)-th of one CPU model."""
    shapes = cases((rows + len(BACKENDS) - 1) // len(BACKENDS))
    for i in range(files):
        doc = document(cpus[i % len(cpus)], shapes=shapes, seed=seed + i,
                       kernel="6.%d" % (i % 2))
        doc["benchmarks"] = doc["benchmarks"][:rows]
        write(os.path.join(folder, "f%04d.json" % i), doc)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes a folder of result files.")
    parser.add_argument("folder")
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--cpus", default="AMD EPYC", help="names, between commas")
    parser.add_argument("--seed", type=int, default=0)
    o = parser.parse_args()
    os.makedirs(o.folder, exist_ok=True)
    fleet(o.folder, o.files, o.rows, o.cpus.split(","), o.seed)
