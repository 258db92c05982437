#pragma once

#include <stddef.h>

static inline int abs(int value)
{
    return value < 0 ? -value : value;
}
