// SPDX-License-Identifier: Apache-2.0
#include "gateway/gate.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "gateway/admission.h"
#include "gateway/call.h"
#include "gateway/conn.h"
#include "gateway/http.h"
#include "gateway/tunnel.h"
#include "os/latch.h"
#include "os/loop.h"
#include "proto/directory.h"
#include "proto/files.h"
#include "proto/rest.h"

#define TICK_NS (1000ull * 1000 * 1000)
#define ACCEPTS_MAX 128		/* of one turn */
/* For how long calls under way are waited for, of what a shutdown may take. */
#define DRAIN_NS (3 * TICK_NS)
#define DRAIN_STEP_NS (TICK_NS / 100)

enum gate_timer { TIMER_TICK, TIMER_DRAIN };

enum gate_msg_type {
	GATE_STIRRED = PROTO_GATEWAY,	/* struct actor_msg alone */
};

enum { DOOR_CLIENTS, DOOR_INSIDE, DOORS };

struct door {
	struct gate *gate;
	struct os_poll *poll;	/* NULL: there is no such door */
	int listener;
	bool knocked;		/* since we looked last: nothing is watched */
};

struct gate {
	struct gate_arg arg;
	struct actor *self;
	struct actor_system *sys;
	actor_ref ref;
	struct http *http;
	struct conns *conns;
	struct admission *admission;
	struct calls *calls;
	struct tunnels *tunnels;	/* NULL: no TLS is spoken */
	struct door door[DOORS];
	bool stirred;		/* a GATE_STIRRED is on its way */
	bool draining;		/* only what is under way goes on */
	bool stopping;		/* told to, and waits for that */
};

static const struct actor_type gate_types[] = {
	{ "gate.stirred", sizeof(struct actor_msg), NULL },
};

int gate_types_register(void)
{
	return actor_types_register(GATE_STIRRED, gate_types, 1);
}

/* From the loop, where no actor runs: the work is done in a handler. */
static void stir(void *ctx)
{
	struct gate *gate = ctx;
	struct actor_msg *msg;

	if (gate->stirred)
		return;
	msg = actor_msg_new(GATE_STIRRED, sizeof(*msg));
	gate->stirred = msg && !actor_system_send(gate->sys, gate->ref, msg);
}

static void on_connection(void *ctx, unsigned int revents)
{
	struct door *door = ctx;

	(void)revents;
	os_poll_change(door->poll, 0);
	door->knocked = true;
	stir(door->gate);
}

/* Small frames and answers go out at once. */
static void set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void adopt(struct gate *gate, const struct door *door, int fd)
{
	struct tunnel *tunnel = NULL;

	set_nodelay(fd);
	if (door == &gate->door[DOOR_INSIDE]) {
		http_adopt_inside(gate->http, fd);
		return;
	}
	if (gate->tunnels && tunnel_open(gate->tunnels, fd, &tunnel, &fd))
		return;
	http_adopt(gate->http, fd, tunnel);
}

