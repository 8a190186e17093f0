/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discord's error codes, each with its HTTP status and message, and the tree
 * of a form error (50035).
 */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;
struct form;

/* The values on the wire, but for those below 0, which all go out as 0. */
enum error_code {
	ERROR_UNAUTHORIZED	= -1,	/* 401 */
	ERROR_NO_ROUTE		= -2,	/* 404 */
	ERROR_METHOD		= -3,	/* 405 */
	ERROR_RATE_LIMITED	= -4,	/* 429 */
	ERROR_INTERNAL		= -5,	/* 500 */
	ERROR_TOO_LARGE_AT_EDGE	= -6,	/* 413 */
	ERROR_NONE		= 0,
	ERROR_UNKNOWN_CHANNEL	= 10003,
	ERROR_UNKNOWN_GUILD	= 10004,
	ERROR_UNKNOWN_INVITE	= 10006,
	ERROR_UNKNOWN_MEMBER	= 10007,
	ERROR_UNKNOWN_MESSAGE	= 10008,
	ERROR_UNKNOWN_OVERWRITE	= 10009,
	ERROR_UNKNOWN_ROLE	= 10011,
	ERROR_UNKNOWN_USER	= 10013,
	ERROR_UNKNOWN_EMOJI	= 10014,
	ERROR_UNKNOWN_WEBHOOK	= 10015,
	ERROR_UNKNOWN_BAN	= 10026,
	ERROR_NOT_FOR_BOTS	= 20001,
	ERROR_SLOWMODE		= 20016,
	ERROR_MAX_PINS		= 30003,
	ERROR_MAX_ROLES		= 30005,
	ERROR_MAX_WEBHOOKS	= 30007,
	ERROR_MAX_REACTIONS	= 30010,
	ERROR_MAX_CHANNELS	= 30013,
	ERROR_MAX_ATTACHMENTS	= 30015,
	ERROR_MAX_INVITES	= 30016,
	ERROR_MAX_OVERWRITES	= 30060,
	ERROR_LOGIN_FAILED	= 40001,
	ERROR_ENTITY_TOO_LARGE	= 40005,
	ERROR_USER_BANNED	= 40007,
	ERROR_MISSING_ACCESS	= 50001,
	ERROR_DIRECT		= 50003,
	ERROR_NOT_AUTHOR	= 50005,
	ERROR_EMPTY_MESSAGE	= 50006,
	ERROR_CANNOT_DIRECT	= 50007,
	ERROR_NOT_TEXT		= 50008,
	ERROR_MISSING_PERMISSION = 50013,
	ERROR_INVALID_TOKEN	= 50014,
	ERROR_BULK_COUNT	= 50016,
	ERROR_PIN_ELSEWHERE	= 50019,
	ERROR_SYSTEM_MESSAGE	= 50021,
	ERROR_CHANNEL_TYPE	= 50024,
	ERROR_WEBHOOK_TOKEN	= 50027,
	ERROR_INVALID_ROLE	= 50028,
	ERROR_RECIPIENT		= 50033,
	ERROR_BULK_TOO_OLD	= 50034,
	ERROR_FORM		= 50035,
	ERROR_JSON		= 50109,
	ERROR_REACTION_BLOCKED	= 90001,
	ERROR_OVERLOADED	= 130000,
	ERROR_REPLY_NO_HISTORY	= 160002,
};

/* An unknown code counts as ERROR_INTERNAL. */
unsigned int error_status(enum error_code code);
const char *error_message(enum error_code code);

/* Returns {"message", "code"}; NULL when memory is out. */
struct blob *error_body(enum error_code code);

/*
 * Collects the errors of one form.  A path is the request's keys joined with
 * dots, an array index as a number: "embeds.0.title"; "" is the whole request.
 */
struct form *form_new(void);
void form_free(struct form *form);
bool form_is_good(const struct form *form);
/* `leaf` is a code such as FORM_REQUIRED; NULL form and lost memory are fine:
 * the form stays bad. */
void form_error(struct form *form, const char *path, const char *leaf,
		const char *message);
void form_errorf(struct form *form, const char *leaf, const char *message,
		 const char *path_format, ...)
	__attribute__((format(printf, 4, 5)));

#define FORM_REQUIRED	"BASE_TYPE_REQUIRED"
#define FORM_CHOICES	"BASE_TYPE_CHOICES"
#define FORM_TOO_LONG	"BASE_TYPE_MAX_LENGTH"
#define FORM_LENGTH	"BASE_TYPE_BAD_LENGTH"
#define FORM_COERCE	"NUMBER_TYPE_COERCE"
#define FORM_RANGE	"NUMBER_TYPE_MAX"
#define FORM_TYPE	"BASE_TYPE_BAD_TYPE"

/* Returns the whole 50035 body; NULL when memory is out. */
struct blob *form_body(const struct form *form);

#endif
