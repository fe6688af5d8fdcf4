// SPDX-License-Identifier: BSD-2-Clause
#include "output.h"

#include "cli.h"

#include "bench/rows/wholefile.h"

#include <unistd.h>

bool cli_output_is_stdout(const char *name) {
    return !name || wholefile_is_stdout(name);
}

int cli_output_write(const char *name, bool (*put)(FILE *to, const void *data), const void *data) {
    if (cli_output_is_stdout(name)) {
        bool well = put(stdout, data);
        int code = cli_finish();
        return well ? code : CLI_INTERNAL;
    }
    char wrong[WHOLEFILE_MESSAGE] = "";
    return wholefile_write(name, put, data, NULL, wrong, sizeof wrong)
               ? CLI_OK
               : cli_fail(CLI_INTERNAL, "cannot write to %s: %s", name, wrong);
}

cli_output cli_output_find(const char *name) {
    struct stat info;
    int status = cli_output_is_stdout(name) ? fstat(STDOUT_FILENO, &info) : stat(name, &info);
    bool known = status == 0 && S_ISREG(info.st_mode);
    return known ? (cli_output){true, info.st_dev, info.st_ino} : (cli_output){.known = false};
}

bool cli_output_is(const cli_output *output, const struct stat *input) {
    return output->known && output->device == input->st_dev && output->node == input->st_ino;
}
