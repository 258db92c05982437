#pragma once

#include "buffer.h"

int handler_get_public_key(buffer_t *data);