static void accept_some(struct gate *gate, struct door *door)
{
	int fd, n;

	/* Most of what stirs us are requests on connections that are open. */
	if (!door->poll || !door->knocked)
		return;
	for (n = 0; n < ACCEPTS_MAX; n++) {
		fd = accept4(door->listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			break;
		adopt(gate, door, fd);
	}
	/* Out of descriptors: the next tick looks again. */
	if (n < ACCEPTS_MAX && (errno == EMFILE || errno == ENFILE)) {
		log_warn("gate", "accept_failed", "errno=%d", errno);
		return;
	}
	door->knocked = false;
	os_poll_change(door->poll, POLLIN);
}

static void close_doors(struct gate *gate)
{
	for (int i = 0; i < DOORS; i++) {
		if (gate->door[i].poll)
			os_poll_stop(gate->door[i].poll);
		gate->door[i].poll = NULL;
	}
}

/* From when the first of the gates is told to stop all of them drain at once:
 * the time is that of all together, and they stop one after another. */
static bool is_draining(struct gate *gate)
{
	if (!gate->draining && atomic_load(gate->arg.drain_until_ns)) {
		gate->draining = true;
		close_doors(gate);
		http_drain(gate->http);
	}
	return gate->draining;
}

static void on_call(void *ctx, struct call *call)
{
	struct gate *gate = ctx;
	bool answered = is_draining(gate);

	if (answered)
		api_refuse(call);
	else
		answered = api_begin(gate->self, gate->arg.api, call);
	if (answered)
		http_answer(call);
}

static void go_on(struct gate *gate, struct call *call, enum api_step step)
{
	if (step == API_TAKES_BODY && is_draining(gate)) {
		api_refuse(call);
		step = API_ANSWERED;
	}
	if (step == API_ANSWERED)
		http_answer(call);
	else if (step == API_TAKES_BODY)
		http_take_body(call);
}

static void on_head(void *ctx, struct call *call)
{
	struct gate *gate = ctx;

	go_on(gate, call, api_head(gate->self, call));
}

static void on_socket(void *ctx, int fd, struct tls *tls,
		      const struct upgrade *upgrade)
{
	struct gate *gate = ctx;
	struct conn *conn = conn_new(fd, tls);
	struct session_arg arg = {
		.config = gate->arg.sessions,
		.conns = gate->conns,
		.admission = gate->admission,
		.conn = &conn,
		.upgrade = *upgrade,
	};
	struct actor_spawn_opts opts = {
		.core = ACTOR_CORE_SELF,
		.arg_size = sizeof(arg),
	};
	actor_ref ref;
	int err;

	if (!conn)
		return;
	err = actor_spawn(gate->self, &session_class, &arg, &opts, &ref);
	if (err == -ENOMEM || err == -EAGAIN)
		log_warn("gate", "no_session", "errno=%d", -err);
	if (conn)
		conn_free(conn);
}

static const struct http_owner owner = {
	.stirred = stir,
	.head = on_head,
	.call = on_call,
	.socket = on_socket,
};

static int on_stirred(struct gate *gate, struct actor_msg *msg)
{
	(void)msg;
	gate->stirred = false;
	for (int i = 0; i < DOORS; i++)
		accept_some(gate, &gate->door[i]);
	http_run(gate->http);
	return 0;
}

static int on_rest_reply(struct gate *gate, struct actor_msg *msg)
{
	struct call *call = call_find(gate->calls, msg->tag);

	if (!call || call->answer.status)
		return 0;
	api_reply(call, (struct rest_reply_msg *)msg);
	http_answer(call);
	http_run(gate->http);
	return 0;
}

static int on_file(struct gate *gate, struct actor_msg *msg)
{
	struct call *call = call_find(gate->calls, msg->tag);

	if (!call || call->answer.status)
		return 0;
	api_file(gate->calls, call, (struct files_data_msg *)msg);
	http_answer(call);
	http_run(gate->http);
	return 0;
}

static int on_auth_reply(struct gate *gate, struct actor_msg *msg)
{
	struct call *call = call_find(gate->calls, msg->tag);

	if (!call || call->answer.status)
		return 0;
	go_on(gate, call,
	      api_auth_reply(gate->self, gate->arg.api, call,
			     (struct dir_auth_reply_msg *)msg));
	http_run(gate->http);
	return 0;
}

static bool is_drained(const struct gate *gate)
{
	return http_is_drained(gate->http) &&
	       (!gate->tunnels || tunnels_are_drained(gate->tunnels));
}

static int on_drain(struct gate *gate, struct actor_msg *msg)
{
	if (is_drained(gate) || actor_now_ns(gate->self) >=
				atomic_load(gate->arg.drain_until_ns))
		return ACTOR_STOP;
	actor_timer_again(gate->self, msg, DRAIN_STEP_NS);
	return 0;
}

static int on_tick(struct gate *gate, struct actor_msg *msg)
{
	uint64_t now = actor_now_ns(gate->self);
	struct call *call;

	is_draining(gate);
	while ((call = call_overdue(gate->calls, now))) {
		api_overdue(call);
		http_answer(call);
	}
	conns_tick(gate->conns, now);
	admission_tick(gate->admission, now);
	http_tick(gate->http);
	on_stirred(gate, NULL);
	actor_timer_again(gate->self, msg, TICK_NS);
	return 0;
}

static int on_timer(struct gate *gate, struct actor_msg *msg)
{
	return ((struct actor_timer_msg *)msg)->cookie == TIMER_DRAIN ?
		       on_drain(gate, msg) : on_tick(gate, msg);
}

/* Nobody comes in any more; sessions stay until the calls that are under way,
 * whose events they are to be given, have been answered. */
static int on_stop(struct gate *gate, struct actor_msg *msg)
{
	uint_least64_t none = 0;

	(void)msg;
	if (gate->stopping)
		return ACTOR_STOP;
	gate->stopping = true;
	atomic_compare_exchange_strong(gate->arg.drain_until_ns, &none,
				       actor_now_ns(gate->self) + DRAIN_NS);
	is_draining(gate);
	if (is_drained(gate) ||
	    !actor_timer_start(gate->self, DRAIN_STEP_NS, TIMER_DRAIN))
		return ACTOR_STOP;
	return 0;
}

static const struct handler {
	uint32_t type;
	int (*fn)(struct gate *gate, struct actor_msg *msg);
} handlers[] = {
	{ GATE_STIRRED, on_stirred },
	{ REST_REPLY, on_rest_reply },
	{ DIR_AUTH_REPLY, on_auth_reply },
	{ FILES_DATA, on_file },
	{ ACTOR_MSG_TIMER, on_timer },
	{ ACTOR_MSG_STOP, on_stop },
};

static int gate_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	size_t i;

	(void)self;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == msg->type)
			return handlers[i].fn(state, msg);
	return 0;
}

