#pragma once

#include "decorators.h"

#define MEMBER_SIZE(type, member) (sizeof(((type *) 0)->member))
#define ARRAY_LENGTH(array)       (sizeof((array)) / sizeof((array)[0]))
