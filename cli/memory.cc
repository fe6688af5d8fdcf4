// SPDX-License-Identifier: BSD-2-Clause
// What the program prints when C++ runs out of memory and nothing can catch it: in the initialisers
// of the libraries that it is linked with (Google Benchmark reads its flags there, before main),
// and in an exception that reaches C.
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <new>
#include <typeinfo>
#include <unistd.h>

namespace {

constexpr char MESSAGE[] = "decoct: out of memory\n";
enum { SYSTEM_ERROR = 70 }; // CLI_INTERNAL

// Without an exception: there was no memory for one.
[[noreturn]] void give_up() {
    const std::type_info *type = abi::__cxa_current_exception_type();
    if (type && *type != typeid(std::bad_alloc)) {
        std::abort();
    }
    ssize_t written = write(STDERR_FILENO, MESSAGE, sizeof MESSAGE - 1);
    static_cast<void>(written);
    _exit(SYSTEM_ERROR);
}

void install() {
    std::set_terminate(give_up);
}

// The system calls this before the initialisers of all libraries.
__attribute__((section(".preinit_array"), used)) void (*const first)() = install;

} // namespace
