// SPDX-License-Identifier: Apache-2.0
/* `superdisk create` and `superdisk remove`: device-mapper tables. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <libdevmapper.h>

#include "base/buf.h"
#include "monitor/command.h"
#include "monitor/command_args.h"
#include "monitor/table.h"

static int disk_sectors(const char *path, uint64_t *ret_sectors)
{
	uint64_t bytes;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, BLKGETSIZE64, &bytes))
		err = errno == EIO ? -EIO : -ENOTBLK; /* not -ENOTTY */
	close(fd);
	if (!err)
		*ret_sectors = bytes >> 9;
	return err;
}

/* libdevmapper writes its complaints to stderr by itself. */
static int run_task(int type, const char *name, const char *table,
		    uint64_t sectors)
{
	struct dm_task *task = dm_task_create(type);
	uint32_t cookie = 0;
	int good = task && dm_task_set_name(task, name);

	if (good && table)
		good = dm_task_add_target(task, 0, sectors, "superdisk", table);
	if (good && table)
		good = dm_task_set_add_node(task, DM_ADD_NODE_ON_CREATE);
	good = good && dm_task_set_cookie(task, &cookie, 0);
	good = good && dm_task_run(task);
	if (cookie)
		dm_udev_wait(cookie);
	if (task)
		dm_task_destroy(task);
	return good ? EX_OK : EX_IOERR;
}

int command_create(int argc, char **argv)
{
	struct buf line = BUF_INIT;
	struct table table;
	uint64_t sectors = 0;
	char why[256];
	int status, err;

	err = table_parse(argc, argv, &table, why, sizeof(why));
	if (err) {
		fprintf(stderr, "superdisk create: %s\n%s", why, table_usage);
		return EX_USAGE;
	}
	if (table.help) {
		fputs(table_usage, stdout);
		return EX_OK;
	}
	err = disk_sectors(table.disk, &sectors);
	if (err)
		return command_fail("create", table.disk, err, EX_NOINPUT);
	table_print(&table, &line);
	status = run_task(DM_DEVICE_CREATE, table.name, buf_str(&line),
			  sectors);
	if (!status && table.json)
		command_print_json(json_pack("{ss ss}", "name", table.name,
					     "table", buf_str(&line)));
	buf_fini(&line);
	return status;
}

int command_remove(int argc, char **argv)
{
	struct command_args args;
	int status = command_args_parse(argc, argv,
		"usage: superdisk remove [--json] NAME\n"
		"\nTakes the Super-Disk apart; disk and SSDs keep what they "
		"hold.\n", 1, 1, &args);

	if (status)
		return status - 1;
	status = run_task(DM_DEVICE_REMOVE, args.operand[0], NULL, 0);
	if (!status && args.json)
		command_print_json(json_pack("{ss}", "removed",
					     args.operand[0]));
	return status;
}
