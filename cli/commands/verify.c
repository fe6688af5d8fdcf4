// SPDX-License-Identifier: BSD-2-Clause
// `decoct verify`: whether a file is the one that was submitted.
#include "cli.h"
#include "seal.h"
#include "term.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct verify_options {
    const char *file, *signers;
} verify_options;

enum { KEY_SIGNERS = 0x100 };

static const struct argp_option rows[] = {
    {"signers", KEY_SIGNERS, "FILE", 0,
     "Accept only these keys: a file of allowed signers, as ssh-keygen(1) describes it", 0},
    {0},
};

static error_t parse_verify(int key, char *arg, struct argp_state *state) {
    verify_options *o = state->input;
    switch (key) {
    case KEY_SIGNERS:
        o->signers = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (o->file) {
            argp_error(state, "one file at a time: unexpected argument '%s'", arg);
        }
        o->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->file) {
            argp_error(state, "give a result file");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    rows,
    parse_verify,
    "FILE",
    "Compares a file with its checksum FILE.sha256 (decoct submit, sha256sum), and with its "
    "signature FILE.sig, if there is one (ssh-keygen -Y sign -n " SEAL_NAMESPACE ")."
    "\v"
    "Examples:\n\n"
    "  decoct verify run.json\n"
    "  decoct verify --signers allowed_signers run.json\n\n"
    "Without --signers any key is accepted, and its fingerprint printed. With it a file without a "
    "signature fails.\n\n" CLI_EXIT_DOC_AND(
        "12 another checksum or a bad signature, 14 there is neither, "),
    NULL,
    NULL,
    NULL};

static int verify_checksum(const verify_options *o, bool *found) {
    char digest[SEAL_DIGEST], stated[SEAL_DIGEST];
    if (!seal_digest(o->file, digest)) {
        return cli_fail(CLI_USAGE, "%s: %s", o->file, strerror(errno));
    }
    int read = seal_read(o->file, stated);
    *found = read != 0;
    if (read < 0) {
        return cli_fail(CLI_USAGE, "%s.sha256 is not a file of sha256sum", o->file);
    }
    if (read > 0 && strcmp(digest, stated) != 0) {
        return cli_fail(CLI_WRONG, "%s was changed: its SHA-256 is %s, not %s", o->file, digest,
                        stated);
    }
    printf(read ? "checksum: right, %s\n" : "checksum: there is none; it is %s\n", digest);
    return CLI_OK;
}

static int verify_signature(const verify_options *o, bool *found) {
    char path[SEAL_PATH], words[SEAL_WORDS] = "";
    *found = seal_path(o->file, ".sig", path) && access(path, F_OK) == 0;
    if (!*found && o->signers) {
        return cli_fail(CLI_WRONG, "%s is not signed: there is no %s.sig", o->file, o->file);
    }
    if (!*found) {
        puts("signature: there is none");
        return CLI_OK;
    }
    if (o->signers && access(o->signers, R_OK)) {
        return cli_fail(CLI_USAGE, "%s: %s", o->signers, strerror(errno));
    }
    int good = seal_check_signature(o->file, path, o->signers, words);
    if (good < 0) {
        return cli_fail(CLI_SKIPPED, "ssh-keygen cannot be run: install OpenSSH's client");
    }
    if (good == 0) {
        return cli_fail(CLI_WRONG, "%s.sig is not a good signature: %s", o->file, words);
    }
    cli_term term = cli_term_look(stdout);
    fputs("signature: ", stdout);
    cli_term_put(&term, words);
    putchar('\n');
    return CLI_OK;
}

int cli_verify(int argc, char **argv) {
    verify_options o = {0};
    bool sum = false, signature = false;
    int code = cli_parse(&parser, argc, argv, &o);
    code = code == CLI_OK ? verify_checksum(&o, &sum) : code;
    code = code == CLI_OK ? verify_signature(&o, &signature) : code;
    if (code != CLI_OK) {
        return code;
    }
    code = cli_finish();
    return code != CLI_OK || sum || signature ? code : CLI_NOTHING;
}
