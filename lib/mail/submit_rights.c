#include "mail/submit_rights.h"

#include "config/common_params.h"
#include "mail/address.h"
#include "map/map_address.h"
#include "map/match_list.h"

#include <pwd.h>

bool submit_rights_check_user(uid_t uid, struct err *err)
{
    static const char title[] = "authorized_submit_users";
    struct err why = ERR_INIT;
    const struct passwd *account = getpwuid(uid);
    const char *name = account ? account->pw_name : "unknown";
    struct match_list *users =
        match_list_new(title, common_params.authorized_submit_users, MATCH_STRING, 0);
    enum map_status found = match_list_find(users, name, &why);
    match_list_free(users);
    if (found == MAP_FAILED) /* who cannot be looked up is not let in */
        return err_set(err, ERR_TEMP, "%s: %s", title, why.reason);
    if (found == MAP_NOT_FOUND)
        return err_set(err, ERR_PERM, "User %s(%ld) is not allowed to submit mail", name,
                       (long)uid);
    return true;
}

/* The sender as patterns are compared with it: without extension; the null sender has a name. */
static void make_key(struct slice sender, struct strbuf *out)
{
    struct slice local, domain, user, extension;
    if (sender.len == 0) {
        strbuf_set(out, common_params.empty_address_local_login_sender_maps_lookup_key);
        return;
    }
    bool has_domain = address_split(sender, &local, &domain);
    if (!has_domain)
        local = sender;
    if (map_address_split_extension(local, common_params.recipient_delimiter, &user, &extension))
        local = user;
    strbuf_add_slice(out, local);
    if (has_domain) {
        strbuf_add_char(out, '@');
        strbuf_add_slice(out, domain);
    }
}

static bool pattern_matches(struct slice pattern, struct slice key)
{
    struct slice local, domain;
    if (slice_eq(pattern, "*"))
        return true;
    if (pattern.len > 1 && pattern.s[0] == '@')
        return address_split(key, &local, &domain) &&
               slice_same_nocase(domain, slice_from(pattern, 1));
    return slice_same_nocase(pattern, key);
}

/* As tables know the user: accounts by name, a number without account as uid:NUMBER. */
static void make_login(uid_t uid, struct strbuf *out)
{
    const struct passwd *account = getpwuid(uid);
    if (account)
        strbuf_add_str(out, account->pw_name);
    else
        strbuf_addf(out, "uid:%ld", (long)uid);
}

bool submit_rights_check_sender(uid_t uid, struct slice sender, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf login = STRBUF_ANY, key = STRBUF_ANY, allowed = STRBUF_ANY;
    struct err why = ERR_INIT;
    make_login(uid, &login);
    make_key(sender, &key);
    struct maps *maps =
        maps_open("local_login_sender_maps", common_params.local_login_sender_maps, MAP_READ);
    enum map_status found = maps_find(maps, login.s, MAPS_WHOLE_KEY, &allowed, &why);
    maps_close(maps);
    if (found == MAP_FAILED)
        return err_set(err, ERR_TEMP, "%s", why.reason);
    struct slice in = strbuf_slice(&allowed), pattern;
    while (found == MAP_FOUND && slice_next_token(&in, ", \t\r\n", &pattern))
        if (pattern_matches(pattern, strbuf_slice(&key)))
            return true;
    return err_set(err, ERR_PERM, "%s(%ld): not authorized to use sender='%.*s'", login.s,
                   (long)uid, SLICE_ARG(sender));
}
