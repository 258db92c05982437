/*
 * The whole boundary between an app and the operating system, as a table.
 *
 * First number: API levels 22 to 27 (os_io_*, nbgl_* from 24). Second: OS 2.1 of the Nano S. NONE: not there.
 * A system call takes an array of words: r0 = call number, r1 = the array, svc 1; back come r0 = result and
 * r1 = exception (0: none). A call of the shared library takes its usual arguments plus an index.
 * Every stub is weak and lies in a section of its own: one that nobody uses costs nothing.
 */
#include "bolos_target.h"

#define NONE -1

  .syntax unified
  .thumb

.macro begin name
  .section .text.\name, "ax", %progbits
  .balign 4
  .weak \name
  .type \name, %function
  .thumb_func
\name:
.endm

.macro end name
  .size \name, . - \name
.endm

/* Arguments five and up already lie on the stack; the four in registers go right below them. */
.macro stub common, name, id
.if \id != NONE
begin \name
  push  {r0-r3}
  push  {r4, lr}
  bl    \common
  .word \id
end \name
.endif
.endm

.macro library_stub name, index
.if \index != NONE
begin \name
  push  {r0, r1}                /* the trampoline takes them back */
  movs  r0, #\index
  ldr   r1, 1f
  bx    r1
1: .word SHARED_TRAMPOLINE_ADDR
end \name
.endif
.endm

#ifdef TARGET_NANOS
.macro syscall name, id, nanos
  stub shim_syscall, \name, \nanos
.endm
.macro cx_syscall name, id, nanos
  stub shim_cx_syscall, \name, \nanos
.endm
.macro library name, index, nanos
  library_stub \name, \nanos
.endm
#else
.macro syscall name, id, nanos
  stub shim_syscall, \name, \id
.endm
.macro cx_syscall name, id, nanos
  stub shim_cx_syscall, \name, \id
.endm
.macro library name, index, nanos
  library_stub \name, \index
.endm
#endif

/* The one instruction that enters the operating system. Emulators look for it by this name. */
begin SVC_Call
  svc   #1
  bx    lr
end SVC_Call

/* lr points behind the bl of the stub, at the call number. */
.macro enter
  mov   r0, lr
  subs  r0, #1
  ldr   r0, [r0]
  add   r1, sp, #8
  bl    SVC_Call
.endm

.macro leave
  pop   {r4}
  pop   {r3}
  add   sp, #16
  bx    r3
.endm

begin shim_syscall
  enter
  cmp   r1, #0
  bne   1f
  leave
1:
  mov   r0, r1
  bl    os_longjmp
end shim_syscall

/* The result is an error code; these calls do not throw. */
begin shim_cx_syscall
  enter
  leave
end shim_cx_syscall

/* Ten words: r4 to r11, sp, lr. The OS library relies on this layout. */
begin setjmp
  stmia r0!, {r4-r7}
  mov   r1, r8
  mov   r2, r9
  mov   r3, r10
  stmia r0!, {r1-r3}
  mov   r1, r11
  mov   r2, sp
  mov   r3, lr
  stmia r0!, {r1-r3}
  movs  r0, #0
  bx    lr
end setjmp

begin longjmp
  movs  r2, r0
  adds  r2, #16
  ldmia r2!, {r3-r5}
  mov   r8, r3
  mov   r9, r4
  mov   r10, r5
  ldmia r2!, {r3-r5}
  mov   r11, r3
  mov   sp, r4
  mov   lr, r5
  ldmia r0!, {r4-r7}
  movs  r0, r1
  bne   1f
  movs  r0, #1
1:
  bx    lr
end longjmp

/* Addresses as the linker gave them; C code sees only where things are at run time. */
  .section .text.shim_linked, "ax", %progbits
  .balign 4
  .global shim_linked
  .type shim_linked, %object
shim_linked:
  .word _nvram_start, _nvram_end, _bss, _estack
  .size shim_linked, 16

