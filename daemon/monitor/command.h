/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of superdisk(8).  Each returns an exit status of sysexits. */
#ifndef MONITOR_COMMAND_H
#define MONITOR_COMMAND_H

int command_latency(int argc, char **argv);

#endif
