# SPDX-License-Identifier: BSD-2-Clause
"""Ramble: an application that runs `decoct bench` or `decoct sweep` and reads the result file, row by row."""
from ramble.appkit import *  # pylint: disable=wildcard-import,unused-wildcard-import


class Decoct(ExecutableApplication):
    """The GPT decoder block on CPUs: products, softmax, attention, blocks, prefill and decode."""

    name = "decoct"
    tags("benchmark-app", "mini-app", "transformer")

    software_spec("decoct", pkg_spec="decoct", package_manager="spack*")

    executable("bench", "decoct bench --suite {suite} --overwrite -o {experiment_run_dir}/result.json", use_mpi=False)
    executable("sweep", "decoct sweep {sweep} --overwrite -o {experiment_run_dir}/result.json", use_mpi=False)
    workload("bench", executables=["bench"])
    workload("sweep", executables=["sweep"])
    workload_variable("suite", default="cpu", description="standard suite: ci or cpu", workloads=["bench"])
    workload_variable("sweep", default="--op attention --seq 128..2048*2", workloads=["sweep"],
                      description="arguments of decoct sweep")

    # Each row of the file is on a line of its own; its name comes first.
    row = r'\{"name": "(?P<row>[^"]+)",'
    result = "{experiment_run_dir}/result.json"
    figure_of_merit_context("row", regex=row, output_format="{row}")
    for merit, unit in (("real_time", "us"), ("pct_of_roof", "%"), ("GFLOP/s", "GFLOP/s"), ("GB/s", "GB/s"),
                        ("tokens/s", "tokens/s"), ("control_ns", "ns")):
        figure_of_merit(merit, fom_regex=row + r'.*"' + merit + r'": (?P<value>[0-9.eE+-]+)', group_name="value",
                        units=unit, log_file=result, contexts=["row"])
    success_criteria("complete", mode="string", match=r'.*"complete": true.*', file=result)
    success_criteria("right", mode="string", anti_match=r'.*"correct": false.*', file=result)
