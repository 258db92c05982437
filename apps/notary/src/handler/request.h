/* What requests in several parts have in common. */
#pragma once

#include <stdbool.h>

#include "buffer.h"
#include "context.h"

/* Forgets the request and answers with a status. */
int request_refuse(uint16_t status);

/* Begins a request with instruction; its path, if it has one, must be all of data. */
bool request_read_path(const buffer_t *data);
int request_begin(uint8_t instruction, bool more);

/* Whether part is the next one of a request with instruction; then counts it. */
bool request_continues(uint8_t instruction, uint8_t part);

/* Adds data to the text; false if it is too long. */
bool request_append(text_t *text, const buffer_t *data);

/* The status for a text that the app does not take, SW_OK if it does. */
uint16_t request_check_text(const text_t *text);
