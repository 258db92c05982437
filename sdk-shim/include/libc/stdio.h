/* Formatting into memory; src/printf.c says which directives it knows. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

int snprintf(char *restrict dst, size_t size, const char *restrict format, ...)
    __attribute__((format(printf, 3, 4)));
int vsnprintf(char *restrict dst, size_t size, const char *restrict format, va_list args)
    __attribute__((format(printf, 3, 0)));
