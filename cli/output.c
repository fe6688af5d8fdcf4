// SPDX-License-Identifier: BSD-2-Clause
#include "output.h"

#include "cli.h"

#include "../bench/wholefile.h"

int cli_output_write(const char *name, bool (*put)(FILE *to, const void *data), const void *data) {
    if (!name) {
        bool well = put(stdout, data);
        int code = cli_finish();
        return well ? code : CLI_INTERNAL;
    }
    const char *wrong = wholefile_write(name, put, data);
    return wrong ? cli_fail(CLI_INTERNAL, "cannot write to %s: %s", name, wrong) : CLI_OK;
}
