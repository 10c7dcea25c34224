/*
 * Telling systemd how the service is: one datagram to $NOTIFY_SOCKET (sd_notify(3)), without its library.
 *
 * Master only.  Without the variable nothing happens.
 */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

/* Remember $NOTIFY_SOCKET and take it out of the environment: nobody else shall use it. */
void notify_init(void);
/* "READY=1", "STOPPING=1". */
void notify_send(const char *state);
/* RELOADING=1 with the time systemd wants beside it (Type=notify-reload). */
void notify_reloading(void);

#endif
