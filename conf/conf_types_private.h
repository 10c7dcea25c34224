/*
 * The rows of the type table, which are spread over conf_types.c, conf_types_text.c,
 * conf_types_net.c, conf_types_access.c and conf_types_login.c.  Included by those files only.
 */
#ifndef CONF_TYPES_PRIVATE_H
#define CONF_TYPES_PRIVATE_H

#include "conf/conf_types.h"

extern const char conf_type_out_of_range[];
extern const char conf_type_control_character[];

#define CONF_TYPE_EXTERN(name) extern const struct conf_type conf_type_##name;
CONF_TYPES(CONF_TYPE_EXTERN)
#undef CONF_TYPE_EXTERN

#endif
