#include "apdu/dispatcher.h"
#include "constants.h"
#include "context.h"
#include "io.h"
#include "os.h"
#include "parser.h"
#include "session.h"
#include "ui/menu.h"

void app_main(void)
{
    io_init();
    session_init();
    context_clear();
    ui_menu_main();

    for (;;) {
        command_t command;
        const int length = io_recv_command();
        if (length < 0) {
            return;
        }
        if (!apdu_parser(&command, G_io_apdu_buffer, (size_t) length)) {
            apdu_abandon();
            if (io_send_sw(SW_WRONG_LENGTH) < 0) {
                return;
            }
        }
        else if (apdu_dispatch(&command) < 0) {
            return;
        }
    }
}
