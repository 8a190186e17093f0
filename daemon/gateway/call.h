/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request from its arrival to its answer.  Calls live in a table of
 * their core's gate: a reply names its call by an id that goes stale when the
 * call has ended, by its answer, its deadline, or because the client went away.
 */
#ifndef GATEWAY_CALL_H
#define GATEWAY_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "gateway/chunked.h"
#include "gateway/route.h"
#include "proto/multipart.h"

struct blob;
struct calls;
struct connection;

#define CALL_PATH_MAX 2048
#define CALL_QUERY_MAX 2048
#define CALL_REASON_MAX 512		/* characters */
#define CALL_PEER_MAX 46		/* an IPv6 address in text */
#define CALL_SMALL_MAX (8u << 10)	/* bytes of a body from anybody */
#define CALL_BODY_MAX REST_JSON_MAX	/* of a JSON body */
#define CALL_UPLOAD_MAX (25u << 20)	/* of one with files */
/* Bytes of large bodies and downloads on one core; beyond: 503. */
#define CALLS_LARGE_MAX (128u << 20)
/* Of these, bytes of downloads: anybody who has a link may read one slowly. */
#define CALLS_ANSWERS_MAX (CALLS_LARGE_MAX / 2)
#define CALL_LARGE_STEP (64u << 10)	/* in which a body takes of them */
#define CALL_DEADLINE_NS (30ull * 1000 * 1000 * 1000)
/* So much later for each byte of a body: 16 KiB a second keep it going. */
#define CALL_BYTE_NS (1000ull * 1000 * 1000 / (16u << 10))
#define CALLS_MAX 8192			/* in flight on one core */

struct call_answer {
	uint16_t status;	/* 0: none yet */
	const char *content_type; /* static; NULL: application/json */
	struct blob *body;	/* owned; may be NULL */
	struct buf headers;	/* more header lines, each with CRLF */
};

struct call {
	uint64_t id;
	uint64_t deadline_ns;
	struct connection *connection;	/* http.c's */
	enum route_method method;
	bool keep_alive;
	bool is_head;		/* a GET whose answer has no body */
	bool inside;		/* it came in by the door for operators */
	bool asked;		/* the owner is to say whether its body may come */
	bool body_done;		/* all of it is here */
	bool head_done;		/* the owner has taken it over */
	char token[REST_TOKEN_MAX];
	char peer[CALL_PEER_MAX];
	char *path;		/* percent-decoded; owned */
	char *query;		/* percent-encoded; owned */
	char *reason;		/* X-Audit-Log-Reason, decoded; NULL; owned */
	char boundary[MULTIPART_BOUNDARY_MAX];	/* of the body; "": JSON */
	size_t body_size;	/* as the head has it; 0: none, or chunks */
	bool is_chunked;
	struct chunked chunked;
	uint32_t large;		/* its part of CALLS_LARGE_MAX */
	uint32_t large_answer;	/* and of CALLS_ANSWERS_MAX */
	size_t written;		/* of the answer */
	struct buf body;
	struct call_answer answer;
};

struct calls *calls_new(void);
void calls_free(struct calls *calls);

/* NULL: CALLS_MAX are in flight, or memory is out. */
struct call *call_new(struct calls *calls, uint64_t now_ns);
void call_free(struct calls *calls, struct call *call);

/* Makes it large: false when there are enough such. */
bool call_enlarge(struct calls *calls, struct call *call, size_t bytes);
/* The same by its answer. */
bool call_enlarge_answer(struct calls *calls, struct call *call, size_t bytes);
/* Whether it could be made so. */
bool calls_have_room(const struct calls *calls, size_t bytes);

/* NULL when it has ended. */
struct call *call_find(const struct calls *calls, uint64_t id);

/* One without an answer whose deadline has passed; or NULL. */
struct call *call_overdue(struct calls *calls, uint64_t now_ns);

#endif
