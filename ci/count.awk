# SPDX-License-Identifier: BSD-2-Clause
# Counts the tests in meson's logs and in that of ci/test-languages: by the closing lines of cmocka and of Python's unittest, and by
# meson's verdict where a test has neither, or ended before it could write them. Above the count is what failed: the file of
# the log, the test and the last lines that it wrote, because a log that is cut short keeps its end.
function show_failure(    i) {
    printf "failed: %s (%s)\n", test, log_file
    for (i = 0; i < lines; i++) if (i >= lines - 40 || line[i] ~ /\[  (ERROR|FAILED) /) print "    " line[i]
}
function close_block() {
    if (!open) return
    if (!good && !skip && !f) f = 1
    if (f) show_failure()
    if (good && !p && !f && !s) p = 1
    if (skip && !p && !f && !s) s = 1
    passed += p; failed += f; skipped += s
    open = p = f = s = good = skip = ran = 0
}
function number(key,    at) { # of "failures=1, errors=2"
    at = match($0, key "=[0-9]+")
    return at ? substr($0, at + length(key) + 1, RLENGTH - length(key) - 1) + 0 : 0
}
/^=+ [0-9]+\/[0-9]+ =+$/ { close_block(); open = 1; lines = 0; test = "without a name"; log_file = FILENAME }
FNR == 1 { close_block() }
open { line[lines++] = $0 }
/^test: / && open && lines == 2 { test = substr($0, 7); sub(/^ +/, "", test) }
/^result: +exit status 0$/ { good = 1 }
/^result: +exit status 77$/ { skip = 1 }
/^\[  PASSED  \] [0-9]+ test/ { p += $4 }
/^\[  FAILED  \] [0-9]+ test/ { f += $4 }
/^\[  SKIPPED \] [0-9]+ test/ { s += $4 }
/^Ran [0-9]+ tests? in / { ran = $2 }
/^(OK|FAILED)( \(.*\))?$/ && ran {
    bad = number("failures") + number("errors") + number("unexpected successes")
    f += bad
    s += number("skipped")
    p += ran - bad - number("skipped")
    ran = 0
}
/^languages: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { # of ci/test-languages
    passed += $2; failed += $4; skipped += $6
}
FILENAME ~ /counts[.]txt$/ && !/^languages: / # what failed of ci/test-languages
END {
    close_block()
    printf "decoct: %d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0 || passed == 0
}
