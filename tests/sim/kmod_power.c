// SPDX-License-Identifier: GPL-2.0-only
/* Devices that lose power. */
#include "kmod_power.h"

void (*power_meanwhile)(void);
jmp_buf power_out;

static u64 random_state;
static int cut_in = -1;

void power_seed(u64 seed)
{
	random_state = seed;
	cut_in = -1;
}

u64 power_rnd(u64 n)
{
	random_state += 0x9e3779b97f4a7c15u;
	u64 z = random_state;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % n;
}

void power_cut_in(int writes)
{
	cut_in = writes;
}

static void put_sector(struct device *d, u64 sector, const u8 *bytes,
		       u64 version, bool durable)
{
	if (bytes && sector < d->data_start) {
		memcpy(d->meta_now + sector * SD_SECTOR, bytes, SD_SECTOR);
		if (durable)
			memcpy(d->meta_stable + sector * SD_SECTOR, bytes,
			       SD_SECTOR);
	} else {
		d->now[sector] = version;
		if (durable)
			d->stable[sector] = version;
	}
	if (!durable && !d->is_volatile[sector]) {
		d->is_volatile[sector] = true;
		d->volatiles[d->nr_volatiles++] = sector;
	}
}

static void settle(struct device *d, u64 sector, bool survives)
{
	u8 *now = d->meta_now + sector * SD_SECTOR;
	u8 *stable = d->meta_stable + sector * SD_SECTOR;

	if (sector >= d->data_start) {
		if (survives)
			d->stable[sector] = d->now[sector];
		else
			d->now[sector] = d->stable[sector];
	} else if (survives) {
		memcpy(stable, now, SD_SECTOR);
	} else {
		memcpy(now, stable, SD_SECTOR);
	}
}

void device_settle(struct device *d, bool flush)
{
	for (u32 i = 0; i < d->nr_volatiles; i++) {
		d->is_volatile[d->volatiles[i]] = false;
		settle(d, d->volatiles[i], flush || power_rnd(2));
	}
	d->nr_volatiles = 0;
}

/* Power fails within this write: each of its sectors is written or not. */
static void maybe_cut(struct device *d, u64 sector, u32 nr, const u8 *bytes,
		      const u64 *version)
{
	if (cut_in < 0 || cut_in--)
		return;
	for (u32 i = 0; i < nr; i++)
		if (power_rnd(2))
			put_sector(d, sector + i, bytes ? bytes + i * SD_SECTOR :
				   NULL, version ? version[i / SD_PAGE_SECTORS] :
				   0, true);
	longjmp(power_out, 1);
}

static void put_pages(struct device *d, u64 sector, u32 nr, const u64 *version,
		      bool durable)
{
	for (u32 i = 0; i < nr; i++)
		put_sector(d, sector + i, NULL, version[i / SD_PAGE_SECTORS],
			   durable);
}

void device_write_pages(struct device *d, u64 sector, u32 pages,
			const u64 *version)
{
	maybe_cut(d, sector, pages * SD_PAGE_SECTORS, NULL, version);
	put_pages(d, sector, pages * SD_PAGE_SECTORS, version, !d->cache);
}

void device_overwrite(struct device *d, u64 sector, u32 nr, const u64 *version)
{
	put_pages(d, sector, nr, version, true);
}

static int write_meta(struct sd_dev *dev, u64 sector, const void *buf,
		      u32 bytes, bool fua)
{
	struct device *d = container_of(dev, struct device, dev);
	bool durable = (fua && sector != d->no_fua) || !d->cache;

	power_meanwhile();
	maybe_cut(d, sector, bytes / SD_SECTOR, buf, NULL);
	for (u32 i = 0; i < bytes / SD_SECTOR; i++)
		put_sector(d, sector + i, (const u8 *)buf + i * SD_SECTOR, 0,
			   durable);
	power_meanwhile();
	return 0;
}

static int read_any(struct sd_dev *dev, u64 sector, void *buf, u32 bytes)
{
	struct device *d = container_of(dev, struct device, dev);
	u32 nr = bytes / SD_SECTOR;
	u64 *to = buf;

	if (d->unreadable && d->unreadable - sector < nr)
		return -EIO;
	if (sector < d->data_start) {
		memcpy(buf, d->meta_now + sector * SD_SECTOR, bytes);
		return 0;
	}
	memset(buf, 0, bytes);
	for (u32 i = 0; i < nr; i++)
		to[i * SD_SECTOR / sizeof(*to)] = d->now[sector + i];
	return 0;
}

static int flush(struct sd_dev *dev)
{
	struct device *d = container_of(dev, struct device, dev);

	power_meanwhile();
	maybe_cut(d, 0, 0, NULL, NULL);
	if (d->flush_fails && !power_rnd(d->flush_fails))
		return -EIO;
	if (!d->no_flush)
		device_settle(d, true);
	power_meanwhile();
	return 0;
}

void device_init(struct device *d, u64 sectors, u64 data_start)
{
	*d = (struct device) {
		.dev = { read_any, write_meta, flush },
		.sectors = sectors,
		.data_start = data_start,
		.now = calloc(sectors, sizeof(u64)),
		.stable = calloc(sectors, sizeof(u64)),
		.meta_now = calloc(data_start + 1, SD_SECTOR),
		.meta_stable = calloc(data_start + 1, SD_SECTOR),
		.is_volatile = calloc(sectors, sizeof(bool)),
		.volatiles = calloc(sectors, sizeof(u32)),
		.cache = power_rnd(2),
	};
}

void device_fini(struct device *d)
{
	free(d->volatiles);
	free(d->is_volatile);
	free(d->meta_stable);
	free(d->meta_now);
	free(d->stable);
	free(d->now);
}
