/* What use cases show: structures of SDK v25.13.0 as far as the Nano use cases of the shim read them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nbgl_types.h"

typedef enum {
    TUNE_RESERVED,
    TUNE_BOOT,
    TUNE_CHARGING,
    TUNE_LEDGER_MOMENT,
    TUNE_ERROR,
    TUNE_NEUTRAL,
    TUNE_LOCK,
    TUNE_SUCCESS,
    TUNE_LOOK_AT_ME,
    TUNE_TAP_CASUAL,
    TUNE_TAP_NEXT,
    NB_TUNES,
} tune_index_e;

typedef enum {
    NO_ALIAS_TYPE = 0,
    ENS_ALIAS,
    ADDRESS_BOOK_ALIAS,
    QR_CODE_ALIAS,
    INFO_LIST_ALIAS,
    TAG_VALUE_LIST_ALIAS,
} nbgl_contentValueAliasType_t;

typedef struct {
    const char *fullValue;
    const char *explanation;
    const char *title;
    const char *backText;
    union {
        const struct nbgl_contentInfoList_s *infolist;
        const struct nbgl_contentTagValueList_s *tagValuelist;
    };
    nbgl_contentValueAliasType_t aliasType;
} nbgl_contentValueExt_t;

typedef struct {
    const char *item;
    const char *value;
    union {
        const nbgl_icon_details_t *valueIcon;
        const nbgl_contentValueExt_t *extension;
    };
    int8_t forcePageStart : 1;
    int8_t centeredInfo : 1;
    int8_t aliasValue : 1;
} nbgl_contentTagValue_t;

typedef nbgl_contentTagValue_t *(*nbgl_contentTagValueCallback_t)(uint8_t pairIndex);
typedef void (*nbgl_contentActionCallback_t)(int token, uint8_t index, int page);

typedef struct nbgl_contentTagValueList_s {
    const nbgl_contentTagValue_t *pairs;
    nbgl_contentTagValueCallback_t callback;
    uint8_t nbPairs;
    uint8_t startIndex;
    bool hideEndOfLastLine;
    uint8_t nbMaxLinesForValue;
    uint8_t token;
    bool smallCaseForValue;
    bool wrapping;
    nbgl_contentActionCallback_t actionCallback;
} nbgl_contentTagValueList_t;

typedef struct {
    const char *text;
    const char *subText;
    nbgl_state_t initState;
    uint8_t token;
    tune_index_e tuneId;
} nbgl_contentSwitch_t;

typedef struct nbgl_pageSwitchesList_s {
    const nbgl_contentSwitch_t *switches;
    uint8_t nbSwitches;
} nbgl_contentSwitchesList_t;

typedef struct nbgl_contentInfoList_s {
    const char *const *infoTypes;
    const char *const *infoContents;
    const nbgl_contentValueExt_t *infoExtensions;
    uint8_t nbInfos;
    uint8_t token;
    bool withExtensions;
} nbgl_contentInfoList_t;

typedef enum {
    CENTERED_INFO = 0,
    EXTENDED_CENTER,
    INFO_LONG_PRESS,
    INFO_BUTTON,
    TAG_VALUE_LIST,
    TAG_VALUE_DETAILS,
    TAG_VALUE_CONFIRM,
    SWITCHES_LIST,
    INFOS_LIST,
    CHOICES_LIST,
    BARS_LIST,
} nbgl_contentType_t;

typedef union {
    nbgl_contentTagValueList_t tagValueList;
    nbgl_contentSwitchesList_t switchesList;
    nbgl_contentInfoList_t infosList;
} nbgl_content_u;

typedef struct {
    nbgl_contentType_t type;
    nbgl_content_u content;
    nbgl_contentActionCallback_t contentActionCallback;
} nbgl_content_t;
