// SPDX-License-Identifier: Apache-2.0
#include "monitor/module.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "base/mem.h"
#include "monitor/heat_file.h"

/* One message of the module holds a histogram of each path. */
#define RECEIVE_SIZE 65536
#define DUMP_TIMEOUT_S 2
/* What we send: at most a run of heat. */
#define MESSAGE_SIZE (SUPERDISK_HEAT_RUN + 512)

struct module {
	struct nl_sock *talk;		/* requests and answers */
	struct nl_sock *listen;		/* the multicast group */
	int family;
};

/* A dump in progress. */
struct dump {
	struct module_state *state;
	int err;
};

/* libnl's own codes, where they have no errno. */
static int to_errno(int nl_err)
{
	switch (-nl_err) {
	case NLE_SUCCESS:
		return 0;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_BUSY:
		return -EBUSY;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_RANGE:
		return -ERANGE;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_AGAIN:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

static struct nl_sock *new_socket(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (!sock)
		return NULL;
	if (genl_connect(sock)) {
		nl_socket_free(sock);
		return NULL;
	}
	fcntl(nl_socket_get_fd(sock), F_SETFD, FD_CLOEXEC);
	nl_socket_set_msg_buf_size(sock, RECEIVE_SIZE);
	return sock;
}

static int join(struct module *module)
{
	int group = genl_ctrl_resolve_grp(module->talk, SUPERDISK_GENL_NAME,
					  SUPERDISK_GENL_EVENTS);

	if (group < 0)
		return to_errno(group);
	nl_socket_disable_seq_check(module->listen);
	nl_socket_set_nonblocking(module->listen);
	return to_errno(nl_socket_add_membership(module->listen, group));
}

int module_open(struct module **ret_module)
{
	struct module *module = mem_zalloc(sizeof(*module));
	int err = 0;

	if (!module)
		return -ENOMEM;
	module->talk = new_socket();
	module->listen = new_socket();
	if (!module->talk || !module->listen)
		err = -ENOMEM;
	if (!err) {
		module->family = genl_ctrl_resolve(module->talk,
						   SUPERDISK_GENL_NAME);
		err = module->family < 0 ? to_errno(module->family) :
					   join(module);
	}
	if (err) {
		module_close(module);
		return err;
	}
	*ret_module = module;
	return 0;
}

void module_close(struct module *module)
{
	if (!module)
		return;
	nl_socket_free(module->talk);
	nl_socket_free(module->listen);
	mem_free(module);
}

static int on_dump(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *message = nlmsg_hdr(msg);
	struct dump *dump = ctx;
	int err = module_parse(message, message->nlmsg_len, dump->state);

	if (err && !dump->err)
		dump->err = err;
	return NL_OK;
}

/* A dump has an end; where that cannot be read, time makes one. */
static void set_timeout(struct module *module, time_t seconds)
{
	const struct timeval time = { .tv_sec = seconds };

	setsockopt(nl_socket_get_fd(module->talk), SOL_SOCKET, SO_RCVTIMEO,
		   &time, sizeof(time));
}

static int read_dump(struct module *module, uint8_t command, struct dump *dump)
{
	int err;

	nl_socket_modify_cb(module->talk, NL_CB_VALID, NL_CB_CUSTOM, on_dump,
			    dump);
	set_timeout(module, DUMP_TIMEOUT_S);
	err = genl_send_simple(module->talk, module->family, command,
			       SUPERDISK_GENL_VERSION, NLM_F_DUMP);
	if (err >= 0)
		err = nl_recvmsgs_default(module->talk);
	set_timeout(module, 0);
	if (dump->err)
		return dump->err;
	return err < 0 ? to_errno(err) : 0;
}

int module_read(struct module *module, struct module_state *ret_state)
{
	struct dump dump = { .state = ret_state };
	int err;

	ret_state->devices = 0;
	ret_state->legs = 0;
	err = read_dump(module, SUPERDISK_CMD_DEV_GET, &dump);
	if (!err)
		err = read_dump(module, SUPERDISK_CMD_LEG_GET, &dump);
	return err;
}

static int put_arguments(struct nl_msg *msg, uint8_t command, uint32_t dev,
			 uint32_t leg, const char *path, uint32_t rate)
{
	if (nla_put_u32(msg, SUPERDISK_ATTR_DEV, dev))
		return -ENOMEM;
	if (command == SUPERDISK_CMD_WARM)
		return nla_put_u32(msg, SUPERDISK_ATTR_RATE, rate) ? -ENOMEM :
								     0;
	if (nla_put_u32(msg, SUPERDISK_ATTR_LEG, leg) ||
	    (path && nla_put_string(msg, SUPERDISK_ATTR_DEV_PATH, path)))
		return -ENOMEM;
	return 0;
}

/* Sends @msg, unless @err, and frees it; waits for the answer. */
static int ask(struct module *module, struct nl_msg *msg, int err)
{
	if (!err) {
		err = nl_send_auto(module->talk, msg);
		err = err < 0 ? err : nl_wait_for_ack(module->talk);
		err = err < 0 ? to_errno(err) : 0;
	}
	nlmsg_free(msg);
	return err;
}

static struct nl_msg *new_message(struct module *module, uint8_t command,
				  int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_SIZE);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, module->family,
				0, flags, command, SUPERDISK_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int module_command(struct module *module, uint8_t command, uint32_t dev,
		   uint32_t leg, const char *path, uint32_t rate)
{
	struct nl_msg *msg = new_message(module, command, NLM_F_ACK);

	if (!msg)
		return -ENOMEM;
	return ask(module, msg,
		   put_arguments(msg, command, dev, leg, path, rate));
}

struct heat_dump {
	module_heat_fn *fn;
	void *ctx;
	int err;
};

static int on_heat(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *message = nlmsg_hdr(msg);
	struct heat_dump *dump = ctx;
	struct heat_run run;
	uint32_t block_size;
	int err = module_parse_heat(message, message->nlmsg_len, &block_size,
				    &run);

	if (!err)
		dump->fn(block_size, &run, dump->ctx);
	else if (!dump->err)
		dump->err = err;
	return NL_OK;
}

int module_read_heat(struct module *module, uint32_t dev, module_heat_fn *fn,
		     void *ctx)
{
	struct heat_dump dump = { .fn = fn, .ctx = ctx };
	struct nl_msg *msg = new_message(module, SUPERDISK_CMD_HEAT_GET,
					 NLM_F_DUMP);
	int err;

	if (!msg)
		return -ENOMEM;
	err = nla_put_u32(msg, SUPERDISK_ATTR_DEV, dev);
	nl_socket_modify_cb(module->talk, NL_CB_VALID, NL_CB_CUSTOM, on_heat,
			    &dump);
	if (err >= 0)
		err = nl_send_auto(module->talk, msg);
	if (err >= 0)
		err = nl_recvmsgs_default(module->talk);
	nlmsg_free(msg);
	return err < 0 ? to_errno(err) : dump.err;
}

int module_write_heat(struct module *module, uint32_t dev, uint32_t block_size,
		      const struct heat_run *run)
{
	struct nl_msg *msg = new_message(module, SUPERDISK_CMD_HEAT_SET,
					 NLM_F_ACK);
	int err = 0;

	if (!msg)
		return -ENOMEM;
	if (nla_put_u32(msg, SUPERDISK_ATTR_DEV, dev) ||
	    nla_put_u32(msg, SUPERDISK_ATTR_BLOCK_SIZE, block_size) ||
	    nla_put_u64(msg, SUPERDISK_ATTR_HEAT_BLOCK, run->first) ||
	    nla_put(msg, SUPERDISK_ATTR_HEAT, (int)run->nr, run->heat))
		err = -ENOMEM;
	return ask(module, msg, err);
}

int module_events_fd(struct module *module)
{
	return nl_socket_get_fd(module->listen);
}

struct listener {
	module_event_fn *fn;
	void *ctx;
};

static int on_event(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *message = nlmsg_hdr(msg);
	const struct listener *listener = ctx;
	struct module_event event;

	if (!module_parse_event(message, message->nlmsg_len, &event))
		listener->fn(&event, listener->ctx);
	return NL_OK;
}

int module_take_events(struct module *module, module_event_fn *fn, void *ctx)
{
	struct listener listener = { .fn = fn, .ctx = ctx };
	int err;

	nl_socket_modify_cb(module->listen, NL_CB_VALID, NL_CB_CUSTOM,
			    on_event, &listener);
	do {
		err = nl_recvmsgs_default(module->listen);
	} while (err >= 0);
	if (err == -NLE_AGAIN)
		return 0;
	/* libnl has one code for ENOBUFS and ENOMEM */
	return err == -NLE_NOMEM ? -ENOBUFS : to_errno(err);
}
