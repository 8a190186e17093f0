// SPDX-License-Identifier: Apache-2.0
#include "base/timefmt.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MS_PER_DAY 86400000ull
#define LAST_MS 253402300799999ull	/* 9999-12-31T23:59:59.999Z */

/* Days since 1970 of a date; years begin in March, so that the leap day is
 * the last of its year. */
static int64_t days_of(int64_t year, unsigned int month, unsigned int day)
{
	int64_t y = year - (month <= 2);
	int64_t yday = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + yday - 719468;
}

static unsigned int month_days(unsigned int year, unsigned int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
					31, 31, 30, 31, 30, 31 };
	int leap = year % 4 == 0 && (year % 100 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static void date_of(uint64_t days, unsigned int *year, unsigned int *month,
		    unsigned int *day)
{
	unsigned int y = (unsigned int)(1970 + days / 366);
	unsigned int m = 1;
	int64_t rest;

	while (days_of(y + 1, 1, 1) <= (int64_t)days)
		y++;
	rest = (int64_t)days - days_of(y, 1, 1);
	for (; rest >= month_days(y, m); m++)
		rest -= month_days(y, m);
	*year = y;
	*month = m;
	*day = (unsigned int)rest + 1;
}

void timefmt_iso(uint64_t unix_ms, char ret_text[TIMEFMT_SIZE])
{
	uint64_t at = unix_ms < LAST_MS ? unix_ms : LAST_MS;
	uint64_t ms = at % MS_PER_DAY;
	unsigned int year, month, day;

	date_of(at / MS_PER_DAY, &year, &month, &day);
	snprintf(ret_text, TIMEFMT_SIZE,
		 "%04u-%02u-%02uT%02u:%02u:%02u.%03u000+00:00", year, month, day,
		 (unsigned int)(ms / 3600000), (unsigned int)(ms / 60000 % 60),
		 (unsigned int)(ms / 1000 % 60), (unsigned int)(ms % 1000));
}

/* Reads `width` digits and, if `after` is not 0, that character. */
static int number(const char **text, int width, char after, unsigned int *ret)
{
	unsigned int n = 0;

	for (int i = 0; i < width; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return -EINVAL;
		n = n * 10 + (unsigned int)(**text - '0');
	}
	if (after && *(*text)++ != after)
		return -EINVAL;
	*ret = n;
	return 0;
}

static unsigned int fraction_ms(const char **text)
{
	unsigned int ms = 0, unit = 100;

	if (**text != '.')
		return 0;
	for ((*text)++; isdigit((unsigned char)**text); (*text)++, unit /= 10)
		ms += unit * (unsigned int)(**text - '0');
	return ms;
}

static int zone_minutes(const char *text, int *ret_minutes)
{
	unsigned int hours, minutes;
	char sign = *text;

	if (!strcmp(text, "Z")) {
		*ret_minutes = 0;
		return 0;
	}
	if (sign != '+' && sign != '-')
		return -EINVAL;
	text++;
	if (number(&text, 2, ':', &hours) || number(&text, 2, 0, &minutes) ||
	    *text || hours > 23 || minutes > 59)
		return -EINVAL;
	*ret_minutes = (int)(hours * 60 + minutes) * (sign == '-' ? -1 : 1);
	return 0;
}

int timefmt_parse(const char *text, uint64_t *ret_unix_ms)
{
	unsigned int year, month, day, hour, min, sec, frac;
	int64_t ms;
	int zone;

	if (number(&text, 4, '-', &year) || number(&text, 2, '-', &month) ||
	    number(&text, 2, 'T', &day) || number(&text, 2, ':', &hour) ||
	    number(&text, 2, ':', &min) || number(&text, 2, 0, &sec))
		return -EINVAL;
	if (month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month) || hour > 23 || min > 59 || sec > 60)
		return -EINVAL;
	frac = fraction_ms(&text);
	if (zone_minutes(text, &zone))
		return -EINVAL;
	ms = days_of(year, month, day) * (int64_t)MS_PER_DAY +
	     ((hour * 60ll + min - zone) * 60 + sec) * 1000 + frac;
	if (ms < 0)
		return -EINVAL;
	*ret_unix_ms = (uint64_t)ms;
	return 0;
}
