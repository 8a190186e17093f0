// SPDX-License-Identifier: Apache-2.0
#include "gateway/api.h"

#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/jsonw.h"
#include "base/metrics.h"
#include "gateway/call.h"
#include "gateway/limit.h"
#include "gateway/page.h"
#include "gateway/route.h"
#include "gateway/start.h"
#include "proto/directory.h"
#include "proto/files.h"
#include "proto/query_string.h"
#include "proto/rest.h"

#define STATUS_GATEWAY_TIMEOUT 504
#define STATUS_RATE_LIMITED 429
#define STATUS_OK 200

static const char *const prefixes[] = { "/api/v10", "/api/v9" };

static void answer_error(struct call *call, enum error_code code)
{
	call->answer.status = error_status(code);
	call->answer.body = error_body(code);
}

/* --- rate limits ---------------------------------------------------------- */

static void put_limit_headers(struct buf *out, const struct rest_info *info,
			      const struct limit_state *state, uint64_t wall_ms)
{
	buf_printf(out,
		   "X-RateLimit-Limit: %u\r\n"
		   "X-RateLimit-Remaining: %u\r\n"
		   "X-RateLimit-Reset: %.3f\r\n"
		   "X-RateLimit-Reset-After: %.3f\r\n"
		   "X-RateLimit-Bucket: %s\r\n",
		   state->limit, state->remaining, state->reset_ms / 1e3,
		   (state->reset_ms - wall_ms) / 1e3, info->name);
}

static void answer_limited(struct call *call, const struct limit_state *state,
			   uint64_t wall_ms, bool global)
{
	double after = (state->reset_ms - wall_ms) / 1e3;
	struct buf body = BUF_INIT;
	struct jsonw w;

	jsonw_init(&w, &body);
	jsonw_obj(&w);
	jsonw_key_str(&w, "message", "You are being rate limited.");
	jsonw_key(&w, "retry_after");
	jsonw_double(&w, after);
	jsonw_key_bool(&w, "global", global);
	jsonw_end(&w);
	call->answer.status = STATUS_RATE_LIMITED;
	call->answer.body = blob_from_buf(&body);
	buf_fini(&body);
	buf_printf(&call->answer.headers,
		   "Retry-After: %u\r\nX-RateLimit-Scope: user\r\n%s",
		   (unsigned int)after + 1,
		   global ? "X-RateLimit-Global: true\r\n" : "");
}

static uint64_t major_of(const struct rest_info *info,
			 const struct rest_msg *msg)
{
	static const uint8_t ids[] = {
		[REST_MAJOR_GUILD] = REST_ID_GUILD,
		[REST_MAJOR_CHANNEL] = REST_ID_CHANNEL,
		[REST_MAJOR_WEBHOOK] = REST_ID_WEBHOOK,
	};

	return info->major == REST_MAJOR_NONE ? 0 : msg->id[ids[info->major]];
}

/* False when the call is over a limit, and answered. */
static bool within_limits(struct actor *self, const struct api *api,
			  struct call *call, const struct rest_msg *msg)
{
	const struct rest_info *info = rest_info(msg->kind);
	uint64_t wall_ms = actor_wall_ms(self);
	/* One that nobody looks at may be made up, a new one for each call. */
	struct limit_key key = {
		.caller = *call->token && !info->open ? call->token :
							call->peer,
		.kind = LIMIT_KIND_GLOBAL,
	};
	struct limit_state state;

	if (!api->limits)
		return true;
	state = limit_take(api->limits, &key, LIMIT_GLOBAL_PER_SECOND, 1000,
			   wall_ms);
	if (!state.allowed) {
		answer_limited(call, &state, wall_ms, true);
		return false;
	}
	if (!info->limit)
		return true;
	key.kind = msg->kind;
	key.major = major_of(info, msg);
	state = limit_take(api->limits, &key, info->limit,
			   info->window_s * 1000, wall_ms);
	put_limit_headers(&call->answer.headers, info, &state, wall_ms);
	if (!state.allowed)
		answer_limited(call, &state, wall_ms, false);
	return state.allowed;
}

/* --- calls for the directory ----------------------------------------------- */

static actor_ref directory(struct actor *self)
{
	return actor_lookup(actor_system_of(self), DIRECTORY_NAME);
}

/* Takes `msg`. */
static bool send(struct actor *self, struct call *call, struct actor_msg *msg)
{
	msg->tag = call->id;
	if (!actor_send(self, directory(self), msg))
		return false;
	answer_error(call, ERROR_OVERLOADED);
	return true;
}

/* True when the call is answered already. */
static bool begin_rest(struct actor *self, const struct api *api,
		       struct call *call, const struct route_match *match)
{
	struct rest_msg *msg = rest_msg_new(match->kind);
	struct rest_reply_msg *refusal;

