/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is behind the URLs: a call becomes a message to the directory, whose
 * reply becomes the call's answer; or it is answered here at once.
 */
#ifndef GATEWAY_API_H
#define GATEWAY_API_H

#include "actor/actor.h"

struct buf;
struct call;
struct calls;
struct files_data_msg;
struct limits;
struct rest_reply_msg;
struct dir_auth_reply_msg;

/* Shared by the gates; never changes. */
struct api {
	const char *url;	/* of the WebSocket */
	struct limits *limits;	/* NULL: none are kept */
	/* Writes /metrics, on any core; see gateway.h. */
	void (*metrics)(void *ctx, struct buf *out);
	void *metrics_ctx;
};

/*
 * Sends what `call` asks for, tagged with its id.  True when it is answered
 * already.  In the handlers of the gate `self`.
 */
bool api_begin(struct actor *self, const struct api *api, struct call *call);

enum api_step {
	API_ASKED,		/* a reply will come */
	API_ANSWERED,
	API_TAKES_BODY,
};

/* Limits the body behind the head of `call`; one that may grow large is taken of
 * those alone whom the directory knows. */
enum api_step api_head(struct actor *self, struct call *call);

/* Fills in the answer from a reply; takes what it holds. */
void api_reply(struct call *call, struct rest_reply_msg *reply);
enum api_step api_auth_reply(struct actor *self, const struct api *api,
			     struct call *call,
			     const struct dir_auth_reply_msg *reply);
void api_file(struct calls *calls, struct call *call,
	      struct files_data_msg *reply);
/* It comes while we end. */
void api_refuse(struct call *call);
/* Nobody has replied in time. */
void api_overdue(struct call *call);

#endif
