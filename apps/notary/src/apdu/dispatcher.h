#pragma once

#include "parser.h"

/* Handles a command; negative if no answer could be sent. An answer may come later, from the screen. */
int apdu_dispatch(const command_t *command);

/* Gives up what is going on: a review whose host sends something else, a half received message. */
void apdu_abandon(void);
