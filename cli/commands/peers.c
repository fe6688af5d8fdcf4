// SPDX-License-Identifier: BSD-2-Clause
// `decoct peers`: it calls bench/peers.
#include "cli.h"

#include "bench/peers/peers.h"

int cli_peers(int argc, char **argv) {
    return decoct_peers(argc, argv);
}
