// SPDX-License-Identifier: Apache-2.0
#include "guild/config.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 4096
#define CORES_MAX 256
#define NODE_MAX 1023
#define PERIOD_MS_MIN 100
#define PERIOD_MS_MAX (24ul * 3600 * 1000)

static int set_text(char *to, size_t size, const char *value)
{
	if (strlen(value) >= size)
		return -EINVAL;
	strcpy(to, value);
	return 0;
}

static int set_number(const char *value, unsigned long max,
		      unsigned long *ret_n)
{
	char *end;

	errno = 0;
	*ret_n = strtoul(value, &end, 10);
	return *value && !*end && !errno && *ret_n <= max ? 0 : -EINVAL;
}

static int set_data(struct config *c, const char *value)
{
	return set_text(c->data, sizeof(c->data), value);
}

static int set_listen(struct config *c, const char *value)
{
	return set_text(c->listen, sizeof(c->listen), value);
}

static int set_public_url(struct config *c, const char *value)
{
	return set_text(c->public_url, sizeof(c->public_url), value);
}

static int set_tls_cert(struct config *c, const char *value)
{
	return set_text(c->tls_cert, sizeof(c->tls_cert), value);
}

static int set_tls_key(struct config *c, const char *value)
{
	return set_text(c->tls_key, sizeof(c->tls_key), value);
}

static int set_user(struct config *c, const char *value)
{
	return set_text(c->user, sizeof(c->user), value);
}

static int set_port(struct config *c, const char *value)
{
	unsigned long n = 0;
	int err = set_number(value, UINT16_MAX, &n);

	c->port = (uint16_t)n;
	return err;
}

static int set_metrics_port(struct config *c, const char *value)
{
	unsigned long n = 0;
	int err = set_number(value, UINT16_MAX, &n);

	c->metrics_port = (uint16_t)n;
	c->metrics = !err;
	return err;
}

static int set_cores(struct config *c, const char *value)
{
	unsigned long n = 0;
	int err = set_number(value, CORES_MAX, &n);

	c->cores = (uint32_t)n;
	return err;
}

static int set_node(struct config *c, const char *value)
{
	unsigned long n = 0;
	int err = set_number(value, NODE_MAX, &n);

	c->node = (uint16_t)n;
	return err;
}

/* Not so short that it is all that sessions do. */
static int set_ms(const char *value, uint32_t *ret_ms)
{
	unsigned long n = 0;
	int err = set_number(value, PERIOD_MS_MAX, &n);

	*ret_ms = (uint32_t)n;
	return err ? err : n < PERIOD_MS_MIN ? -EINVAL : 0;
}

static int set_heartbeat(struct config *c, const char *value)
{
	return set_ms(value, &c->heartbeat_ms);
}

static int set_stall(struct config *c, const char *value)
{
	return set_ms(value, &c->stall_ms);
}

static int set_no_rate_limits(struct config *c, const char *value)
{
	(void)value;
	c->no_rate_limits = true;
	return 0;
}

static int set_no_coalescing(struct config *c, const char *value)
{
	(void)value;
	c->no_coalescing = true;
	return 0;
}

static int set_log_level(struct config *c, const char *value)
{
	static const char *const names[] = {
		[LOG_ERROR] = "error", [LOG_WARN] = "warn",
		[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], value))
			continue;
		c->log_level = (enum log_level)i;
		return 0;
	}
	return -EINVAL;
}

static int set_help(struct config *c, const char *value)
{
	(void)value;
	c->help = true;
	return 0;
}

static int read_file(struct config *c, const char *path);

