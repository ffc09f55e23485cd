/* postmap_options: what the command line of postmap or postalias asked for. */
#ifndef POSTMAP_OPTIONS_H
#define POSTMAP_OPTIONS_H

#include "map/map.h"
#include "map/map_text.h"

struct postmap_options {
    enum map_text_format format; /* postalias: aliases */
    enum map_flags flags;
    bool is_incremental, keeps_root, encodes_files, dumps, json, verbose;
    bool wants_headers, wants_body, wants_mime;
    const char *query, *remove; /* keys, "-" for standard input */
    const char *explain, *use;  /* --explain KEY, --as USE */
    bool checks;                /* --check */
};

#endif
