// SPDX-License-Identifier: BSD-2-Clause
// The entrance exam of plugins from outside the installation: every kernel once, against scalar.
#ifndef DCT_ADMISSION_H
#define DCT_ADMISSION_H

#include "plugins.h"

// Drops kernels that do not give scalar's bits from the tables of outside backends, with a word in
// their reason.
decoct_status dct_admit(dct_backend_list *list, dct_error *error);

#endif
