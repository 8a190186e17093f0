/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway intents: which events a session asked for. */
#ifndef PROTO_INTENT_H
#define PROTO_INTENT_H

#define INTENT_GUILDS			(1u << 0)
#define INTENT_GUILD_MEMBERS		(1u << 1)
#define INTENT_GUILD_MODERATION		(1u << 2)
#define INTENT_GUILD_EXPRESSIONS	(1u << 3)
#define INTENT_GUILD_INTEGRATIONS	(1u << 4)
#define INTENT_GUILD_WEBHOOKS		(1u << 5)
#define INTENT_GUILD_INVITES		(1u << 6)
#define INTENT_GUILD_VOICE_STATES	(1u << 7)
#define INTENT_GUILD_PRESENCES		(1u << 8)
#define INTENT_GUILD_MESSAGES		(1u << 9)
#define INTENT_GUILD_REACTIONS		(1u << 10)
#define INTENT_GUILD_TYPING		(1u << 11)
#define INTENT_DIRECT_MESSAGES		(1u << 12)
#define INTENT_DIRECT_REACTIONS		(1u << 13)
#define INTENT_DIRECT_TYPING		(1u << 14)
#define INTENT_MESSAGE_CONTENT		(1u << 15)
#define INTENT_SCHEDULED_EVENTS		(1u << 16)
#define INTENT_AUTOMOD_CONFIGURATION	(1u << 20)
#define INTENT_AUTOMOD_EXECUTION	(1u << 21)
#define INTENT_GUILD_POLLS		(1u << 24)
#define INTENT_DIRECT_POLLS		(1u << 25)

/* Bits outside of these are invalid (close 4013). */
#define INTENTS_KNOWN 0x0331ffffu

#endif
