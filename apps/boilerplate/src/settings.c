#include "settings.h"

#include <stdint.h>

#include "os.h"

#define INITIALIZED 0xA5

typedef struct {
    uint8_t initialized;
    uint8_t blind_signing;
} settings_t;

/* The name's beginning tells the linker to put it where the app may write. */
const settings_t N_settings_real;
#define N_settings (*(const volatile settings_t *) PIC(&N_settings_real))

static void save(settings_t settings)
{
    nvm_write((void *) PIC(&N_settings_real), &settings, sizeof(settings));
}

void settings_init(void)
{
    if (N_settings.initialized != INITIALIZED) {
        save((settings_t){.initialized = INITIALIZED});
    }
}

bool settings_blind_signing(void)
{
    return N_settings.blind_signing == 1;
}

void settings_set_blind_signing(bool allowed)
{
    save((settings_t){.initialized = INITIALIZED, .blind_signing = allowed});
}