static int open_door(struct gate *gate, int which, int listener)
{
	struct door *door = &gate->door[which];

	door->gate = gate;
	door->listener = listener;
	return os_poll_start(actor_loop(gate->self), listener, POLLIN,
			     on_connection, door, &door->poll);
}

static int open_doors(struct gate *gate)
{
	int err = open_door(gate, DOOR_CLIENTS, gate->arg.listener);

	if (!err && gate->arg.inside >= 0)
		err = open_door(gate, DOOR_INSIDE, gate->arg.inside);
	return err;
}

/* Undoes what open_all() has done so far. */
static void close_all(struct gate *gate)
{
	close_doors(gate);
	if (gate->http)
		http_close(gate->http);
	if (gate->conns)
		conns_free(gate->conns);
	admission_free(gate->admission);
	tunnels_free(gate->tunnels);
	if (gate->calls)
		calls_free(gate->calls);
}

static int open_all(struct actor *self, struct gate *gate)
{
	struct os_loop *loop = actor_loop(self);
	int err;

	gate->calls = calls_new();
	if (!gate->calls)
		return -ENOMEM;
	if (gate->arg.tls)
		gate->tunnels = tunnels_new(loop, gate->arg.tls);
	if (gate->arg.tls && !gate->tunnels)
		return -ENOMEM;
	gate->admission = admission_new(gate->arg.admission, session_admitted,
					NULL);
	if (!gate->admission)
		return -ENOMEM;
	err = conns_new(gate->sys, loop, &gate->conns);
	if (err)
		return err;
	err = http_open(loop, gate->calls, &owner, gate, &gate->http);
	if (err)
		return err;
	err = open_doors(gate);
	if (err)
		return err;
	http_run(gate->http);
	return actor_timer_start(self, TICK_NS, TIMER_TICK) ? 0 : -ENOMEM;
}

static int gate_start(struct actor *self, void *state, const void *arg)
{
	struct gate *gate = state;
	int err;

	gate->arg = *(const struct gate_arg *)arg;
	gate->self = self;
	gate->sys = actor_system_of(self);
	gate->ref = actor_self(self);
	err = open_all(self, gate);
	if (err) {
		close_all(gate);
		*gate = (struct gate){ 0 };
	}
	os_latch_arrive(((const struct gate_arg *)arg)->up, err);
	return err;
}

static void gate_stop(struct actor *self, void *state, int reason)
{
	(void)self;
	(void)reason;
	close_all(state);
}

const struct actor_class gate_class = {
	.name = "gate",
	.state_size = sizeof(struct gate),
	.start = gate_start,
	.handle = gate_handle,
	.stop = gate_stop,
	.mailbox_limit = 1u << 16,
	.when_full = ACTOR_FULL_MUTE,
};
