// SPDX-License-Identifier: BSD-2-Clause
// Whether hwloc may follow the HWLOC_* variables of the environment, tried in a child process.
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include <stdbool.h>

// False where no such variable is set; and after a message where the child did not end well:
// hwloc 2.9 crashes on some broken files.
bool cli_hwloc_environment(void);

#endif