	if (!msg) {
		answer_error(call, ERROR_OVERLOADED);
		return true;
	}
	memcpy(msg->id, match->id, sizeof(msg->id));
	memcpy(msg->text, match->text, sizeof(msg->text));
	memcpy(msg->token, call->token, sizeof(msg->token));
	msg->reason = call->reason;
	call->reason = NULL;
	if (!within_limits(self, api, call, msg)) {
		actor_msg_free(&msg->head);
		return true;
	}
	refusal = call->boundary[0] ?
			  rest_parse_upload(msg, call->query,
					    strlen(call->query), &call->body,
					    call->boundary) :
			  rest_parse(msg, call->query, strlen(call->query),
				     buf_str(&call->body), call->body.len);
	if (!refusal)
		return send(self, call, &msg->head);
	actor_msg_free(&msg->head);
	api_reply(call, refusal);
	actor_msg_free(&refusal->head);
	return true;
}

void api_reply(struct call *call, struct rest_reply_msg *reply)
{
	call->answer.status = reply->status;
	call->answer.body = reply->body;
	reply->body = NULL;
	if (reply->retry_after_s)
		buf_printf(&call->answer.headers, "Retry-After: %u\r\n",
			   reply->retry_after_s);
}

void api_refuse(struct call *call)
{
	answer_error(call, ERROR_OVERLOADED);
	buf_puts(&call->answer.headers, "Retry-After: 1\r\n");
}

void api_overdue(struct call *call)
{
	answer_error(call, ERROR_OVERLOADED);
	call->answer.status = STATUS_GATEWAY_TIMEOUT;
}

/* --- attached files ------------------------------------------------------- */

static void read_mark(const char *query, char mark[FILE_MARK_SIZE])
{
	struct query_string at = { query, query + strlen(query) };
	char key[QUERY_KEY_MAX], value[2 * FILE_MARK_SIZE];

	while (query_string_next(&at, key, value, sizeof(value)))
		if (!strcmp(key, "hm") && strlen(value) < FILE_MARK_SIZE)
			strcpy(mark, value);
}

/* True when the call is answered already. */
static bool begin_file(struct actor *self, struct call *call)
{
	struct files_get_msg *msg = ACTOR_MSG_NEW(struct files_get_msg,
						  FILES_GET);
	const char *name;

	if (!msg) {
		answer_error(call, ERROR_OVERLOADED);
		return true;
	}
	files_path_parse(call->path, &msg->channel_id, &msg->id, &name);
	read_mark(call->query, msg->mark);
	msg->head.tag = call->id;
	if (!actor_send(self, files_route(actor_system_of(self)), &msg->head))
		return false;
	answer_error(call, ERROR_OVERLOADED);
	return true;
}

/* It is somebody's: never to be run, and shown in place only if it is media. */
static void put_file_headers(struct buf *out, const char *type)
{
	bool media = !strncmp(type, "image/", 6) ||
		     !strncmp(type, "video/", 6) || !strncmp(type, "audio/", 6);

	buf_printf(out,
		   "Content-Security-Policy: default-src 'none'; sandbox\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Content-Disposition: %s\r\n"
		   "Cache-Control: private, max-age=31536000, immutable\r\n",
		   media ? "inline" : "attachment");
}

void api_file(struct calls *calls, struct call *call,
	      struct files_data_msg *reply)
{
	uint64_t channel_id, id;
	const char *name;

	if (reply->status || !files_path_parse(call->path, &channel_id, &id,
					       &name)) {
		answer_error(call, reply->status == -EOVERFLOW ?
				   ERROR_OVERLOADED : ERROR_NO_ROUTE);
		return;
	}
	if (!call_enlarge_answer(calls, call, reply->data->len)) {
		answer_error(call, ERROR_OVERLOADED);
		return;
	}
	call->answer.status = STATUS_OK;
	call->answer.content_type = files_type_of(name);
	call->answer.body = reply->data;
	reply->data = NULL;
	put_file_headers(&call->answer.headers, call->answer.content_type);
}

static bool is_file(const struct call *call)
{
	uint64_t channel_id, id;
	const char *name;

	return call->method == ROUTE_GET &&
	       files_path_parse(call->path, &channel_id, &id, &name);
}

/* --- calls answered here ---------------------------------------------------- */

static void put_session_starts(struct jsonw *w, const struct start_state *left)
{
	jsonw_key_u64(w, "shards", 1);
	jsonw_key_obj(w, "session_start_limit");
	jsonw_key_u64(w, "total", START_PER_DAY);
	jsonw_key_u64(w, "remaining", left->remaining);
	jsonw_key_u64(w, "reset_after", left->reset_after_ms);
	jsonw_key_u64(w, "max_concurrency", START_AT_ONCE);
	jsonw_end(w);
}

/* `left`: NULL where nobody has said who asks. */
static void answer_gateway(const struct api *api, struct call *call,
			   const struct start_state *left)
{
	struct buf body = BUF_INIT;
	struct jsonw w;

	jsonw_init(&w, &body);
	jsonw_obj(&w);
	jsonw_key_str(&w, "url", api->url);
	if (left)
		put_session_starts(&w, left);
	jsonw_end(&w);
	call->answer.status = STATUS_OK;
	call->answer.body = blob_from_buf(&body);
	buf_fini(&body);
}

