/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells of a folder, some of them open: the ones used last.  Beside them
 * run.db says whether the indexer has ended in good order.  Blocking, one
 * thread at a time.
 */
#ifndef SEARCH_CELLS_H
#define SEARCH_CELLS_H

#include <stdbool.h>
#include <stdint.h>

struct cell;
struct cells;

#define CELLS_OPEN_MAX 64	/* each: 3 descriptors, 2 MiB of cache */

/*
 * Makes the folder if need be.  *ret_generation is another one than before
 * when the last run did not end with cells_close(…, true).
 */
int cells_open(const char *dir, unsigned int max_open,
	       struct cells **ret_cells, uint64_t *ret_generation);
/* `complete`: the marks in the cells say everything that is to be done. */
void cells_close(struct cells *cells, bool complete);

/*
 * Until when, in ms since 1970, all that had changed by then was in the cells
 * while this generation was the current one; 0: not known.
 */
int cells_safe(struct cells *cells, uint64_t generation, uint64_t *ret_ms);
int cells_set_safe(struct cells *cells, uint64_t generation, uint64_t ms);

/* Borrows until the next call.  One that is damaged is made anew, empty. */
int cells_get(struct cells *cells, uint64_t id, struct cell **ret_cell);
/* Forgets it, with its file. */
void cells_drop(struct cells *cells, uint64_t id);

#endif
