// SPDX-License-Identifier: BSD-2-Clause
// What may crash or hang is tried in a child process first: hwloc on what the environment names,
// and plugins.
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

// Runs this in a quiet child with limited time. True if it came to its end; else `why`, such as
// "crashes (Segmentation fault)".
bool cli_try(void (*run)(void *data), void *data, char *why, size_t size);

// False where no such variable is set; and after a message where the child did not end well:
// hwloc 2.9 crashes on some broken files.
bool cli_hwloc_environment(void);

// Loads and examines the plugins of DECOCT_BACKEND_PATH in a child. One that does not survive that
// is added to DECOCT_BACKEND_WITHOUT, with the reason, so that no context of this process loads it.
void cli_screen_plugins(void);

#endif
