#include "menu.h"

#include <string.h>

#include "glyphs.h"
#include "os.h"
#include "settings.h"
#include "ux.h"

static char blind_signing_text[sizeof("Not allowed")];

static void ui_menu_settings(void);
static void toggle_blind_signing(void);

static void quit(void)
{
    os_sched_exit((bolos_task_status_t) -1);
}

UX_STEP_NOCB(ux_menu_ready_step, pnn, {&C_app_boilerplate_14px, APPNAME, "is ready"});
UX_STEP_NOCB(ux_menu_version_step, bn, {"Version", APPVERSION});
UX_STEP_CB(ux_menu_settings_step, pb, ui_menu_settings(), {&C_icon_coggle, "Settings"});
UX_STEP_CB(ux_menu_quit_step, pb, quit(), {&C_icon_dashboard_x, "Quit"});

UX_FLOW(ux_menu_flow,
        &ux_menu_ready_step,
        &ux_menu_version_step,
        &ux_menu_settings_step,
        &ux_menu_quit_step,
        FLOW_LOOP);

UX_STEP_CB(ux_settings_blind_step, bn, toggle_blind_signing(), {"Blind signing", blind_signing_text});
UX_STEP_CB(ux_settings_back_step, pb, ui_menu_main(), {&C_icon_back_x, "Back"});

UX_FLOW(ux_settings_flow, &ux_settings_blind_step, &ux_settings_back_step, FLOW_LOOP);

static void ui_menu_settings(void)
{
    strlcpy(blind_signing_text,
            settings_blind_signing() ? "Allowed" : "Not allowed",
            sizeof(blind_signing_text));
    ux_flow_init(0, ux_settings_flow, NULL);
}

static void toggle_blind_signing(void)
{
    settings_set_blind_signing(!settings_blind_signing());
    ui_menu_settings();
}

void ui_menu_main(void)
{
    if (G_ux.stack_count == 0) {
        ux_stack_push();
    }
    ux_flow_init(0, ux_menu_flow, NULL);
}
