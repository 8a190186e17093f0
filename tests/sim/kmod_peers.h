/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an eviction policy is compared with: each takes in every block that a
 * read missed.
 */
#ifndef KMOD_PEERS_H
#define KMOD_PEERS_H

#include "kmod_traces.h"

/* Hits of a cache of t->nr_slots blocks over the trace. */
uint32_t peer_fifo(const struct trace *t);
uint32_t peer_lru(const struct trace *t);
/*
 * Belady's optimum: what is read again last goes first, and is not even taken
 * in if it is the block itself.  *ret_fills: how many were.
 */
uint32_t peer_optimum(const struct trace *t, uint32_t *ret_fills);

#endif
