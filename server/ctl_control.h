/*
 * The commands of transomctl that ask the running server, over its control socket (control_messages.h).
 *
 * transomctl only; as those of ctl_users.h they say on standard error why they failed.
 */
#ifndef SERVER_CTL_CONTROL_H
#define SERVER_CTL_CONTROL_H

#include "server/ctl_users.h"

ctl_command_fn ctl_control_metrics;
ctl_command_fn ctl_control_status;

#endif