/* With the caller's token, or a webhook's.  True when the call is answered. */
static bool begin_auth(struct actor *self, struct call *call,
		       uint64_t webhook_id, const char *token)
{
	struct dir_auth_msg *msg = ACTOR_MSG_NEW(struct dir_auth_msg, DIR_AUTH);

	if (!msg) {
		answer_error(call, ERROR_OVERLOADED);
		return true;
	}
	msg->webhook_id = webhook_id;
	strcpy(msg->token, token);
	return send(self, call, &msg->head);
}

static enum error_code auth_error(const struct dir_auth_reply_msg *reply)
{
	return reply->error == -ENOENT ? ERROR_UNKNOWN_WEBHOOK :
	       reply->webhook_id ? ERROR_WEBHOOK_TOKEN : ERROR_UNAUTHORIZED;
}

enum api_step api_auth_reply(struct actor *self, const struct api *api,
			     struct call *call,
			     const struct dir_auth_reply_msg *reply)
{
	struct start_state left;

	if (reply->error) {
		answer_error(call, auth_error(reply));
		return API_ANSWERED;
	}
	if (call->asked)
		return API_TAKES_BODY;
	left = start_left(api->limits, reply->user_id, actor_wall_ms(self));
	answer_gateway(api, call, &left);
	return API_ANSWERED;
}

static bool begin_own(struct actor *self, const struct api *api,
		      struct call *call, const struct route_match *match)
{
	if (match->own == ROUTE_OWN_GATEWAY_BOT)
		return begin_auth(self, call, 0, call->token);
	answer_gateway(api, call, NULL);
	return true;
}

/* --- the URL ---------------------------------------------------------------- */

static void answer_bad_id(struct call *call, const char *name)
{
	struct form *form = form_new();

	form_error(form, name, FORM_COERCE, "Value is not snowflake.");
	call->answer.status = error_status(ERROR_FORM);
	call->answer.body = form ? form_body(form) : NULL;
	form_free(form);
}

/* The part of a path behind /api/v10; NULL: it is not of the API. */
static const char *api_path(const char *path)
{
	size_t i, len;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		len = strlen(prefixes[i]);
		if (!strncmp(path, prefixes[i], len) && path[len] == '/')
			return path + len;
	}
	return NULL;
}

/* For operators: nothing of the API, and no page. */
static void answer_inside(const struct api *api, struct call *call)
{
	struct buf body = BUF_INIT;

	if (call->method != ROUTE_GET || strcmp(call->path, "/metrics")) {
		answer_error(call, ERROR_NO_ROUTE);
		return;
	}
	api->metrics(api->metrics_ctx, &body);
	call->answer.status = STATUS_OK;
	call->answer.content_type = METRICS_CONTENT_TYPE;
	call->answer.body = blob_from_buf(&body);
	buf_fini(&body);
}

static size_t body_max(const struct call *call, const struct rest_info *info)
{
	bool by_nobody = info->open && info->place != REST_AT_WEBHOOK;

	return !info->parse || by_nobody ? CALL_SMALL_MAX :
	       info->files && call->boundary[0] ? CALL_UPLOAD_MAX :
						  CALL_BODY_MAX;
}

enum api_step api_head(struct actor *self, struct call *call)
{
	const char *path = call->inside ? NULL : api_path(call->path);
	bool webhooks_own;
	struct route_match match = { 0 };

	call->body.limit = CALL_SMALL_MAX;
	if (path && !route_find(call->method, path, &match) && match.kind)
		call->body.limit = body_max(call, rest_info(match.kind));
	if (call->body_size > call->body.limit) {
		answer_error(call, call->boundary[0] ?
				   ERROR_ENTITY_TOO_LARGE :
				   ERROR_TOO_LARGE_AT_EDGE);
		return API_ANSWERED;
	}
	/* What does not grow large is taken of anybody. */
	if (call->body.limit <= CALL_SMALL_MAX)
		return API_TAKES_BODY;
	webhooks_own = rest_info(match.kind)->open && match.text[0];
	return begin_auth(self, call,
			  webhooks_own ? match.id[REST_ID_WEBHOOK] : 0,
			  webhooks_own ? match.text : call->token) ?
		       API_ANSWERED : API_ASKED;
}

bool api_begin(struct actor *self, const struct api *api, struct call *call)
{
	const char *path = api_path(call->path);
	struct route_match match;
	enum error_code code;

	if (call->inside) {
		answer_inside(api, call);
		return true;
	}
	if (is_file(call))
		return begin_file(self, call);
	if (!path) {
		if (call->method != ROUTE_GET ||
		    !page_answer(call->path, &call->answer))
			answer_error(call, ERROR_NO_ROUTE);
		return true;
	}
	code = route_find(call->method, path, &match);
	if (code == ERROR_FORM)
		answer_bad_id(call, match.bad_id);
	else if (code)
		answer_error(call, code);
	else if (match.own)
		return begin_own(self, api, call, &match);
	else
		return begin_rest(self, api, call, &match);
	return true;
}
