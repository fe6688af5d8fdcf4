// SPDX-License-Identifier: BSD-2-Clause
// `decoct doctor`: how a check says what it found.
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

void doctor_say(doctor_finding *f, doctor_severity severity, const char *format, ...) {
    va_list list;
    va_start(list, format);
    f->severity = severity;
    vsnprintf(f->what, sizeof f->what, format, list);
    va_end(list);
}

void doctor_mend(doctor_finding *f, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(f->mend, sizeof f->mend, format, list);
    va_end(list);
}

void doctor_mend_host(doctor_finding *f) {
    doctor_mend(f, "# nothing can be done inside a virtual machine: only its host can");
}

void doctor_unseen(doctor_finding *f, const char *what) {
    doctor_say(f, DOCTOR_NOTE, "unknown: %s", what);
    f->unseen = true;
}

void doctor_unseen_host(const doctor_machine *m, doctor_finding *f, const char *what) {
    doctor_unseen(f, what);
    if (m->virtual) {
        doctor_mend_host(f);
    }
}
