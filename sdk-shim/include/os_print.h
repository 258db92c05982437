#pragma once
#include "os.h"
