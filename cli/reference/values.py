# SPDX-License-Identifier: BSD-2-Clause
"""Values that options accept, where the table of options does not have them. tests/test_man.py compares
them with what the program says about a wrong value."""

PINS = "none compact spread core l3 numa kind:performance kind:efficiency".split()
LISTED = {  # (command or None for all, option)
    (None, "pin"): PINS,
    ("peers", "peers"): ("openblas blis decoct-blas libxsmm mkl onednn xnnpack onnxruntime llama.cpp "
                         "openvino torch openblas-debian onednn-debian onnxruntime-npm llama.cpp-npm").split(),
    ("peers", "peers-isa"): ["avx2"],
}


def fill(program):
    """Puts them into a listing."""
    of_all = {"op": program["operations"].split(", "), "dtype": program["types"].split(", "),
              "block": program["blocks"].split(", ")}
    backends = program["backends"].split(", ")
    for command in program["commands"]:
        for option in command["table"]["options"] if command["table"] else []:
            key = (command["name"], option["long"])
            known = LISTED.get(key) or LISTED.get((None, option["long"]))
            known = backends if option["long"] == "backend" else known
            if key[0] not in ("peers", "hash", "conform"):  # they have other operations
                known = known or of_all.get(option["long"])
            if known and option["argument"] and not option.get("values"):
                option["values"] = known + ["all"] * (option["argument"] == "LIST" and option["long"] == "backend")
