/* What an app that can be swapped defines. */
#pragma once

#include "swap_lib_calls.h"

void swap_handle_check_address(check_address_parameters_t *params);
void swap_handle_get_printable_amount(get_printable_amount_parameters_t *params);
/* Keeps what it needs, as the parameters' memory is another app's. False: the swap is refused. */
bool swap_copy_transaction_parameters(create_transaction_parameters_t *sign_transaction_params);
