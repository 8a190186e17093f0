/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of superdisk(8).  Each returns an exit status of sysexits. */
#ifndef MONITOR_COMMAND_H
#define MONITOR_COMMAND_H

int command_latency(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_slowest(int argc, char **argv);
int command_sockets(int argc, char **argv);
int command_create(int argc, char **argv);
int command_remove(int argc, char **argv);
int command_list(int argc, char **argv);
int command_status(int argc, char **argv);
int command_events(int argc, char **argv);
int command_add_ssd(int argc, char **argv);
int command_replace_ssd(int argc, char **argv);
int command_remove_ssd(int argc, char **argv);
int command_bypass(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_warm(int argc, char **argv);

#endif
