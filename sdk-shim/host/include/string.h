/* The shim's string.h has what some C libraries lack. */
#pragma once

#include_next <string.h>

size_t strlcpy(char *to, const char *from, size_t size);
