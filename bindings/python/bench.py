#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a call from Python costs: prints a table in Markdown. bench.py [--threads N]

Each figure is the median of rounds of equal length, in CPU time. "package" is the call that a user writes; "ctypes" is the
library's function with its struct filled before: the difference is what the package adds.
"""
import argparse
import ctypes
import os
import platform
import statistics
import sys
import time

import decoct
import numpy as np
from decoct import _abi
from decoct._library import lib

ROUNDS, ROUND_SECONDS = 15, 0.02


def seconds(call):
    """The median over rounds of the CPU time of one call, in which other programs do not count."""
    count, spent = 1, 0.0
    while spent < ROUND_SECONDS:
        count *= 2
        start = time.process_time()
        for _ in range(count):
            call()
        spent = time.process_time() - start
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(count):
            call()
        rounds.append((time.process_time() - start) / count)
    return statistics.median(rounds)


def address(x):
    return x.__array_interface__["data"][0]


def empty_call(context):
    handle = context._handle
    return lambda: context.threads, lambda: lib.decoct_context_threads(handle)


def product(context, size):
    x, b, out = (np.ones((size, size), np.float32) for _ in range(3))
    args = _abi.decoct_matmul_args(struct_size=ctypes.sizeof(_abi.decoct_matmul_args), m=size, n=size, k=size,
                                   x=address(x), b=address(b), y=address(out))
    handle, place = context._handle, ctypes.byref(args)
    return (lambda: decoct.matmul(x, b, out=out, context=context),
            lambda keep=(x, b, out): lib.decoct_matmul(handle, place))


def attention(context, length, heads, dim):
    q, k, v, out = (np.ones((heads, length, dim), np.float32) for _ in range(4))
    args = _abi.decoct_attention_args(
        struct_size=ctypes.sizeof(_abi.decoct_attention_args), causal=1, batch=1, heads=heads, kv_heads=heads,
        q_len=length, kv_len=length, head_dim=dim, q=address(q), k=address(k), v=address(v), out=address(out))
    handle, place = context._handle, ctypes.byref(args)
    return (lambda: decoct.attention(q, k, v, causal=True, out=out, context=context),
            lambda keep=(q, k, v, out): lib.decoct_attention(handle, place))


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    with decoct.Context(parser.parse_args().threads) as context:
        cases = {"empty call (decoct_context_threads)": empty_call(context),
                 "product 16 x 16 x 16": product(context, 16),
                 "attention S = 128, 1 head of 64, causal": attention(context, 128, 1, 64),
                 "attention S = 128, 12 heads of 64, causal": attention(context, 128, 12, 64)}
        print("%s, %d thread(s), backend %s, Python %s, NumPy %s, load %.1f\n" % (
            processor(), context.threads, context.backend, sys.version.split()[0], np.__version__, os.getloadavg()[0]))
        print("| one call, microseconds | package | ctypes |\n|---|---:|---:|")
        for name, calls in cases.items():
            print("| %s | %.2f | %.2f |" % (name, *(1e6 * seconds(call) for call in calls)))


if __name__ == "__main__":
    main()
