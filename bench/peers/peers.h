// SPDX-License-Identifier: BSD-2-Clause
// `decoct peers`: side by side with other libraries, called by the program.
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

// argv[0] is the name of the command in messages. Returns an exit code of cases/exits.def.
int decoct_peers(int argc, char **argv);

#endif