syscall    get_api_level, 0x00000001, 0x60000138
syscall    halt, 0x00000002, 0x6000023c
syscall    nvm_write, 0x03000003, 0x6000037f
syscall    nvm_erase, 0x02000121, 0x60012128
syscall    nvm_erase_page, 0x01000136, 0x600136e4
syscall    os_perso_isonboarded, 0x0000009f, 0x60009f4f
syscall    os_perso_derive_node_bip32, 0x05000053, 0x600053ba
syscall    os_perso_derive_node_with_seed_key, 0x080000a6, 0x6000a6d8
syscall    os_perso_derive_eip2333, 0x040000a7, 0x6000a750
syscall    os_global_pin_is_validated, 0x000000a0, 0x6000a03c
syscall    os_global_pin_check, 0x020000a1, 0x6000a102
syscall    os_global_pin_invalidate, 0x0000005d, 0x60005dd0
syscall    os_global_pin_retries, 0x0000005e, 0x60005e59
syscall    os_ux, 0x01000064, 0x60006458
syscall    os_lib_call, 0x01000067, 0x6000670d
syscall    os_lib_end, 0x00000068, 0x6000688d
syscall    os_flags, 0x0000006a, 0x60006a6e
syscall    os_version, 0x0200006b, 0x60006bb8
syscall    os_serial, 0x0200006c, 0x60006cb3
syscall    os_seph_features, 0x0000006e, 0x60006ed6
syscall    os_seph_version, 0x0200006f, 0x60006fac
syscall    os_bootloader_version, 0x02000073, 0x600073ad
syscall    os_setting_get, 0x03000070, 0x600070c5
syscall    os_setting_set, 0x03000071, 0x60007196
syscall    os_registry_get_current_app_tag, 0x03000074, 0x600074d4
syscall    os_sched_exit, 0x0100009a, 0x60009abe
syscall    os_sched_last_status, 0x0100009c, 0x60009c8b
syscall    os_sched_current_task, 0x0000008b, 0x60008b51
syscall    try_context_get, 0x00000087, 0x600087b1
syscall    try_context_set, 0x0100010b, 0x60010b06
syscall    io_seph_send, NONE, 0x60008381
syscall    io_seph_is_status_sent, NONE, 0x600084bb
syscall    io_seph_recv, NONE, 0x600085e4
syscall    os_io_init, 0x01000084, NONE
syscall    os_io_start, 0x01000085, NONE
syscall    os_io_stop, 0x01000086, NONE
syscall    os_io_tx_cmd, 0x04000088, NONE
syscall    os_io_rx_evt, 0x03000089, NONE
syscall    os_perso_is_pin_set, 0x0000009e, NONE
syscall    os_perso_get_master_key_identifier, 0x02000055, NONE
syscall    os_pki_load_certificate, 0x060000aa, NONE
syscall    os_pki_verify, 0x040000ab, NONE
syscall    os_pki_get_info, 0x040000ac, NONE
syscall    nbgl_frontDrawRect, 0x01fa0000, NONE
syscall    nbgl_frontDrawLine, 0x03fa0001, NONE
syscall    nbgl_frontDrawImage, 0x04fa0002, NONE
syscall    nbgl_frontDrawImageRle, 0x05fa0010, NONE
syscall    nbgl_frontDrawImageFile, 0x05fa0004, NONE
syscall    nbgl_frontRefreshArea, 0x03fa0003, NONE

cx_syscall cx_get_random_bytes, 0x02000107, 0x60010775
cx_syscall cx_trng_get_random_data, 0x02000106, 0x60010676
cx_syscall cx_ecdomain_size, 0x0200012e, 0x60012e04
cx_syscall cx_ecdomain_parameters_length, 0x0200012f, 0x60012fb4
cx_syscall cx_ecdomain_parameter, 0x04000130, 0x6001306f
cx_syscall cx_ecdomain_generator, 0x04000132, 0x600132e4
cx_syscall cx_bn_lock, 0x02000112, 0x600112f1
cx_syscall cx_bn_unlock, 0x000000b6, 0x6000b617
cx_syscall cx_bn_alloc, 0x02000113, 0x6001133c
cx_syscall cx_bn_alloc_init, 0x04000114, 0x600114cd
cx_syscall cx_bn_destroy, 0x010000bc, 0x6000bc61
cx_syscall cx_bn_export, 0x030000c3, 0x6000c35a
cx_syscall cx_bn_cmp, 0x030000c4, 0x6000c41d
cx_syscall cx_bn_mod_add, 0x040000d3, 0x6000d302
cx_syscall cx_bn_mod_sub, 0x040000d4, 0x6000d475
cx_syscall cx_bn_mod_mul, 0x040000d5, 0x6000d59d
cx_syscall cx_bn_reduce, 0x030000d6, 0x6000d60e
cx_syscall cx_ecpoint_alloc, 0x020000f1, 0x6000f1d6
cx_syscall cx_ecpoint_destroy, 0x010000f2, 0x6000f2ce
cx_syscall cx_ecpoint_init, 0x050000f3, 0x6000f369
cx_syscall cx_ecpoint_export, 0x050000f5, 0x6000f5b9
cx_syscall cx_ecpoint_compress, 0x0400012c, 0x60012ce7
cx_syscall cx_ecpoint_decompress, 0x0400012d, 0x60012d42
cx_syscall cx_ecpoint_add, 0x0300010e, 0x60010e02
cx_syscall cx_ecpoint_neg, 0x0100010f, 0x60010f17
cx_syscall cx_ecpoint_scalarmul, 0x03000110, 0x6001103c
cx_syscall cx_ecpoint_rnd_scalarmul, 0x03000127, 0x6001274d
cx_syscall cx_ecpoint_cmp, 0x030000fb, 0x6000fbc5
cx_syscall cx_ecpoint_is_on_curve, 0x020000fc, 0x6000fcc5

