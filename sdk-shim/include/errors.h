/* Numbers that THROW carries. */
#pragma once

#include "status_words.h"

#define EXCEPTION             0x1
#define INVALID_PARAMETER     0x2
#define EXCEPTION_SECURITY    0x3
#define INVALID_STATE         0x4
#define EXCEPTION_IO_RESET    0x5
#define NOT_ENOUGH_SPACE      0x6
#define EXCEPTION_OVERFLOW    0x7
#define INVALID_CRC           0x8
#define INVALID_CHECKSUM      0x9
#define INVALID_COUNTER       0xA
#define NOT_SUPPORTED         0xB
#define TIMEOUT               0xC
#define EXCEPTION_PIC         0xD
#define EXCEPTION_APPEXIT     0xE
#define EXCEPTION_IO_OVERFLOW 0xF
#define EXCEPTION_IO_HEADER   0x10
#define EXCEPTION_IO_STATE    0x11
#define EXCEPTION_CXPORT      0x12
#define EXCEPTION_SYSTEM      0x13
#define EXCEPTION_CORRUPT     0x14
