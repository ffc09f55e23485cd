#include "unit/cm.h"

#include "map/map_net_index.h"

#include <stdlib.h>

enum { NETS = 60, QUESTIONS = 2000 };

static unsigned seed = 7;

static unsigned number_below(unsigned limit)
{
    seed = seed * 1103515245U + 12345U;
    return (seed >> 16) % limit;
}

/* Few different bytes, so that networks contain each other and addresses fall into them. */
static struct map_net some_address(void)
{
    struct map_net net = {.size = number_below(2) ? 4 : 16};
    for (size_t i = 0; i < net.size; i++)
        net.bytes[i] = (uint8_t)(number_below(3) << 6);
    net.bits = net.size * 8U;
    return net;
}

static void the_index_says_what_a_search_says(void **unused)
{
    (void)unused;
    struct map_net nets[NETS];
    struct map_net_index *index = map_net_index_new();
    for (size_t i = 0; i < NETS; i++) {
        nets[i] = some_address();
        map_net_cut(&nets[i], 6 + number_below(nets[i].size * 8U - 5));
        map_net_index_add(index, &nets[i], i);
    }
    size_t hits = 0;
    for (size_t q = 0; q < QUESTIONS; q++) {
        struct map_net address = some_address();
        size_t expected = 0;
        while (expected < NETS && !map_net_contains(&nets[expected], &address))
            expected++;
        hits += expected < NETS;
        assert_int_equal(map_net_index_find(index, &address),
                         expected < NETS ? expected : SIZE_MAX);
    }
    assert_true(hits > 0 && hits < QUESTIONS);
    map_net_index_free(index);
}

static void the_whole_world_is_a_network(void **unused)
{
    (void)unused;
    struct map_net_index *index = map_net_index_new();
    struct map_net all = {.size = 4}, v4, v6;
    map_net_index_add(index, &all, 3);
    assert_true(map_net_parse_address(slice_of("255.1.2.3"), &v4));
    assert_true(map_net_parse_address(slice_of("::"), &v6));
    assert_int_equal(map_net_index_find(index, &v4), 3);
    assert_int_equal(map_net_index_find(index, &v6), SIZE_MAX);
    map_net_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_says_what_a_search_says),
        cmocka_unit_test(the_whole_world_is_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
