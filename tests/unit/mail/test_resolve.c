#include "unit/cm.h"

#include "config/common_params.h"
#include "mail/resolve.h"

/* answers of Postfix 3.7 with the same parameters */
static const char *const settings[][2] = {
    {"myhostname", "h.example"},
    {"mydomain", "example"},
    {"myorigin", "h.example"},
    {"mydestination", "h.example, localhost, dual.example"},
    {"inet_interfaces", "127.0.0.1"},
    {"recipient_delimiter", "+"},
    {"virtual_alias_domains", "va.example, dual.example"},
    {"virtual_mailbox_domains", "vm.example"},
    {"relay_domains", "relay.example"},
    {"relayhost", "[rh.example]:26"},
    {"local_transport", "local:$myhostname"},
    {"relocated_maps", "inline:{ {moved@h.example=n@new.example}, {moved=o@new.example}, "
                       "{moved@tm5.example=p@new.example} }"},
    {"sender_dependent_relayhost_maps",
     "inline:{ {s@dep.example = [srh.example]}, {<>=nullrh.example}, {@dunno.example=DUNNO} }"},
    {"sender_dependent_default_transport_maps", "inline:{ {t2@dep.example=slow:next.example} }"},
    {"transport_maps", "inline:{ {tm1.example=smtp:}, {tm2.example=:nh.example}, "
                       "{.tm4.example=relay:sub}, {u@tm5.example=error:5.2.1 gone}, "
                       "{tm6.example=:}, {u+e@tm8.example=ext:}, {u@tm8.example=local} }"},
};

static void resolve_answers(void **unused)
{
    (void)unused;
    static const struct {
        const char *address, *sender, *transport, *nexthop, *recipient;
        unsigned address_class, flags;
    } rows[] = {
        {"u@far.example", "s@x", "smtp", "[rh.example]:26", "u@far.example", 16, 0},
        {"u@h.example", "s@x", "local", "h.example", "u@h.example", 1, 0},
        {"moved@h.example", "s@x", "error", "5.1.6 User has moved to n@new.example",
         "moved@h.example", 1, 0},
        {"moved+x@localhost", "s@x", "error", "5.1.6 User has moved to o@new.example",
         "moved+x@localhost", 1, 0},
        {"moved@[127.0.0.1]", "s@x", "error", "5.1.6 User has moved to o@new.example",
         "moved@[127.0.0.1]", 1, 0},
        {"moved@tm5.example", "s@x", "error", "5.1.6 User has moved to p@new.example",
         "moved@tm5.example", 16, 0},
        {"moved@far.example", "s@x", "smtp", "[rh.example]:26", "moved@far.example", 16, 0},
        {"u@dual.example", "s@x", "local", "h.example", "u@dual.example", 1, 0},
        {"u@va.example", "s@x", "error", "5.1.1 User unknown in virtual alias table",
         "u@va.example", 2, 0},
        {"u@vm.example", "s@x", "virtual", "vm.example", "u@vm.example", 4, 0},
        {"u@s.relay.example", "s@x", "relay", "[rh.example]:26", "u@s.relay.example", 8, 0},
        {"u@tm1.example", "s@x", "smtp", "tm1.example", "u@tm1.example", 16, 0},
        {"u@tm2.example", "s@x", "smtp", "nh.example", "u@tm2.example", 16, 0},
        {"u@tm4.example", "s@x", "smtp", "[rh.example]:26", "u@tm4.example", 16, 0},
        {"u@a.tm4.example", "s@x", "relay", "sub", "u@a.tm4.example", 16, 0},
        {"u@tm5.example", "s@x", "error", "5.2.1 gone", "u@tm5.example", 16, 0},
        {"u@tm6.example", "s@x", "smtp", "[rh.example]:26", "u@tm6.example", 16, 0},
        {"u+e@tm8.example", "s@x", "ext", "tm8.example", "u+e@tm8.example", 16, 0},
        {"u+f@tm8.example", "s@x", "local", "tm8.example", "u+f@tm8.example", 16, 0},
        {"u%far.example@h.example", "s@x", "smtp", "[rh.example]:26", "u@far.example", 16, 0},
        {"u@far.example@h.example", "s@x", "smtp", "[rh.example]:26", "u@far.example", 16, 0},
        {"a!u@h.example", "s@x", "smtp", "[rh.example]:26", "u@a", 16, 0},
        {"u%x@far.example", "s@x", "smtp", "[rh.example]:26", "u%x@far.example", 16,
         RESOLVE_ROUTED},
        {"u%x%y@h.example", "s@x", "smtp", "[rh.example]:26", "u%x@y", 16, RESOLVE_ROUTED},
        {"u@[127.0.0.1]", "s@x", "local", "h.example", "u@[127.0.0.1]", 1, 0},
        {"u@1.2.3.4", "s@x", "", "", "u@1.2.3.4", 16, RESOLVE_BAD_ADDRESS},
        {"u@", "s@x", "", "", "u@", 16, RESOLVE_BAD_ADDRESS},
        {"u@a..b", "s@x", "", "", "u@a..b", 16, RESOLVE_BAD_ADDRESS},
        {"@", "s@x", "", "", "MAILER-DAEMON@", 16, RESOLVE_BAD_ADDRESS},
        {"u@\xc3\xa5.example", "s@x", "", "", "u@\xc3\xa5.example", 16, RESOLVE_BAD_ADDRESS},
        {"-u@far.example", "s@x", "smtp", "[rh.example]:26", "-u@far.example", 16,
         RESOLVE_BAD_ADDRESS},
        {"u@far.example.", "s@x", "smtp", "[rh.example]:26", "u@far.example", 16, 0},
        {"", "s@x", "local", "h.example", "MAILER-DAEMON@h.example", 1, 0},
        {"@h.example", "s@x", "local", "h.example", "MAILER-DAEMON@h.example", 1, 0},
        {"u@far.example", "s+e@dep.example", "smtp", "[srh.example]", "u@far.example", 16, 0},
        {"u@far.example", "x@dunno.example", "smtp", "[rh.example]:26", "u@far.example", 16, 0},
        {"u@far.example", "t2@dep.example", "slow", "next.example", "u@far.example", 16, 0},
        {"u@far.example", "", "smtp", "nullrh.example", "u@far.example", 16, 0},
    };
    struct err err = ERR_INIT;
    struct config *cfg = config_new("/nonexistent");
    config_declare(cfg, common_param_rows);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        config_override(cfg, settings[i][0], settings[i][1]);
    if (!common_params_load(cfg, &err))
        fail_msg("%s", err.reason);
    struct resolver *r = resolver_new(cfg, &err);
    if (!r)
        fail_msg("%s", err.reason);
    struct arena *arena = arena_new("test");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct resolve_reply reply;
        print_message("  row: %s from %s\n", rows[i].address, rows[i].sender);
        if (!resolve_address(r, RESOLVE_DELIVER, rows[i].sender, rows[i].address, arena, &reply,
                             &err))
            fail_msg("%s", err.reason);
        assert_string_equal(reply.transport, rows[i].transport);
        assert_string_equal(reply.nexthop, rows[i].nexthop);
        assert_string_equal(reply.recipient, rows[i].recipient);
        assert_int_equal(reply.address_class, rows[i].address_class);
        assert_int_equal(reply.flags, rows[i].flags);
    }
    assert_string_equal(
        resolver_take_warnings(r, arena),
        "do not list domain dual.example in BOTH mydestination and virtual_alias_domains\n");
    arena_free(arena);
    resolver_free(r);
    params_done(common_param_rows, &common_params);
    config_free(cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(resolve_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
