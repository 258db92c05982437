/* Why an app refused a swap: two bytes before anything else that the answer says. */
#pragma once

#ifdef HAVE_SWAP
#include <stdint.h>

#include "buffer.h"

typedef enum swap_error_common_code_e {
    SWAP_EC_ERROR_INTERNAL = 0x00,
    SWAP_EC_ERROR_WRONG_AMOUNT = 0x01,
    SWAP_EC_ERROR_WRONG_DESTINATION = 0x02,
    SWAP_EC_ERROR_WRONG_FEES = 0x03,
    SWAP_EC_ERROR_WRONG_METHOD = 0x04,
    SWAP_EC_ERROR_CROSSCHAIN_WRONG_MODE = 0x05,
    SWAP_EC_ERROR_CROSSCHAIN_WRONG_METHOD = 0x06,
    SWAP_EC_ERROR_CROSSCHAIN_WRONG_HASH = 0x07,
    SWAP_EC_ERROR_GENERIC = 0xFF,
} swap_error_common_code_t;

#define SWAP_ERROR_HELPER_MAX_BUFFER_COUNT 8

void send_swap_error_simple(uint16_t status_word, uint8_t common_error_code, uint8_t application_specific_error_code)
    __attribute__((noreturn));

void send_swap_error_with_buffers(uint16_t status_word,
                                  uint8_t common_error_code,
                                  uint8_t application_specific_error_code,
                                  const buffer_t *buffer_data,
                                  size_t count) __attribute__((noreturn));

void send_swap_error_with_buffer(uint16_t status_word,
                                 uint8_t common_error_code,
                                 uint8_t application_specific_error_code,
                                 const buffer_t buffer_data) __attribute__((noreturn));
#endif
