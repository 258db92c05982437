/* Called by the Exchange app instead of by a person: no screens, one transaction, and back. */
#ifdef HAVE_SWAP
#include "swap.h"

#include <string.h>

#include "io.h"
#include "main_std_app.h"
#include "shim.h"
#include "swap_error_code_helpers.h"
#ifdef HAVE_NBGL
#include "nbgl_use_case.h"
#endif

/* libargs_t.id of a call by the Exchange app. */
#define CALLED_BY_EXCHANGE 0x100

volatile bool G_called_from_swap;
volatile bool G_swap_response_ready;
volatile uint8_t *G_swap_signing_return_value_address;

static void sign_transaction(create_transaction_parameters_t *params)
{
    if (!swap_copy_transaction_parameters(params)) {
        return;
    }
    /* The copy may have cleared all variables: these come after it. */
    G_called_from_swap = true;
    G_swap_response_ready = false;
    G_swap_signing_return_value_address = &params->result;
    common_app_init();
#ifdef HAVE_NBGL
    nbgl_useCaseSpinner("Signing");
#endif
    app_main();
}

void shim_library_main(libargs_t *args)
{
    if (args->id != CALLED_BY_EXCHANGE) {
        app_exit();
    }
    BEGIN_TRY
    {
        TRY
        {
            switch (args->command) {
                case SIGN_TRANSACTION:
                    sign_transaction(args->create_transaction);
                    break;
                case CHECK_ADDRESS:
                    swap_handle_check_address(args->check_address);
                    break;
                case GET_PRINTABLE_AMOUNT:
                    swap_handle_get_printable_amount(args->get_printable_amount);
                    break;
                default:
                    break;
            }
        }
        CATCH_OTHER(e)
        {
            PRINTF("the call ends after exception 0x%04x\n", e);
        }
        FINALLY
        {
            os_lib_end();
        }
    }
    END_TRY;
}

bool shim_swap_is_answered(void)
{
    return G_called_from_swap && G_swap_response_ready;
}

void shim_swap_finish(bool sent, uint16_t status)
{
    if (!sent) {
        os_sched_exit((bolos_task_status_t) -1);
    }
    *G_swap_signing_return_value_address = status == SWO_SUCCESS;
    os_lib_end();
}

void send_swap_error_with_buffers(uint16_t status_word,
                                  uint8_t common_error_code,
                                  uint8_t application_specific_error_code,
                                  const buffer_t *buffer_data,
                                  size_t count)
{
    uint8_t codes[] = {common_error_code, application_specific_error_code};
    buffer_t parts[1 + SWAP_ERROR_HELPER_MAX_BUFFER_COUNT] = {{.ptr = codes, .size = sizeof(codes)}};
    count = MIN(count, SWAP_ERROR_HELPER_MAX_BUFFER_COUNT);
    for (size_t i = 0; i < count; i++) {
        parts[1 + i] = buffer_data[i];
    }
    G_swap_response_ready = true;
    io_send_response_buffers(parts, 1 + count, status_word);
    os_sched_exit((bolos_task_status_t) -1);
}

void send_swap_error_with_buffer(uint16_t status_word,
                                 uint8_t common_error_code,
                                 uint8_t application_specific_error_code,
                                 const buffer_t buffer_data)
{
    send_swap_error_with_buffers(
        status_word, common_error_code, application_specific_error_code, &buffer_data, 1);
}

void send_swap_error_simple(uint16_t status_word, uint8_t common_error_code, uint8_t application_specific_error_code)
{
    send_swap_error_with_buffers(status_word, common_error_code, application_specific_error_code, NULL, 0);
}

bool swap_str_to_u64(const uint8_t *src, size_t length, uint64_t *result)
{
    *result = 0;
    if (length > sizeof(*result)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        *result = (*result << 8) | src[i];
    }
    return true;
}

bool swap_parse_config(const uint8_t *config,
                       uint8_t config_len,
                       char *ticker,
                       uint8_t ticker_buf_len,
                       uint8_t *decimals)
{
    if (config_len < 1 || config[0] == 0 || config[0] >= ticker_buf_len || config_len < 1 + config[0] + 1) {
        return false;
    }
    memcpy(ticker, &config[1], config[0]);
    ticker[config[0]] = '\0';
    *decimals = config[1 + config[0]];
    return true;
}
#endif
