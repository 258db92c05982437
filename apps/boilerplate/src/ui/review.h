/* Screens on which a person decides. The answer to the host is sent from there. */
#pragma once

/* Shows the address of G_context.public_key. Negative if an answer was due at once and not sent. */
int ui_review_public_key(void);

/* Shows every field of G_context.signing.tx. Negative as above. */
int ui_review_transaction(void);

/* Nothing of what was shown is kept. */
void ui_review_forget(void);
