/*
 * Screens as flows of steps that the two buttons walk through: left, right, both to choose.
 *
 * A step is content, not drawing: up to four lines of text (b bold, n normal) under an optional icon (p).
 * The layouts have the SDK's names: pb is an icon and a bold line, bnnn_paging a title over a long text.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bagl.h"
#include "os.h"
#include "os_ux.h"
#include "glyphs.h"

#ifndef UX_STACK_SLOT_COUNT
#define UX_STACK_SLOT_COUNT 1
#endif

#define BUTTON_LEFT  1
#define BUTTON_RIGHT 2

typedef struct {
    unsigned char stack_count;
} ux_state_t;

extern ux_state_t G_ux;
extern bolos_ux_params_t G_ux_params;

#define UX_INIT() memset(&G_ux, 0, sizeof(G_ux))

unsigned int ux_stack_push(void);
unsigned int ux_stack_pop(void);
void ux_stack_redisplay(void);

/* Layouts: number of lines, bit per bold line, icon, text that may need several pages. */

#define SHIM_LINES(layout)     ((layout) & 7)
#define SHIM_BOLD(layout)      (((layout) >> 4) & 15)
#define SHIM_LAYOUT_ICON       0x100
#define SHIM_LAYOUT_PAGED      0x200
#define SHIM_LAYOUT_NONE       0

#define SHIM_LAYOUT_bn          (2 | 0x10)
#define SHIM_LAYOUT_bb          (2 | 0x30)
#define SHIM_LAYOUT_nn          2
#define SHIM_LAYOUT_pb          (1 | 0x10 | SHIM_LAYOUT_ICON)
#define SHIM_LAYOUT_pn          (1 | SHIM_LAYOUT_ICON)
#define SHIM_LAYOUT_pbb         (2 | 0x30 | SHIM_LAYOUT_ICON)
#define SHIM_LAYOUT_pbn         (2 | 0x10 | SHIM_LAYOUT_ICON)
#define SHIM_LAYOUT_pnn         (2 | SHIM_LAYOUT_ICON)
#define SHIM_LAYOUT_bnnn_paging (2 | 0x10 | SHIM_LAYOUT_PAGED)
#define SHIM_LAYOUT_paging      SHIM_LAYOUT_bnnn_paging
#ifndef TARGET_NANOS
#define SHIM_LAYOUT_bnn  (3 | 0x10)
#define SHIM_LAYOUT_nnn  3
#define SHIM_LAYOUT_bnnn (4 | 0x10)
#define SHIM_LAYOUT_nnnn 4
#endif

/* Parameters: an icon if the layout has one, then its lines. */

typedef struct {
    const char *line1;
    const char *line2;
} shim_lines_2_t;

typedef struct {
    const char *line1;
    const char *line2;
    const char *line3;
} shim_lines_3_t;

typedef struct {
    const char *line1;
    const char *line2;
    const char *line3;
    const char *line4;
} shim_lines_4_t;

typedef struct {
    const bagl_icon_details_t *icon;
    const char *line1;
} shim_icon_line_t;

typedef struct {
    const bagl_icon_details_t *icon;
    const char *line1;
    const char *line2;
} shim_icon_lines_2_t;

typedef struct {
    const char *title;
    const char *text;
} shim_paged_t;

typedef shim_lines_2_t ux_layout_bn_params_t;
typedef shim_lines_2_t ux_layout_bb_params_t;
typedef shim_lines_2_t ux_layout_nn_params_t;
typedef shim_lines_3_t ux_layout_bnn_params_t;
typedef shim_lines_3_t ux_layout_nnn_params_t;
typedef shim_lines_4_t ux_layout_bnnn_params_t;
typedef shim_lines_4_t ux_layout_nnnn_params_t;
typedef shim_icon_line_t ux_layout_pb_params_t;
typedef shim_icon_line_t ux_layout_pn_params_t;
typedef shim_icon_lines_2_t ux_layout_pbb_params_t;
typedef shim_icon_lines_2_t ux_layout_pbn_params_t;
typedef shim_icon_lines_2_t ux_layout_pnn_params_t;
typedef shim_paged_t ux_layout_bnnn_paging_params_t;
typedef shim_paged_t ux_layout_paging_params_t;

/*
 * enter runs before the step is shown (instead, if the layout is SHIM_LAYOUT_NONE), choose when both
 * buttons are released. Either may start another flow.
 */
