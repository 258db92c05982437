#pragma once

/* Shows the home screen. */
void ui_menu_main(void);
