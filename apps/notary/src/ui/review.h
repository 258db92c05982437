/* Screens on which a person decides. The answer to the host is sent from there. */
#pragma once

#include <stdint.h>

void ui_review_public_key(void);
void ui_review_message(void);
void ui_review_page(uint8_t page);
void ui_review_document(void);

/* Nothing of what was shown is kept. */
void ui_review_forget(void);
