/*
 * file: output files and checksums, for the command line and for simulated
 * worlds.
 */
#ifndef LULL_BIND_FILE_H
#define LULL_BIND_FILE_H

#include "bind/type.h"

/* core.sha256(bytes) -> 64 hexadecimal digits */
int lull_bind_sha256(lua_State *L);

/* core.file_sha256(path) -> the same of a file; nil when it cannot be read */
int lull_bind_file_sha256(lua_State *L);

/* core.place(path) -> "file", "new", "null", "stream" or "descriptor"; or nil
   and an error's text */
int lull_bind_place(lua_State *L);

/* core.write(path, bytes) -> true, or nil and "path: reason" */
int lull_bind_write(lua_State *L);

#endif
