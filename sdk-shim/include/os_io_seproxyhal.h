#pragma once
#include "os_io.h"
#include "ux.h"
