#pragma once

#include "buffer.h"

int handler_get_version(const buffer_t *data);
int handler_get_app_name(const buffer_t *data);
