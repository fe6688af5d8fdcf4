#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""unpack.py LIST FROM TO: takes the libraries that `decoct peers` opens out of the wheels of LIST.txt, which are in the
folder FROM; each goes to TO/NAME-OF-THE-PACKAGE/ with the file name that it has in its own SONAME. Wheels that are not
there are named at the end."""
import fnmatch
import os
import shutil
import sys
import zipfile

# Of each list the start of a wheel's name, the folder, and patterns of its libraries with the names to give them ("":
# their own).
WANTED = {"wheels": [
    ("mkl-", "mkl", {"libmkl_rt.so.*": "libmkl_rt.so", "libmkl_core.so.*": "", "libmkl_intel_lp64.so.*": "",
                     "libmkl_intel_thread.so.*": "", "libmkl_def.so.*": "", "libmkl_avx2.so.*": "",
                     "libmkl_avx512.so.*": ""}),
    ("intel_openmp-", "mkl", {"libiomp5.so": ""}),
    ("scipy_openblas32-", "openblas", {"libscipy_openblas.so": ""}),
    ("onnxruntime-", "onnxruntime", {"libonnxruntime.so.1.*": "libonnxruntime.so.1"}),
    ("onednn_cpu_gomp-", "onednn", {"libdnnl.so.3": ""}),
    ("openvino-", "openvino", {"libopenvino_c.so.*": "libopenvino_c.so", "libopenvino.so.*": "",
                               "libopenvino_ir_frontend.so.*": "", "libopenvino_intel_cpu_plugin.so": "",
                               "libtbb.so.12": ""}),
], "torch": [
    ("torch-", "torch", {"libtorch_cpu.so": "", "libc10.so": "", "libgomp.so.1": ""}),
    ("nvidia_cuda_cupti-", "torch", {"libcupti.so.13": ""}),
    ("nvidia_cuda_runtime-", "torch", {"libcudart.so.13": ""}),
]}


def unpack(wheel, folder, libraries):
    """How many files were written."""
    done = 0
    os.makedirs(folder, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            for pattern, name in libraries.items():
                if fnmatch.fnmatch(os.path.basename(member), pattern):
                    target = os.path.join(folder, name or os.path.basename(member))
                    with archive.open(member) as source, open(target + ".new", "wb") as file:
                        shutil.copyfileobj(source, file)
                    os.replace(target + ".new", target)
                    done += 1
    return done


def main(listed, source, target):
    absent = []
    for start, folder, libraries in WANTED[listed]:
        wheels = sorted(name for name in os.listdir(source) if name.startswith(start) and name.endswith(".whl"))
        if not wheels:
            absent.append(start + "*")
            continue
        done = unpack(os.path.join(source, wheels[-1]), os.path.join(target, folder), libraries)
        if done < len(libraries):
            sys.exit("unpack.py: %s has %d of %d libraries" % (wheels[-1], done, len(libraries)))
    if absent:
        sys.exit("unpack.py: no wheel %s in %s" % (", ".join(absent), source))


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in WANTED:
        print("usage: unpack.py %s FROM TO" % "|".join(WANTED), file=sys.stderr)
        sys.exit(64)
    main(*sys.argv[1:])
