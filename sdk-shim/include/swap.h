#pragma once
#include "swap_entrypoints.h"
#include "swap_lib_calls.h"
#include "swap_utils.h"
