// SPDX-License-Identifier: BSD-2-Clause
// What shows that a file is the one that was submitted: FILE.sha256, as sha256sum writes it, and
// FILE.sig, a signature by `ssh-keygen -Y sign -n decoct`.
#ifndef CLI_SEAL_H
#define CLI_SEAL_H

#include <stdbool.h>
#include <stddef.h>

enum { SEAL_DIGEST = 65, SEAL_PATH = 4096, SEAL_WORDS = 1024 };
#define SEAL_NAMESPACE "decoct"

// FILE and an ending. False: too long.
bool seal_path(const char *file, const char *ending, char path[SEAL_PATH]);
// SHA-256 of the file, in hexadecimal. False, with errno: it cannot be read.
bool seal_digest(const char *file, char digest[SEAL_DIGEST]);
// The same of bytes that were read.
void seal_digest_bytes(const void *bytes, size_t length, char digest[SEAL_DIGEST]);
// Writes FILE.sha256; an exit code, the message was printed.
int seal_write(const char *file, const char *digest);
// The digest in FILE.sha256. 1: read; 0: there is no such file; -1: it is not one of sha256sum.
int seal_read(const char *file, char digest[SEAL_DIGEST]);
// Asks ssh-keygen about FILE.sig; `signers` is a file of allowed signers, or NULL: any key.
// 1: good; 0: not; -1: ssh-keygen could not be asked. `words` is what it answered.
int seal_check_signature(const char *file, const char *signature, const char *signers,
                         char words[SEAL_WORDS]);

#endif
