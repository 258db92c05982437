/* Screens of the operating system: PIN lock, pairing, battery. It sees every event before the app does. */
#pragma once

#include "os.h"

typedef enum bolos_ux_public_e {
    BOLOS_UX_INITIALIZE = 0,
    BOLOS_UX_EVENT,
    BOLOS_UX_KEYBOARD,
    BOLOS_UX_WAKE_UP,
    BOLOS_UX_STATUS_BAR,
    BOLOS_UX_VALIDATE_PIN,
    BOLOS_UX_ASYNCHMODAL_PAIRING_REQUEST,
    BOLOS_UX_ASYNCHMODAL_PAIRING_STATUS,
    BOLOS_UX_IO_RESET,
    BOLOS_UX_DELAY_LOCK,
} bolos_ux_public_t;
typedef bolos_ux_public_t bolos_ux_t;

typedef struct bolos_ux_params_s {
    bolos_ux_t ux_id;
    unsigned int len;
    union {
        struct {
            unsigned int type;
            unsigned int pairing_info_len;
            char pairing_info[16];
        } pairing_request;
        struct {
            uint32_t delay_ms;
        } lock_delay;
    } u;
} bolos_ux_params_t;

SYSCALL TASKSWITCH unsigned int os_ux(bolos_ux_params_t *params PLENGTH(sizeof(bolos_ux_params_t)));
