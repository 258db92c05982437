#include "menu.h"

#include "glyphs.h"
#include "os.h"
#include "ux.h"

static void quit(void)
{
    os_sched_exit((bolos_task_status_t) -1);
}

UX_STEP_NOCB(ux_menu_ready_step, pnn, {&C_app_notary_14px, APPNAME, "is ready"});
UX_STEP_NOCB(ux_menu_version_step, bn, {"Version", APPVERSION});
UX_STEP_CB(ux_menu_quit_step, pb, quit(), {&C_icon_dashboard_x, "Quit"});

UX_FLOW(ux_menu_flow, &ux_menu_ready_step, &ux_menu_version_step, &ux_menu_quit_step, FLOW_LOOP);

void ui_menu_main(void)
{
    if (G_ux.stack_count == 0) {
        ux_stack_push();
    }
    ux_flow_init(0, ux_menu_flow, NULL);
}