library    cx_aes_dec_block, 0x00, 0x00
library    cx_aes_enc_block, 0x01, 0x01
library    cx_aes_init_key_no_throw, 0x0b, 0x02
library    cx_aes_iv_no_throw, 0x0c, 0x03
library    cx_aes_no_throw, 0x0d, 0x04
library    cx_blake2b, 0x16, 0x05
library    cx_blake2b_final, 0x17, 0x06
library    cx_blake2b_get_output_size, 0x18, 0x07
library    cx_blake2b_init2_no_throw, 0x19, 0x08
library    cx_blake2b_init_no_throw, 0x1a, 0x09
library    cx_blake2b_update, 0x1b, 0x0a
library    cx_crc16, 0x26, 0x0b
library    cx_crc16_update, 0x27, 0x0c
library    cx_crc32, 0x28, 0x0d
library    cx_decode_coord, 0x2a, 0x0e
library    cx_ecdh_no_throw, 0x2b, 0x14
library    cx_ecdsa_sign_no_throw, 0x2c, 0x15
library    cx_ecdsa_verify_no_throw, 0x2d, 0x16
library    cx_ecfp_add_point_no_throw, 0x2e, 0x17
library    cx_ecfp_decode_sig_der, 0x2f, 0x18
library    cx_ecfp_encode_sig_der, 0x30, 0x19
library    cx_ecfp_generate_pair2_no_throw, 0x31, 0x1a
library    cx_ecfp_generate_pair_no_throw, 0x32, 0x1b
library    cx_ecfp_init_private_key_no_throw, 0x33, 0x1c
library    cx_ecfp_init_public_key_no_throw, 0x34, 0x1d
library    cx_ecfp_scalar_mult_no_throw, 0x35, 0x1e
library    cx_ecschnorr_sign_no_throw, 0x36, 0x1f
library    cx_ecschnorr_verify, 0x37, 0x20
library    cx_eddsa_get_public_key_internal, 0x38, 0x21
library    cx_eddsa_get_public_key_no_throw, 0x39, 0x22
library    cx_eddsa_sign_no_throw, 0x3a, 0x23
library    cx_eddsa_verify_no_throw, 0x3b, 0x24
library    cx_edwards_compress_point_no_throw, 0x3c, 0x25
library    cx_edwards_decompress_point_no_throw, 0x3d, 0x26
library    cx_encode_coord, 0x3e, 0x27
library    cx_hash_final, 0x3f, 0x2d
library    cx_hash_get_info, 0x40, 0x2e
library    cx_hash_get_size, 0x41, 0x2f
library    cx_hash_init, 0x42, 0x30
library    cx_hash_init_ex, 0x43, 0x31
library    cx_hash_no_throw, 0x44, 0x32
library    cx_hash_sha256, 0x46, 0x33
library    cx_hash_sha512, 0x47, 0x34
library    cx_hash_update, 0x48, 0x35
library    cx_hkdf_expand, 0x49, 0x36
library    cx_hkdf_extract, 0x4a, 0x37
library    cx_hmac_final, 0x4b, 0x38
library    cx_hmac_init, 0x4c, 0x39
library    cx_hmac_no_throw, 0x4d, 0x3a
library    cx_hmac_ripemd160_init_no_throw, 0x4e, 0x3b
library    cx_hmac_sha224_init, 0x4f, 0x3c
library    cx_hmac_sha256, 0x50, 0x3d
library    cx_hmac_sha256_init_no_throw, 0x51, 0x3e
library    cx_hmac_sha384_init, 0x52, 0x3f
library    cx_hmac_sha512, 0x53, 0x40
library    cx_hmac_sha512_init_no_throw, 0x54, 0x41
library    cx_hmac_update, 0x55, 0x42
library    cx_keccak_init_no_throw, 0x56, 0x44
library    cx_math_addm_no_throw, 0x57, 0x45
library    cx_math_add_no_throw, 0x58, 0x46
library    cx_math_cmp_no_throw, 0x59, 0x47
library    cx_math_invintm_no_throw, 0x5a, 0x48
library    cx_math_invprimem_no_throw, 0x5b, 0x49
library    cx_math_is_prime_no_throw, 0x5c, 0x4a
library    cx_math_modm_no_throw, 0x5d, 0x4b
library    cx_math_multm_no_throw, 0x5e, 0x4c
library    cx_math_mult_no_throw, 0x5f, 0x4d
library    cx_math_next_prime_no_throw, 0x60, 0x4e
library    cx_math_powm_no_throw, 0x61, 0x4f
library    cx_math_subm_no_throw, 0x62, 0x50
library    cx_math_sub_no_throw, 0x63, 0x51
library    cx_memxor, 0x64, 0x52
library    cx_pbkdf2_hmac, 0x65, 0x53
library    cx_pbkdf2_no_throw, 0x66, 0x54
library    cx_ripemd160_final, 0x67, 0x55
library    cx_ripemd160_init_no_throw, 0x68, 0x56
library    cx_ripemd160_update, 0x69, 0x57
library    cx_rng_no_throw, 0x6a, 0x58
library    cx_rng_rfc6979, 0x6b, 0x59
library    cx_rng_rfc6979_init, 0x6c, 0x5a
library    cx_rng_rfc6979_next, 0x6d, 0x5b
library    cx_rng_u32_range_func, 0x6e, 0x5c
library    cx_sha224_init_no_throw, 0x6f, 0x5d
library    cx_sha256_final, 0x70, 0x5e
library    cx_sha256_init_no_throw, 0x71, 0x5f
library    cx_sha256_update, 0x72, 0x60
library    cx_sha384_init_no_throw, 0x73, 0x61
library    cx_sha3_final, 0x74, 0x62
library    cx_sha3_get_output_size, 0x75, 0x63
library    cx_sha3_init_no_throw, 0x76, 0x64
library    cx_sha3_update, 0x77, 0x65
library    cx_sha3_xof_init_no_throw, 0x78, 0x66
library    cx_sha512_final, 0x79, 0x67
library    cx_sha512_init_no_throw, 0x7a, 0x68
library    cx_sha512_update, 0x7b, 0x69
library    cx_shake128_init_no_throw, 0x7c, 0x6a
library    cx_shake256_init_no_throw, 0x7d, 0x6b
library    cx_swap_buffer32, 0x7e, 0x6c
library    cx_swap_buffer64, 0x7f, 0x6d
library    cx_swap_uint32, 0x80, 0x6e
library    cx_swap_uint64, 0x81, 0x6f
library    cx_x25519, 0x82, 0x70
library    cx_x448, 0x83, 0x71
library    cx_aes_gcm_check_tag, 0x02, NONE
library    cx_aes_gcm_decrypt_and_auth, 0x03, NONE
library    cx_aes_gcm_encrypt_and_tag, 0x04, NONE
library    cx_aes_gcm_finish, 0x05, NONE
library    cx_aes_gcm_init, 0x06, NONE
library    cx_aes_gcm_set_key, 0x07, NONE
library    cx_aes_gcm_start, 0x08, NONE
library    cx_aes_gcm_update_aad, 0x09, NONE
library    cx_aes_gcm_update, 0x0a, NONE
library    cx_cmac, 0x24, NONE
library    cx_constant_time_eq, 0x25, NONE
library    cx_crc32_update, 0x29, NONE
library    cx_hash_ripemd160, 0x45, NONE
library    nbgl_refresh, 0x91, NONE
library    nbgl_refreshSpecial, 0x92, NONE
library    nbgl_refreshSpecialWithPostRefresh, 0x93, NONE
library    nbgl_refreshIsNeeded, 0x94, NONE
library    nbgl_refreshReset, 0x95, NONE
library    nbgl_objInit, 0x96, NONE
library    nbgl_objDraw, 0x97, NONE
library    nbgl_objAllowDrawing, 0x98, NONE
library    nbgl_screenSet, 0x9b, NONE
library    nbgl_screenPush, 0x9c, NONE
library    nbgl_screenRedraw, 0x9d, NONE
library    nbgl_screenPop, 0x9e, NONE
library    nbgl_screenReset, 0xa6, NONE
library    nbgl_screenHandler, 0xa7, NONE
library    nbgl_getCharWidth, 0xab, NONE
library    nbgl_getFont, 0xac, NONE
library    nbgl_getFontHeight, 0xad, NONE
library    nbgl_getFontLineHeight, 0xae, NONE
library    nbgl_getSingleLineTextWidth, 0xaf, NONE
library    nbgl_getSingleLineTextWidthInLen, 0xb0, NONE
library    nbgl_getTextHeight, 0xb1, NONE
library    nbgl_getTextHeightInWidth, 0xb2, NONE
library    nbgl_getTextMaxLenAndWidth, 0xb3, NONE
library    nbgl_getTextNbLinesInWidth, 0xb4, NONE
library    nbgl_getTextNbPagesInWidth, 0xb5, NONE
library    nbgl_getTextWidth, 0xb6, NONE
library    nbgl_getTextMaxLenInNbLines, 0xb7, NONE
library    nbgl_drawText, 0xc2, NONE
library    pic_shared, 0xc3, NONE
