/* From the first instruction to app_main, and out again. */
#include <string.h>

#include "io.h"
#include "main_std_app.h"
#include "shim.h"

/* Places that the linker script names. */
extern uint32_t _bss[], _ebss[], app_stack_canary;
extern const uint8_t _nvram_start[];

/* Addresses as linked (src/abi.S). */
extern const struct {
    uintptr_t flash;
    uintptr_t flash_end;
    uintptr_t ram;
    uintptr_t ram_end;
} shim_linked;

#define CANARY 0xDEAD0031

void *pic(void *linked_address)
{
    const uintptr_t address = (uintptr_t) linked_address;
    if (address >= shim_linked.flash && address < shim_linked.flash_end) {
        return (void *) (uintptr_t) (_nvram_start + (address - shim_linked.flash));
    }
    if (address >= shim_linked.ram && address < shim_linked.ram_end) {
        return (uint8_t *) _bss + (address - shim_linked.ram);
    }
    return linked_address;
}

void os_explicit_zero_BSS_segment(void)
{
    explicit_bzero(_bss, (size_t) ((uint8_t *) _ebss - (uint8_t *) _bss));
}

void os_boot(void)
{
    try_context_set(NULL);
    os_explicit_zero_BSS_segment();
    app_stack_canary = CANARY;
}

/* The stack grows down to the canary: once it is overwritten, variables are not to be trusted. */
void shim_check_canary(void)
{
    if (app_stack_canary != CANARY) {
        os_sched_exit((bolos_task_status_t) EXCEPTION_OVERFLOW);
    }
}

void os_longjmp(unsigned int exception)
{
    try_context_t *context = try_context_get();
    if (context == NULL) {
        os_sched_exit((bolos_task_status_t) exception);
    }
    longjmp(context->jmp_buf, (int) exception);
}

void assert_exit(bool confirm)
{
    (void) confirm;
    os_sched_exit((bolos_task_status_t) -1);
}

void os_reset(void)
{
    os_sched_exit(0);
}

WEAK void app_exit(void)
{
    os_sched_exit((bolos_task_status_t) -1);
}

WEAK void common_app_init(void)
{
    UX_INIT();
    io_seproxyhal_init();
}

WEAK void standalone_app_main(void)
{
    BEGIN_TRY
    {
        TRY
        {
            common_app_init();
            app_main();
        }
        CATCH_OTHER(e)
        {
            PRINTF("the app ends after exception 0x%04x\n", e);
        }
        FINALLY {}
    }
    END_TRY;
    app_exit();
}

/* The OS calls the first byte of the image; argument 0 means from the dashboard, else another app's call. */
__attribute__((section(".boot"))) int main(int library_call)
{
    __asm volatile("cpsie i");
    os_boot();
    if (library_call == 0) {
        standalone_app_main();
    }
#ifdef HAVE_SWAP
    else {
        shim_library_main((libargs_t *) library_call);
    }
#endif
    app_exit();
}
