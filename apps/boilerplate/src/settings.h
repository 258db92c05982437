/* Settings, kept in non-volatile memory. */
#pragma once

#include <stdbool.h>

/* Writes the defaults the first time the app runs. */
void settings_init(void);

/* Whether a transaction whose memo cannot be shown may be signed. Off by default. */
bool settings_blind_signing(void);
void settings_set_blind_signing(bool allowed);
