// SPDX-License-Identifier: Apache-2.0
#include "monitor/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

static struct termios saved;
static bool opened;
static int signals = -1;

static void put(const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(STDOUT_FILENO, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		data += done;
		size -= (size_t)done;
	}
}

void interrupts_catch(void)
{
	sigset_t set;

	if (signals >= 0)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int interrupts_wait(int timeout_ms)
{
	struct pollfd ready = { .fd = signals, .events = POLLIN };

	return poll(&ready, 1, timeout_ms) ? -EINTR : 0;
}

int interrupts_or(int fd, int timeout_ms)
{
	struct pollfd ready[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	poll(ready, 2, timeout_ms);
	return ready[0].revents ? -EINTR : 0;
}

int terminal_open(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved))
		return -errno;
	interrupts_catch();
	raw = saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	put(ENTER, sizeof(ENTER) - 1);
	opened = true;
	atexit(terminal_close);
	return 0;
}

void terminal_close(void)
{
	if (!opened)
		return;
	opened = false;
	put(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

void terminal_size(unsigned int *ret_rows, unsigned int *ret_columns)
{
	struct winsize size;

	*ret_rows = 24;
	*ret_columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
}

void terminal_show(const struct buf *screen)
{
	struct buf out = BUF_INIT;

	buf_puts(&out, HOME);
	for (size_t i = 0; i < screen->len; i++) {
		if (screen->data[i] == '\n')
			buf_puts(&out, CLEAR_LINE "\r\n");
		else
			buf_putc(&out, screen->data[i]);
	}
	buf_puts(&out, CLEAR_LINE CLEAR_BELOW);
	if (!out.err)
		put(out.data, out.len);
	buf_fini(&out);
}

int terminal_wait(int timeout_ms)
{
	struct pollfd ready[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	char key;

	if (poll(ready, 2, timeout_ms) <= 0)
		return 0;
	if (ready[0].revents)
		return -EINTR;
	if (read(STDIN_FILENO, &key, 1) != 1)
		return -EINTR;
	return (unsigned char)key;
}

bool terminal_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no && *no);
}
