// SPDX-License-Identifier: BSD-2-Clause
// `decoct peers`: side by side with other libraries, called by the program.
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

// argv[0] is the name of the command in messages. Returns an exit code: 0 ok, 12 a peer's result
// differs from ours, 14 nothing matched, 64 invalid request, 70 system error.
int decoct_peers(int argc, char **argv);

#endif