typedef struct ux_flow_step_s {
    uint16_t layout;
    const void *params;
    void (*enter)(unsigned int stack_slot);
    void (*choose)(void);
    const struct ux_flow_step_s *const *validate_flow;
} ux_flow_step_t;

#define FLOW_END_STEP ((const ux_flow_step_t *) 0xFFFFFFFFUL)
#define FLOW_BARRIER  ((const ux_flow_step_t *) 0xFFFFFFFEUL)
#define FLOW_LOOP     ((const ux_flow_step_t *) 0xFFFFFFFDUL)

typedef enum {
    FLOW_DIRECTION_BACKWARD = -1,
    FLOW_DIRECTION_START = 0,
    FLOW_DIRECTION_FORWARD = 1,
} ux_flow_direction_t;

#define UX_FLOW(flow_name, ...) const ux_flow_step_t *const flow_name[] = {__VA_ARGS__, FLOW_END_STEP}

#define SHIM_STEP(stepname, layoutkind, enter_, choose_, flow_, ...)                     \
    static const ux_layout_##layoutkind##_params_t stepname##_val = __VA_ARGS__;         \
    const ux_flow_step_t stepname = {.layout = SHIM_LAYOUT_##layoutkind,                 \
                                     .params = &stepname##_val,                          \
                                     .enter = (enter_),                                  \
                                     .choose = (choose_),                                \
                                     .validate_flow = (flow_)}

#define SHIM_CHOOSE(stepname, code)      \
    static void stepname##_choose(void)  \
    {                                    \
        code;                            \
    }

#define SHIM_ENTER(stepname, code)                           \
    static void stepname##_enter(unsigned int stack_slot)    \
    {                                                        \
        (void) stack_slot;                                   \
        code;                                                \
    }

#define UX_STEP_NOCB(stepname, layoutkind, ...) SHIM_STEP(stepname, layoutkind, NULL, NULL, NULL, __VA_ARGS__)

#define UX_STEP_NOCB_INIT(stepname, layoutkind, preinit, ...) \
    SHIM_ENTER(stepname, preinit)                             \
    SHIM_STEP(stepname, layoutkind, stepname##_enter, NULL, NULL, __VA_ARGS__)

#define UX_STEP_CB(stepname, layoutkind, validate_cb, ...) \
    SHIM_CHOOSE(stepname, validate_cb)                     \
    SHIM_STEP(stepname, layoutkind, NULL, stepname##_choose, NULL, __VA_ARGS__)

/* The older name. */
#define UX_STEP_VALID UX_STEP_CB

#define UX_STEP_CB_INIT(stepname, layoutkind, preinit, validate_cb, ...) \
    SHIM_CHOOSE(stepname, validate_cb)                                   \
    SHIM_ENTER(stepname, preinit)                                        \
    SHIM_STEP(stepname, layoutkind, stepname##_enter, stepname##_choose, NULL, __VA_ARGS__)

#define UX_STEP_FLOWCB(stepname, layoutkind, flow, error_flow, ...) \
    SHIM_STEP(stepname, layoutkind, NULL, NULL, flow, __VA_ARGS__)

/* A step without a screen: its code runs when the flow comes by. */
#define UX_STEP_INIT(stepname, validate_flow_, error_flow, ...) \
    SHIM_ENTER(stepname, __VA_ARGS__)                           \
    const ux_flow_step_t stepname = {                           \
        .layout = SHIM_LAYOUT_NONE, .enter = stepname##_enter, .validate_flow = (validate_flow_)}

void ux_flow_init(unsigned int stack_slot, const ux_flow_step_t *const *steps, const ux_flow_step_t *start_step);
void ux_flow_uninit(unsigned int stack_slot);
void ux_flow_next(void);
void ux_flow_prev(void);
void ux_flow_validate(void);
ux_flow_direction_t ux_flow_direction(void);
unsigned int ux_flow_is_first(void);
unsigned int ux_flow_is_last(void);

/* A list whose entries are asked for by index; NULL ends it. */
typedef const char *(*list_item_value_t)(unsigned int index);
typedef void (*list_item_select_t)(unsigned int index);
void ux_menulist_init(unsigned int stack_slot, list_item_value_t getter, list_item_select_t selector);
void ux_menulist_init_select(unsigned int stack_slot,
                             list_item_value_t getter,
                             list_item_select_t selector,
                             unsigned int selected);
