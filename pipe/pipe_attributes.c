#include "pipe/pipe_attributes.h"

#include "base/num.h"
#include "delivery/command_service.h"
#include "delivery/mailbox_message.h"

#include <string.h>

static bool set_flags(struct pipe_attributes *a, const char *value, struct err *err)
{
    // clang-format off
    static const struct { char letter; unsigned flag, form; } rows[] = {
        {'B', 0, MAILBOX_BLANK_LINE},
        {'D', PIPE_FLAG_DELIVERED_TO, 0},
        {'F', 0, MAILBOX_FROM_LINE},
        {'O', PIPE_FLAG_ORIGINAL_TO, 0},
        {'R', 0, MAILBOX_RETURN_PATH},
        {'X', PIPE_FLAG_FINAL, 0},
        {'h', PIPE_FLAG_FOLD_DOMAIN, 0},
        {'q', PIPE_FLAG_QUOTE, 0},
        {'u', PIPE_FLAG_FOLD_LOCAL, 0},
        {'.', 0, MAILBOX_DOTS},
        {'>', 0, MAILBOX_QUOTE_FROM},
    };
    // clang-format on
    for (; *value; value++) {
        size_t i = 0;
        while (i < COUNT_OF(rows) && rows[i].letter != *value)
            i++;
        if (i == COUNT_OF(rows))
            return err_set(err, ERR_CONFIG, "unknown flag: %c (ignored)", *value);
        a->flags |= rows[i].flag;
        a->form |= rows[i].form;
    }
    return true;
}

/* C escapes: \a \b \f \n \r \t \v \\ \ooo; a backslash before anything else stands for itself. */
static bool set_eol(struct pipe_attributes *a, const char *value, struct err *err)
{
    static const char letters[] = "abfnrtv\\", meanings[] = "\a\b\f\n\r\t\v\\";
    (void)err;
    strbuf_reset(&a->eol);
    while (*value) {
        const char *found = value[0] == '\\' && value[1] ? strchr(letters, value[1]) : NULL;
        size_t digits = value[0] == '\\' ? strspn(value + 1, "01234567") : 0;
        if (found) {
            strbuf_add_char(&a->eol, meanings[found - letters]);
            value += 2;
        } else if (digits > 0) {
            unsigned byte = 0;
            for (size_t i = 0; i < MIN(digits, (size_t)3); i++)
                byte = byte * 8 + (unsigned)(value[1 + i] - '0');
            strbuf_add_char(&a->eol, (char)(unsigned char)byte);
            value += 1 + MIN(digits, (size_t)3);
        } else {
            value += value[0] == '\\' && value[1];
            strbuf_add_char(&a->eol, *value++);
        }
    }
    return true;
}

static bool set_size(struct pipe_attributes *a, const char *value, struct err *err)
{
    if (num_parse_i64(slice_of(value), &a->size_limit) && a->size_limit >= 0)
        return true;
    return err_set(err, ERR_CONFIG, "get_service_attr: bad size= value: %s", value);
}

static bool set_user(struct pipe_attributes *a, const char *value, struct err *err)
{
    char name[COMMAND_SERVICE_NAME_MAX];
    enum command_service_fault fault = command_service_user(value, &a->rights, name);
    if (fault == COMMAND_SERVICE_FINE)
        return true;
    return err_set(err, ERR_CONFIG, "get_service_attr: unknown %s: %s",
                   fault == COMMAND_SERVICE_NO_USER ? "username" : "group", name);
}

static bool set_null_sender(struct pipe_attributes *a, const char *value, struct err *err)
{
    (void)err;
    a->null_sender = value;
    return true;
}

static bool set_directory(struct pipe_attributes *a, const char *value, struct err *err)
{
    (void)err;
    a->directory = value;
    return true;
}

static bool set_chroot(struct pipe_attributes *a, const char *value, struct err *err)
{
    (void)err;
    a->chroot = value;
    return true;
}

static bool set_one(struct pipe_attributes *a, const char *word, bool *has_user, struct err *err)
{
    // clang-format off
    static const struct {
        const char *name;
        bool (*set)(struct pipe_attributes *a, const char *value, struct err *err);
    } rows[] = {
        {"flags=", set_flags}, {"user=", set_user}, {"eol=", set_eol}, {"size=", set_size},
        {"null_sender=", set_null_sender}, {"directory=", set_directory}, {"chroot=", set_chroot},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strncmp(word, rows[i].name, strlen(rows[i].name)) != 0)
            continue;
        *has_user |= rows[i].set == set_user;
        return rows[i].set(a, word + strlen(rows[i].name), err);
    }
    return err_set(err, ERR_CONFIG, "unknown attribute name: %s", word);
}

static bool check_rights(const struct user_rights *rights, const char *mail_owner, struct err *err)
{
    static const char attribute[] = "user= command-line attribute specifies";
    switch (command_service_check(rights, mail_owner)) {
    case COMMAND_SERVICE_ROOT:
        return err_set(err, ERR_CONFIG, "%s root privileges", attribute);
    case COMMAND_SERVICE_ROOT_GROUP:
        return err_set(err, ERR_CONFIG, "%s privileged group id", attribute);
    case COMMAND_SERVICE_OWNER:
        return err_set(err, ERR_CONFIG, "%s mail system owner %s", attribute, mail_owner);
    case COMMAND_SERVICE_OWNER_GROUP:
        return err_set(err, ERR_CONFIG, "%s mail system owner %s group id %ld", attribute,
                       mail_owner, (long)rights->gid);
    default:
        return true;
    }
}

bool pipe_attributes_parse(char *const *args, const char *mail_owner, struct pipe_attributes *ret,
                           struct err *err)
{
    bool has_user = false;
    *ret = (struct pipe_attributes){.null_sender = "MAILER-DAEMON", .eol = STRBUF_ANY};
    strbuf_set(&ret->eol, "\n");
    for (; args && *args; args++) {
        if (strncmp(*args, "argv=", strlen("argv=")) == 0) {
            argv_add(&ret->command, *args + strlen("argv="));
            for (args++; *args; args++)
                argv_add(&ret->command, *args);
            break;
        }
        if (!set_one(ret, *args, &has_user, err))
            return false;
    }
    if (!has_user)
        return err_set(err, ERR_CONFIG, "missing user= command-line attribute");
    if (ret->command.count == 0)
        return err_set(err, ERR_CONFIG, "missing argv= command-line attribute");
    return check_rights(&ret->rights, mail_owner, err);
}

void pipe_attributes_done(struct pipe_attributes *a)
{
    strbuf_done(&a->eol);
    argv_done(&a->command);
}
