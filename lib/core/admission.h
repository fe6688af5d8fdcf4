// SPDX-License-Identifier: BSD-2-Clause
// The entrance exam of plugins from outside the installation: every kernel against scalar.
#ifndef DCT_ADMISSION_H
#define DCT_ADMISSION_H

#include "plugins.h"

// Drops kernels that do not give scalar's bits from the tables of outside backends and names them
// in `rejected`. A backend that cannot be examined without memory is not usable.
void dct_admit(dct_backend_list *list);

#endif
