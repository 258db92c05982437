/* Ends the app if what must hold does not. The message is printed in debug builds. */
#pragma once

#include <stdbool.h>

#include "os_print.h"

#define LEDGER_ASSERT(test, format, ...)                                              \
    do {                                                                              \
        if (!(test)) {                                                                \
            PRINTF("assertion failed at %s:%d: ", __FILE__, __LINE__);                \
            PRINTF(format "\n", ##__VA_ARGS__);                                       \
            assert_exit(true);                                                        \
        }                                                                             \
    } while (0)

void assert_exit(bool confirm) __attribute__((noreturn));
