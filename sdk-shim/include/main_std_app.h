/* Parts of the start that an app may define itself. */
#pragma once

#include "macros.h"

WEAK void app_exit(void) __attribute__((noreturn));
WEAK void common_app_init(void);
WEAK void standalone_app_main(void);
