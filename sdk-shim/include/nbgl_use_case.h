/*
 * Use cases: whole dialogues in one call. Names and structures of SDK v25.13.0, for devices with two buttons.
 *
 * Texts are shown as pages; buttons walk, both of them choose. Not here: QR codes, keyboards, tip boxes,
 * details of warnings, contents other than switches and infos.
 */
#pragma once

#include "nbgl_content.h"

#define FIRST_USER_TOKEN      50
#define INIT_HOME_PAGE        0xff
#define LAST_PAGE_FOR_REVIEW  0xFF
/* Milliseconds that a status stays. */
#define STATUS_SCREEN_DURATION 3000

typedef void (*nbgl_callback_t)(void);
typedef void (*nbgl_choiceCallback_t)(bool confirm);
typedef void (*nbgl_contentCallback_t)(uint8_t contentIndex, nbgl_content_t *content);

typedef struct {
    bool callbackCallNeeded;
    union {
        const nbgl_content_t *contentsList;
        nbgl_contentCallback_t contentGetterCallback;
    };
    uint8_t nbContents;
} nbgl_genericContents_t;

typedef enum {
    STRONG_HOME_ACTION = 0,
    SOFT_HOME_ACTION,
} nbgl_homeActionStyle_t;

typedef struct {
    const char *text;
    const nbgl_icon_details_t *icon;
    nbgl_callback_t callback;
    nbgl_homeActionStyle_t style;
} nbgl_homeAction_t;

typedef struct {
    const char *text;
    const nbgl_icon_details_t *icon;
    const char *modalTitle;
    nbgl_contentType_t type;
    union {
        nbgl_contentInfoList_t infos;
    };
} nbgl_tipBox_t;

typedef enum {
    TYPE_TRANSACTION = 0,
    TYPE_MESSAGE,
    TYPE_OPERATION,
} nbgl_opType_t;

#define REAL_TYPE_MASK      0x7
#define SKIPPABLE_OPERATION (1 << 4)
#define BLIND_OPERATION     (1 << 5)
typedef uint32_t nbgl_operationType_t;

typedef enum {
    STATUS_TYPE_TRANSACTION_SIGNED = 0,
    STATUS_TYPE_TRANSACTION_REJECTED,
    STATUS_TYPE_MESSAGE_SIGNED,
    STATUS_TYPE_MESSAGE_REJECTED,
    STATUS_TYPE_OPERATION_SIGNED,
    STATUS_TYPE_OPERATION_REJECTED,
    STATUS_TYPE_ADDRESS_VERIFIED,
    STATUS_TYPE_ADDRESS_REJECTED,
} nbgl_reviewStatusType_t;

void nbgl_useCaseHomeAndSettings(const char *appName,
                                 const nbgl_icon_details_t *appIcon,
                                 const char *tagline,
                                 const uint8_t initSettingPage,
                                 const nbgl_genericContents_t *settingContents,
                                 const nbgl_contentInfoList_t *infosList,
                                 const nbgl_homeAction_t *action,
                                 nbgl_callback_t quitCallback);

void nbgl_useCaseReview(nbgl_operationType_t operationType,
                        const nbgl_contentTagValueList_t *tagValueList,
                        const nbgl_icon_details_t *icon,
                        const char *reviewTitle,
                        const char *reviewSubTitle,
                        const char *finishTitle,
                        nbgl_choiceCallback_t choiceCallback);

void nbgl_useCaseReviewLight(nbgl_operationType_t operationType,
                             const nbgl_contentTagValueList_t *tagValueList,
                             const nbgl_icon_details_t *icon,
                             const char *reviewTitle,
                             const char *reviewSubTitle,
                             const char *finishTitle,
                             nbgl_choiceCallback_t choiceCallback);

/* The same behind a warning that has to be accepted first. */
void nbgl_useCaseReviewBlindSigning(nbgl_operationType_t operationType,
                                    const nbgl_contentTagValueList_t *tagValueList,
                                    const nbgl_icon_details_t *icon,
                                    const char *reviewTitle,
                                    const char *reviewSubTitle,
                                    const char *finishTitle,
                                    const nbgl_tipBox_t *tipBox,
                                    nbgl_choiceCallback_t choiceCallback);

void nbgl_useCaseAddressReview(const char *address,
                               const nbgl_contentTagValueList_t *additionalTagValueList,
                               const nbgl_icon_details_t *icon,
                               const char *reviewTitle,
                               const char *reviewSubTitle,
                               nbgl_choiceCallback_t choiceCallback);

void nbgl_useCaseReviewStatus(nbgl_reviewStatusType_t reviewStatusType, nbgl_callback_t quitCallback);
void nbgl_useCaseStatus(const char *message, bool isSuccess, nbgl_callback_t quitCallback);

void nbgl_useCaseChoice(const nbgl_icon_details_t *icon,
                        const char *message,
                        const char *subMessage,
                        const char *confirmText,
                        const char *rejectString,
                        nbgl_choiceCallback_t callback);

void nbgl_useCaseConfirm(const char *message,
                         const char *subMessage,
                         const char *confirmText,
                         const char *rejectText,
                         nbgl_callback_t callback);

void nbgl_useCaseAction(const nbgl_icon_details_t *icon,
                        const char *message,
                        const char *actionText,
                        nbgl_callback_t callback);

void nbgl_useCaseSpinner(const char *text);
