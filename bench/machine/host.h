// SPDX-License-Identifier: BSD-2-Clause
// What the system reports of itself in /proc and /sys: the machine of a result file, and what
// `decoct doctor` judges. It only reads. `root` is "" or the folder that replaces "/": <root>/proc,
// <root>/sys. Texts are printable ASCII; one that the system does not report is "unknown".
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOST_TEXT = 256, HOST_PATH = 4096 };

// ---- Texts and files ----

// Copies text[0 .. length) up to its line's end, printable and without blanks around it, cut to
// size. "unknown" and false if nothing is left.
bool host_tidy(char out[HOST_TEXT], const char *text, size_t length);
// Adds a value to "a, b" if it is not there yet, as far as there is room.
void host_add(char text[HOST_TEXT], const char *value);
// The first line of the file that the format names, without blanks around it, cut to size. False,
// and "unknown": it cannot be read, or has no such line.
bool host_line(char text[HOST_TEXT], const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The whole file, at most 16 MiB; free() it. NULL: it cannot be read, or no memory.
char *host_file(const char *root, const char *path);
// A whole number that the text begins with.
bool host_text_number(const char *text, long long *number);
// The same of a file.
bool host_number(long long *number, const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The value in the next line "key<blanks>:<blanks>value" (or without colon, where `separator` is a
// blank) of a text, and its length. NULL: no such line. Go on with value + length.
const char *host_find(const char *text, const char *key, char separator, size_t *length);
// The same as a number.
bool host_find_number(const char *text, const char *key, char separator, long long *number);
// Is `word` one of the words of a line of this length?
bool host_has_word(const char *line, size_t length, const char *word);
// Numbers of the CPUs that have a folder in <root>/sys/devices/system/cpu, in increasing order;
// free() them. NULL, and 0: not one.
int32_t *host_cpus(const char *root, int32_t *count);
// Those of them that are online; NULL or a list of 0: not one is visible. free() it.
int32_t *host_online_cpus(const char *root, int32_t *count);

// ---- Facts ----

// "performance", or "performance, powersave" where CPUs differ.
void host_governor(const char *root, char text[HOST_TEXT]);
// "on" or "off", "on, off" where CPUs differ; more in cpufreq.h.
void host_turbo(const char *root, char text[HOST_TEXT]);
// "on", "off", or "none" for cores that have one thread each.
void host_smt(const char *root, char text[HOST_TEXT]);
// "always", "madvise", "never".
void host_huge_pages(const char *root, char text[HOST_TEXT]);
// "on" or "off".
void host_numa_balancing(const char *root, char text[HOST_TEXT]);
void host_clock_source(const char *root, char text[HOST_TEXT]);
// "none" on the machine itself, else the name of the virtual machine, "unnamed" if it hides it.
void host_hypervisor(const char *root, char text[HOST_TEXT]);

// Sets vendor, cpu_family, model, stepping, microcode, hypervisor, governor, turbo, smt,
// huge_pages, numa_balancing, clock_source (texts; on AArch64 the implementer is the vendor, the
// part the model, "r1p2" the stepping; CPUs that differ are all named), mitigations (an object:
// file of /sys/devices/system/cpu/vulnerabilities -> its line) and memory_bytes (a number); each
// "unknown" if the system does not report it.
void host_disclose(const char *root, json_t *machine);

#endif
