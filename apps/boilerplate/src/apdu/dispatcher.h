#pragma once

#include "parser.h"

/* Handles a command; negative if no answer could be sent. */
int apdu_dispatch(const command_t *command);
