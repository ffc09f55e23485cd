#include "unit/cm.h"

#include "master/master.h"

static void the_limit_is_shared_out(void **unused)
{
    (void)unused;
    enum { CHILDREN = 3 };
    static const struct {
        const char *name;
        int limit;
        struct {
            enum master_child_state state;
            int clients;
            int64_t left;
        } child[CHILDREN];
        int64_t left;
    } rows[] = {
        {"no limit", 0, {{CHILD_FULL, 9, 0}}, 0},
        {"the first one", 3, {{CHILD_GOING, 0, 0}}, 3},
        {"one is full", 3, {{CHILD_FULL, 2, 3}}, 1},
        {"one is going", 100, {{CHILD_FULL, 50, 100}, {CHILD_GOING, 7, 50}}, 43},
        {"fewer sessions per process", 5, {{CHILD_FULL, 1, 5}, {CHILD_FULL, 1, 4}}, 3},
        {"one may take more", 10, {{CHILD_FULL, 5, 10}, {CHILD_ROOM, 1, 5}}, 1},
        {"one starts", 10, {{CHILD_FULL, 5, 10}, {CHILD_STARTING, 0, 3}}, 2},
        {"more than allowed", 2, {{CHILD_FULL, 9, 2}}, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct master_child children[CHILDREN] = {0};
        struct master_service service = {.max_processes = rows[i].limit, .children = children};
        ROW(rows[i].name);
        for (size_t k = 0; k < CHILDREN; k++) {
            bool is_there = rows[i].child[k].left > 0 || rows[i].child[k].clients > 0;
            children[k].state = is_there ? rows[i].child[k].state : CHILD_GOING;
            children[k].clients = rows[i].child[k].clients;
            children[k].left = rows[i].child[k].left;
            children[k].next = k + 1 < CHILDREN ? &children[k + 1] : NULL;
        }
        assert_int_equal(master_load_left(&service), rows[i].left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_limit_is_shared_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
