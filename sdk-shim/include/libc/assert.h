/* A failed assertion ends the app. */
#pragma once

#include "ledger_assert.h"

#define assert(condition) LEDGER_ASSERT((condition), #condition)
#define static_assert     _Static_assert