static const struct {
	const char *name;
	char letter;		/* 0: none */
	const char *argument;	/* NULL: a switch */
	const char *help;
	int (*set)(struct config *c, const char *value);
} options[] = {
	{ "data", 'd', "DIR", "where everything is kept (./data)", set_data },
	{ "listen", 'l', "HOST", "address to listen on (127.0.0.1)",
	  set_listen },
	{ "port", 'p', "PORT", "port to listen on (8080; 0: any free one)",
	  set_port },
	{ "metrics-port", 0, "PORT", "port of /metrics on 127.0.0.1 (none)",
	  set_metrics_port },
	{ "public-url", 0, "URL", "what clients connect to, ws:// or wss://",
	  set_public_url },
	{ "tls-cert", 0, "FILE", "speak TLS with this chain (PEM)",
	  set_tls_cert },
	{ "tls-key", 0, "FILE", "the key of that chain (PEM)",
	  set_tls_key },
	{ "cores", 0, "N", "schedulers (one for each usable core)",
	  set_cores },
	{ "node", 0, "N", "this node's number, in its ids (0)", set_node },
	{ "user", 0, "NAME", "whom to become if root (DIR's owner)",
	  set_user },
	{ "heartbeat-ms", 0, "N", "how often clients must beat (41250)",
	  set_heartbeat },
	{ "stall-ms", 0, "N", "cut a client that reads nothing so long (30000)",
	  set_stall },
	{ "no-rate-limits", 0, NULL, "limit no calls (for benchmarks)",
	  set_no_rate_limits },
	{ "no-coalescing", 0, NULL, "read the store anew for each (likewise)",
	  set_no_coalescing },
	{ "log-level", 0, "LEVEL", "error, warn, info or debug (info)",
	  set_log_level },
	{ "config", 'c', "FILE", "lines `name value`, names as these",
	  read_file },
	{ "help", 'h', NULL, "this text", set_help },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* Applies one line of a file; blank ones and those with # are none. */
static int read_line(struct config *c, char *line)
{
	char *save, *name, *value;

	name = strtok_r(line, " \t\r\n", &save);
	if (!name || *name == '#')
		return 0;
	value = strtok_r(NULL, " \t\r\n", &save);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (!strcmp(options[i].name, name))
			return options[i].argument && !value ?
				       -EINVAL : options[i].set(c, value);
	return -EINVAL;
}

static int read_file(struct config *c, const char *path)
{
	char line[LINE_MAX_LEN];
	FILE *file = fopen(path, "re");
	int err = 0, number = 0;

	if (!file) {
		err = -errno;
		fprintf(stderr, "chatd: %s: %s\n", path, strerror(-err));
		return err;
	}
	while (!err && fgets(line, sizeof(line), file)) {
		number++;
		err = read_line(c, line);
	}
	if (err)
		fprintf(stderr, "chatd: %s:%d: not an option\n", path, number);
	fclose(file);
	return err;
}

void config_usage(FILE *to)
{
	fputs("usage: chatd [OPTION...]\n"
	      "       chatd [OPTION...] admin COMMAND [ARGUMENT...]\n\n", to);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char name[40];

		snprintf(name, sizeof(name), "--%s %s", options[i].name,
			 options[i].argument ? options[i].argument : "");
		fprintf(to, "  %c%c%c %-22s %s\n",
			options[i].letter ? '-' : ' ',
			options[i].letter ? options[i].letter : ' ',
			options[i].letter ? ',' : ' ', name, options[i].help);
	}
}

static void long_options(struct option *list, char *letters)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		*list++ = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument ? required_argument :
							 no_argument,
			.val = (int)(256 + i),
		};
		if (!options[i].letter)
			continue;
		*letters++ = options[i].letter;
		if (options[i].argument)
			*letters++ = ':';
	}
	*list = (struct option){ 0 };
	*letters = 0;
}

/* getopt's value as an index of options[]; -1: none. */
static int option_index(int value)
{
	if (value >= 256)
		return value - 256;
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].letter == value)
			return (int)i;
	return -1;
}

int config_parse(struct config *config, int argc, char **argv)
{
	struct option list[OPTION_COUNT + 1];
	char letters[2 + 2 * OPTION_COUNT] = "+";
	int value, err;

	*config = (struct config){ .data = "data", .listen = "127.0.0.1",
				   .port = 8080, .log_level = LOG_INFO };
	long_options(list, letters + 1);
	while ((value = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		int i = option_index(value);

		if (i < 0)
			return -EINVAL;
		err = options[i].set(config, optarg);
		if (err) {
			fprintf(stderr, "chatd: --%s: bad value\n",
				options[i].name);
			return err;
		}
	}
	return optind;
}
