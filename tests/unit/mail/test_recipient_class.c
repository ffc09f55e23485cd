#include "unit/cm.h"

#include "config/common_params.h"
#include "mail/address_class.h"

static const char *const settings[][2] = {
    {"myhostname", "h.example"},
    {"myorigin", "h.example"},
    {"mydestination", "h.example"},
    {"inet_interfaces", "127.0.0.1"},
    {"virtual_alias_domains", "va.example"},
    {"virtual_alias_maps", "inline:{u@va.example=x@y}"},
    {"relay_domains", "relay.example"},
    {"relocated_maps", "inline:{m@h.example=n@far}"},
    {"local_recipient_maps", "inline:{u=x}"},
    {"canonical_maps", "inline:{c@h.example=u}"},
};

static void recipients_are_judged(void **unused)
{
    (void)unused;
    static const struct {
        const char *address;
        enum recipient_status status;
        const char *text;
    } rows[] = {
        {"u@h.example", RECIPIENT_OK, ""},
        {"c@h.example", RECIPIENT_OK, ""},
        {"x@h.example", RECIPIENT_UNKNOWN, "5.1.1 User unknown in local recipient table"},
        {"m@h.example", RECIPIENT_MOVED, "5.1.6 User has moved to n@far"},
        {"u@va.example", RECIPIENT_OK, ""},
        {"x@va.example", RECIPIENT_UNKNOWN, "5.1.1 User unknown in virtual alias table"},
        {"x@relay.example", RECIPIENT_OK, ""},
        {"x@far.example", RECIPIENT_OK, ""},
    };
    struct err err = ERR_INIT;
    struct config *cfg = config_new("/nonexistent");
    config_declare(cfg, common_param_rows);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        config_override(cfg, settings[i][0], settings[i][1]);
    assert_true(common_params_load(cfg, &err));
    struct resolver *r = resolver_new(cfg, &err);
    assert_non_null(r);
    struct address_class *c = address_class_new(r);
    struct arena *arena = arena_new("test");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct resolve_reply reply;
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].address);
        assert_true(
            resolve_address(r, RESOLVE_DELIVER, "s@x", rows[i].address, arena, &reply, &err));
        assert_int_equal(address_class_recipient(c, &reply, &text, &err), rows[i].status);
        cm_slice_is(strbuf_slice(&text), rows[i].text, __FILE__, __LINE__);
    }
    arena_free(arena);
    address_class_free(c);
    resolver_free(r);
    params_done(common_param_rows, &common_params);
    config_free(cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(recipients_are_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
