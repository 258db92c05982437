#include "apdu/dispatcher.h"
#include "constants.h"
#include "io.h"
#include "os.h"
#include "parser.h"
#include "ui/menu.h"

void app_main(void)
{
    io_init();
    ui_menu_main();

    for (;;) {
        command_t command;
        const int length = io_recv_command();
        if (length < 0) {
            return;
        }
        const int sent = apdu_parser(&command, G_io_apdu_buffer, (size_t) length)
                             ? apdu_dispatch(&command)
                             : io_send_sw(SW_WRONG_LENGTH);
        if (sent < 0) {
            return;
        }
    }
}
