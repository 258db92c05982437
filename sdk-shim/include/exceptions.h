/*
 * Exceptions: a chain of jump buffers whose head the operating system keeps.
 *
 *     BEGIN_TRY {
 *         TRY { ... }
 *         CATCH(TIMEOUT) { ... }
 *         CATCH_OTHER(e) { ... }
 *         FINALLY { ... }
 *     }
 *     END_TRY;
 *
 * FINALLY runs on every path; what no clause caught is thrown on after it.
 */
#pragma once

#include <stdint.h>

#include "bolos_target.h"
#include "decorators.h"
#include "errors.h"

typedef uint16_t exception_t;
typedef struct try_context_s try_context_t;

#if defined(__arm__)
typedef unsigned int jmp_buf[10];
int setjmp(jmp_buf buffer) __attribute__((returns_twice));
void longjmp(jmp_buf buffer, int value) __attribute__((noreturn));
#else
#include <setjmp.h>
#endif

struct try_context_s {
    jmp_buf jmp_buf;
    try_context_t *previous;
    exception_t ex;
};

try_context_t *try_context_get(void);
try_context_t *try_context_set(try_context_t *context);

void os_longjmp(unsigned int exception) __attribute__((noreturn));

#define THROW(x) os_longjmp(x)

/* Unwinds to the context outside of this one, so that a clause may itself throw. */
#define CLOSE_TRY try_context_set(shim_try.previous)

/* A try inside of another one hides its context, and shall. */
#define BEGIN_TRY                                          \
    {                                                      \
        _Pragma("clang diagnostic push")                   \
        _Pragma("clang diagnostic ignored \"-Wshadow\"")   \
        try_context_t shim_try;                            \
        _Pragma("clang diagnostic pop")

#define TRY                                                        \
    shim_try.ex = (exception_t) setjmp(shim_try.jmp_buf);          \
    if (shim_try.ex == 0) {                                        \
        shim_try.previous = try_context_set(&shim_try);

#define SHIM_CLAUSE(condition)     \
    }                              \
    else if (condition)            \
    {                              \
        const exception_t shim_caught = shim_try.ex; \
        (void) shim_caught;        \
        shim_try.ex = 0;           \
        CLOSE_TRY;

#define CATCH(x) SHIM_CLAUSE(shim_try.ex == (x))
#define CATCH_ALL SHIM_CLAUSE(1)
#define CATCH_OTHER(e) SHIM_CLAUSE(1) __attribute__((unused)) const exception_t e = shim_caught;

#define FINALLY                                \
    }                                          \
    if (try_context_get() == &shim_try) {      \
        CLOSE_TRY;                             \
    }

#define END_TRY                    \
    if (shim_try.ex != 0) {        \
        THROW(shim_try.ex);        \
    }                              \
    }                              \
    _Static_assert(1, "")

/* The same with labels, which tell nested ones apart in other SDKs. */
#define THROW_L(L, x)          THROW(x)
#define BEGIN_TRY_L(L)         BEGIN_TRY
#define TRY_L(L)               TRY
#define CATCH_L(L, x)          CATCH(x)
#define CATCH_OTHER_L(L, e)    CATCH_OTHER(e)
#define CATCH_ALL_L(L)         CATCH_ALL
#define FINALLY_L(L)           FINALLY
#define CLOSE_TRY_L(L)         CLOSE_TRY
#define END_TRY_L(L)           END_TRY
