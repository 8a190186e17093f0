// SPDX-License-Identifier: Apache-2.0
#include "monitor/devices.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "monitor/text.h"

#define MINOR_BITS 20
#define MINOR_MASK ((1U << MINOR_BITS) - 1)

struct known {
	struct known *next;
	uint32_t number;
	int gone;	/* its name is only remembered */
	char name[DEVICE_NAME_MAX];
};

struct devices {
	char sys[256];
	struct known *known;
};

int devices_new(const char *sys, struct devices **ret_devices)
{
	struct devices *devices = mem_zalloc(sizeof(*devices));

	if (!devices)
		return -ENOMEM;
	snprintf(devices->sys, sizeof(devices->sys), "%s", sys);
	*ret_devices = devices;
	return 0;
}

void devices_free(struct devices *devices)
{
	while (devices && devices->known) {
		struct known *next = devices->known->next;

		mem_free(devices->known);
		devices->known = next;
	}
	mem_free(devices);
}

void devices_forget(struct devices *devices)
{
	for (struct known *k = devices->known; k; k = k->next)
		k->gone = 1;
}

/* The value of line @key=VALUE of @path, or with @key "" its first line. */
static int read_line(const char *path, const char *key, char *value,
		     size_t size)
{
	FILE *file = fopen(path, "re");
	size_t key_size = strlen(key);
	char line[256];
	int err = -ENOENT;

	if (!file)
		return -errno;
	while (err && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, key_size))
			continue;
		line[strcspn(line, "\n")] = 0;
		if (!line[key_size])
			continue;
		snprintf(value, size, "%s", line + key_size);
		text_make_printable(value);
		err = 0;
	}
	fclose(file);
	return err;
}

static int read_name(const struct devices *devices, uint32_t number,
		     char *name, size_t size)
{
	unsigned int major = number >> MINOR_BITS, minor = number & MINOR_MASK;
	char path[512];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/dm/name",
		 devices->sys, major, minor);
	if (!read_line(path, "", name, size))
		return 0;
	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/uevent",
		 devices->sys, major, minor);
	return read_line(path, "DEVNAME=", name, size);
}

const char *devices_name(struct devices *devices, uint32_t number)
{
	struct known *k = devices->known;

	while (k && k->number != number)
		k = k->next;
	if (k && !k->gone)
		return k->name;
	if (!k) {
		k = mem_zalloc(sizeof(*k));
		if (!k)
			return "?";
		k->number = number;
		snprintf(k->name, sizeof(k->name), "%u:%u",
			 number >> MINOR_BITS, number & MINOR_MASK);
		k->next = devices->known;
		devices->known = k;
	}
	k->gone = read_name(devices, number, k->name, sizeof(k->name)) != 0;
	return k->name;
}

/* First line of @folder/@file, without blanks around it, if there is one. */
static int read_word(const char *folder, const char *file, char *word,
		     size_t size)
{
	char path[512], line[256];
	size_t first, end;

	snprintf(path, sizeof(path), "%.400s/%s", folder, file);
	if (read_line(path, "", line, sizeof(line)))
		return -ENOENT;
	first = strspn(line, " \t");
	end = strlen(line);
	while (end > first && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		end--;
	if (first == end)
		return -ENOENT;
	snprintf(word, size, "%.*s", (int)(end - first), line + first);
	return 0;
}

/* Where kinds of devices say who they are; the best first. */
static const char *const identity_files[] = {
	"wwid", "device/wwid", "dm/uuid", "serial", "device/serial",
};

static int read_identity(const char *folder, char *identity, size_t size)
{
	for (size_t i = 0;
	     i < sizeof(identity_files) / sizeof(identity_files[0]); i++)
		if (!read_word(folder, identity_files[i], identity, size))
			return 0;
	return -ENOENT;
}

/* A partition is its disk's and has a number. */
static int identity_of(const char *folder,
		       char ret_identity[DEVICE_IDENTITY_MAX])
{
	char whole[512], word[128], part[16];

	if (read_word(folder, "partition", part, sizeof(part)))
		return read_identity(folder, ret_identity,
				     DEVICE_IDENTITY_MAX);
	snprintf(whole, sizeof(whole), "%.400s/..", folder);
	if (read_identity(whole, word, sizeof(word)))
		return -ENOENT;
	snprintf(ret_identity, DEVICE_IDENTITY_MAX, "%s-part%s", word, part);
	return 0;
}

int devices_identity(const struct devices *devices, uint32_t number,
		     char ret_identity[DEVICE_IDENTITY_MAX])
{
	char folder[512];

	snprintf(folder, sizeof(folder), "%s/dev/block/%u:%u", devices->sys,
		 number >> MINOR_BITS, number & MINOR_MASK);
	return identity_of(folder, ret_identity);
}

int devices_by_identity(const struct devices *devices, const char *identity,
			uint32_t *ret_number)
{
	char path[512], found[DEVICE_IDENTITY_MAX];
	unsigned int major, minor;
	struct dirent *entry;
	int err = -ENODEV;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/dev/block", devices->sys);
	folder = opendir(path);
	if (!folder)
		return -ENODEV;
	while (err && (entry = readdir(folder))) {
		if (sscanf(entry->d_name, "%u:%u", &major, &minor) != 2)
			continue;
		snprintf(path, sizeof(path), "%s/dev/block/%u:%u",
			 devices->sys, major, minor);
		if (identity_of(path, found) || strcmp(found, identity))
			continue;
		*ret_number = major << MINOR_BITS | minor;
		err = 0;
	}
	closedir(folder);
	return err;
}

static int node_number(const char *path, uint32_t *ret_number)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	*ret_number = (uint32_t)major(st.st_rdev) << MINOR_BITS |
		      minor(st.st_rdev);
	return 0;
}

static const char *const folders[] = { "/dev", "/dev/mapper" };
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

int devices_path(struct devices *devices, uint32_t number,
		 char ret_path[DEVICE_PATH_MAX])
{
	const char *name = devices_name(devices, number);
	char path[DEVICE_PATH_MAX];
	uint32_t found;

	for (size_t i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (node_number(path, &found) || found != number)
			continue;
		strcpy(ret_path, path);
		return 0;
	}
	return -ENODEV;
}

int devices_number(struct devices *devices, const char *name,
		   uint32_t *ret_number)
{
	unsigned int major, minor;
	char path[512], line[64];

	if (name[0] == '/')
		return node_number(name, ret_number) ? -ENODEV : 0;
	snprintf(path, sizeof(path), "%s/class/block/%s/dev", devices->sys,
		 name);
	if (!read_line(path, "", line, sizeof(line)) &&
	    sscanf(line, "%u:%u", &major, &minor) == 2) {
		*ret_number = major << MINOR_BITS | minor;
		return 0;
	}
	for (size_t i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (!node_number(path, ret_number))
			return 0;
	}
	return -ENODEV;
}
