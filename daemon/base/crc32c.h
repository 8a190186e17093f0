/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), in hardware where there is SSE 4.2. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from `crc`; 0 to begin.  crc32c(0, "123456789", 9) = e3069283. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same by table, on any processor. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
