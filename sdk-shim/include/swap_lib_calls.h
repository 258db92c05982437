/* What the Exchange app asks of a coin's app. Layout is part of the protocol between them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RUN_APPLICATION      1
#define SIGN_TRANSACTION     2
#define CHECK_ADDRESS        3
#define GET_PRINTABLE_AMOUNT 4

#define MAX_PRINTABLE_AMOUNT_SIZE 50

typedef struct check_address_parameters_s {
    uint8_t *coin_configuration;
    uint8_t coin_configuration_length;
    uint8_t *address_parameters;
    uint8_t address_parameters_length;
    char *address_to_check;
    char *extra_id_to_check;
    int result;
} check_address_parameters_t;

typedef struct get_printable_amount_parameters_s {
    uint8_t *coin_configuration;
    uint8_t coin_configuration_length;
    uint8_t *amount;
    uint8_t amount_length;
    bool is_fee;
    char printable_amount[MAX_PRINTABLE_AMOUNT_SIZE];
} get_printable_amount_parameters_t;

typedef struct create_transaction_parameters_s {
    uint8_t *coin_configuration;
    uint8_t coin_configuration_length;
    uint8_t *amount;
    uint8_t amount_length;
    uint8_t *fee_amount;
    uint8_t fee_amount_length;
    char *destination_address;
    char *destination_address_extra_id;
    uint8_t result;
} create_transaction_parameters_t;

typedef struct libargs_s {
    unsigned int id;
    unsigned int command;
    unsigned int unused;
    union {
        check_address_parameters_t *check_address;
        create_transaction_parameters_t *create_transaction;
        get_printable_amount_parameters_t *get_printable_amount;
    };
} libargs_t;
