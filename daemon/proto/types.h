/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the message types of each part begin, and their registration.  A
 * message struct is declared in the header of the part that receives it.
 */
#ifndef PROTO_TYPES_H
#define PROTO_TYPES_H

enum proto_range {
	PROTO_STORE	= 0x100,
	PROTO_DATA	= 0x200,
	PROTO_GUILD	= 0x300,
	PROTO_RELAY	= 0x380,
	PROTO_SESSION	= 0x400,
	PROTO_DIR	= 0x500,
	PROTO_REST	= 0x580,
	PROTO_CATALOG	= 0x5c0,
	PROTO_GATEWAY	= 0x600,
	PROTO_SEARCH	= 0x700,
	PROTO_READSTATE	= 0x780,
	PROTO_FILES	= 0x7c0,
	PROTO_SWEEP	= 0x7e0,
};

/*
 * Registers the types of the directory, of guilds, relays, sessions and REST
 * calls.  Once, before the actor system starts.
 */
int proto_types_register(void);

#endif
