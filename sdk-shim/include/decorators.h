/* Annotations that the prototypes of the public interface carry. */
#pragma once

#define SYSCALL
#define SUDOCALL
#define TASKSWITCH
#define LIBCALL
#define SHARED
#define PERMISSION(...)
#define PLENGTH(...)
#define CXPORT(...)
#define TASKLEVEL(...)

#define WARN_UNUSED_RESULT __attribute__((warn_unused_result))
#define DEPRECATED         __attribute__((deprecated))
#define FALL_THROUGH       __attribute__((fallthrough))
#ifndef WEAK
#define WEAK __attribute__((weak))
#endif
