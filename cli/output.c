// SPDX-License-Identifier: BSD-2-Clause
// Outputs that are whole or not there.
#include "output.h"

#include "cli.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const cli_output *out, int error) {
    return cli_fail(CLI_INTERNAL, "cannot write to %s: %s", out->name, strerror(error));
}

// The permissions of the file that is replaced, or those that a new one gets here.
static mode_t permissions(const struct stat *old) {
    if (old) {
        return old->st_mode & 0777;
    }
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static FILE *open_temporary(cli_output *out, const struct stat *old) {
    static const char suffix[] = ".XXXXXX";
    size_t size = strlen(out->target) + sizeof suffix;
    out->temporary = cli_alloc((int64_t)size, 1);
    snprintf(out->temporary, size, "%s%s", out->target, suffix);
    int fd = mkostemp(out->temporary, O_CLOEXEC);
    FILE *to = NULL;
    if (fd >= 0 && fchmod(fd, permissions(old)) == 0) {
        to = fdopen(fd, "w");
    }
    if (!to) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
            unlink(out->temporary);
        }
        free(out->temporary);
        out->temporary = NULL;
        errno = error;
    }
    return to;
}

int cli_output_open(cli_output *out, const char *name) {
    *out = (cli_output){.to = stdout, .name = name};
    if (!name) {
        return CLI_OK;
    }
    struct stat info;
    bool there = stat(name, &info) == 0;
    out->target = there ? realpath(name, NULL) : strdup(name);
    if (!out->target) {
        return refuse(out, errno);
    }
    if (there && S_ISDIR(info.st_mode)) {
        out->to = NULL;
        errno = EISDIR;
    } else if (there && !S_ISREG(info.st_mode)) {
        out->to = fopen(name, "we");
    } else {
        out->to = open_temporary(out, there ? &info : NULL);
    }
    if (!out->to) {
        int code = refuse(out, errno);
        free(out->target);
        return code;
    }
    return CLI_OK;
}

int cli_output_close(cli_output *out, bool good) {
    if (!out->name) {
        int written = cli_finish();
        return good ? written : CLI_OK;
    }
    int code = CLI_OK;
    bool bad = fflush(out->to) != 0 || ferror(out->to);
    int error = errno;
    bad = fclose(out->to) != 0 || bad;
    if (good && bad) {
        code = refuse(out, error ? error : EIO);
    } else if (good && out->temporary && rename(out->temporary, out->target) != 0) {
        code = refuse(out, errno);
    }
    if (out->temporary && (!good || code != CLI_OK)) {
        unlink(out->temporary);
    }
    free(out->temporary);
    free(out->target);
    return code;
}
