// A PKCS#11 module that passes everything on to SoftHSM and misbehaves as the environment variable
// FAULTY_PKCS11 says, so that tests meet tokens that lock, vanish and lie. Layout of the function list:
// PKCS#11 v2.40, section 4.4.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long word;
typedef unsigned char byte;
typedef word (*get_token_info_fn)(word slot, byte *info);
typedef word (*login_fn)(word session, word user, byte *pin, word length);
typedef word (*sign_fn)(word session, byte *data, word data_length, byte *out, word *length);

struct function_list {
    byte version[2];
    void *f[68];
};
typedef word (*get_function_list_fn)(struct function_list **list);

enum { GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, LOGIN = 18, SIGN = 43 };

// Of CK_TOKEN_INFO, the offset of flags: label 32, manufacturer 32, model 16, serial 16.
#define FLAGS_OFFSET 96
#define PIN_COUNT_LOW 0x10000UL
#define PIN_FINAL_TRY 0x20000UL
#define PIN_LOCKED 0x40000UL
#define DEVICE_REMOVED 0x32UL
#define GENERAL_ERROR 0x5UL
#define PIN_LOCKED_ERROR 0xa4UL

static struct function_list real, ours;
static unsigned signatures;

static int fault(const char *name) {
    const char *wanted = getenv("FAULTY_PKCS11");
    return wanted && strcmp(wanted, name) == 0;
}

static word get_token_info(word slot, byte *info) {
    word result = ((get_token_info_fn)real.f[GET_TOKEN_INFO])(slot, info), flags;
    memcpy(&flags, info + FLAGS_OFFSET, sizeof flags);
    if (fault("count-low")) flags |= PIN_COUNT_LOW;
    if (fault("final-try")) flags |= PIN_COUNT_LOW | PIN_FINAL_TRY;
    if (fault("locked")) flags |= PIN_LOCKED;
    memcpy(info + FLAGS_OFFSET, &flags, sizeof flags);
    return result;
}

static word login(word session, word user, byte *pin, word length) {
    if (fault("locks-on-login")) return PIN_LOCKED_ERROR;
    return ((login_fn)real.f[LOGIN])(session, user, pin, length);
}

static word sign(word session, byte *data, word data_length, byte *out, word *length) {
    word result = ((sign_fn)real.f[SIGN])(session, data, data_length, out, length);
    if (!out) return result;
    signatures++;
    if (fault("removed") || (fault("removed-at-third") && signatures % 3 == 0)) return DEVICE_REMOVED;
    if (fault("general-error")) return GENERAL_ERROR;
    if (fault("flipped-bit")) out[40] ^= 1;
    if (fault("zeros")) memset(out, 0, 64);
    if (fault("short")) *length = 63;
    return result;
}

word C_GetFunctionList(struct function_list **list) {
    void *library = dlopen(getenv("FAULTY_PKCS11_REAL"), RTLD_NOW);
    struct function_list *found = 0;
    if (!library) return GENERAL_ERROR;
    ((get_function_list_fn)dlsym(library, "C_GetFunctionList"))(&found);
    real = ours = *found;
    ours.f[GET_FUNCTION_LIST] = (void *)C_GetFunctionList;
    ours.f[GET_TOKEN_INFO] = (void *)get_token_info;
    ours.f[LOGIN] = (void *)login;
    ours.f[SIGN] = (void *)sign;
    signatures = 0;
    *list = &ours;
    return 0;
}
