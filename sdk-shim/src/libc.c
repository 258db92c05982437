/* string.h without a C library. Compiled so that the loops are not turned into calls of themselves. */
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    uint8_t *to = dst;
    const uint8_t *from = src;
    while (n-- > 0) {
        *to++ = *from++;
    }
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    uint8_t *to = dst;
    const uint8_t *from = src;
    if ((uintptr_t) to <= (uintptr_t) from) {
        return memcpy(dst, src, n);
    }
    while (n-- > 0) {
        to[n] = from[n];
    }
    return dst;
}

void *memset(void *dst, int value, size_t n)
{
    uint8_t *to = dst;
    while (n-- > 0) {
        *to++ = (uint8_t) value;
    }
    return dst;
}

void explicit_bzero(void *dst, size_t n)
{
    memset(dst, 0, n);
    __asm volatile("" : : "r"(dst) : "memory");
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

void *memchr(const void *s, int c, size_t n)
{
    const uint8_t *p = s;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == (uint8_t) c) {
            return (void *) (uintptr_t) &p[i];
        }
    }
    return NULL;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n] != '\0') {
        n++;
    }
    return n;
}

size_t strlen(const char *s)
{
    return strnlen(s, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] || a[i] == '\0') {
            return (uint8_t) a[i] - (uint8_t) b[i];
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strcpy(char *restrict dst, const char *restrict src)
{
    return memcpy(dst, src, strlen(src) + 1);
}

char *strncpy(char *restrict dst, const char *restrict src, size_t n)
{
    const size_t length = strnlen(src, n);
    memcpy(dst, src, length);
    memset(dst + length, 0, n - length);
    return dst;
}

char *strncat(char *restrict dst, const char *restrict src, size_t n)
{
    char *end = dst + strlen(dst);
    const size_t length = strnlen(src, n);
    memcpy(end, src, length);
    end[length] = '\0';
    return dst;
}

char *strcat(char *restrict dst, const char *restrict src)
{
    return strncat(dst, src, SIZE_MAX);
}

size_t strlcpy(char *restrict dst, const char *restrict src, size_t size)
{
    const size_t length = strlen(src);
    if (size > 0) {
        const size_t copied = length < size ? length : size - 1;
        memcpy(dst, src, copied);
        dst[copied] = '\0';
    }
    return length;
}

size_t strlcat(char *restrict dst, const char *restrict src, size_t size)
{
    const size_t used = strnlen(dst, size);
    return used + strlcpy(dst + used, src, size - used);
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char) c) {
            return (char *) (uintptr_t) s;
        }
        if (*s == '\0') {
            return NULL;
        }
    }
}

char *strrchr(const char *s, int c)
{
    const char *found = NULL;
    for (;; s++) {
        if (*s == (char) c) {
            found = s;
        }
        if (*s == '\0') {
            return (char *) (uintptr_t) found;
        }
    }
}

char *strstr(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (;; text++) {
        if (strncmp(text, word, length) == 0) {
            return (char *) (uintptr_t) text;
        }
        if (*text == '\0') {
            return NULL;
        }
    }
}

#if defined(__arm__)
/* What compilers for ARM call: run-time ABI for the ARM architecture, §4.3.4. */
void __aeabi_memcpy(void *dst, const void *src, size_t n)
{
    memcpy(dst, src, n);
}

void __aeabi_memmove(void *dst, const void *src, size_t n)
{
    memmove(dst, src, n);
}

void __aeabi_memset(void *dst, size_t n, int value)
{
    memset(dst, value, n);
}

void __aeabi_memclr(void *dst, size_t n)
{
    memset(dst, 0, n);
}

void __aeabi_memcpy4(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memcpy")));
void __aeabi_memcpy8(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memcpy")));
void __aeabi_memmove4(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memmove")));
void __aeabi_memmove8(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memmove")));
void __aeabi_memset4(void *dst, size_t n, int value) __attribute__((alias("__aeabi_memset")));
void __aeabi_memset8(void *dst, size_t n, int value) __attribute__((alias("__aeabi_memset")));
void __aeabi_memclr4(void *dst, size_t n) __attribute__((alias("__aeabi_memclr")));
void __aeabi_memclr8(void *dst, size_t n) __attribute__((alias("__aeabi_memclr")));
#endif
