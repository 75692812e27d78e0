/* SPDX-License-Identifier: Apache-2.0 */
/* The MEMTOP_* variables. */
#include "agent/config.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

static void sizes(void)
{
    tap_is_u64(config_parse_size("4096"), 4096, "bytes");
    tap_is_u64(config_parse_size("64K"), 65536, "K");
    tap_is_u64(config_parse_size("3m"), 3 << 20, "m");
    tap_is_u64(config_parse_size("2G"), UINT64_C(2) << 30, "G");
    tap_is_u64(config_parse_size("1T"), UINT64_C(1) << 40, "T");
    tap_is_u64(config_parse_size(""), 0, "nothing");
    tap_is_u64(config_parse_size("G"), 0, "no digits");
    tap_is_u64(config_parse_size("12x"), 0, "no such unit");
    tap_is_u64(config_parse_size("12MB"), 0, "two letters");
    tap_is_u64(config_parse_size("99999999999999999999"), 0, "too many digits");
    tap_is_u64(config_parse_size("99999999999T"), 0, "too much");
}

static void following(void)
{
    struct config c = { .root_pid = 10, .follow = NULL };
    tap_ok(config_follows(&c, 11, "/bin/sh"), "all are followed by default");
    c.follow = "none";
    tap_ok(config_follows(&c, 10, "/bin/sh"), "none: the root still is");
    tap_ok(!config_follows(&c, 11, "/bin/sh"), "none: a child is not");
    c.follow = "cc1plus,ld";
    tap_ok(config_follows(&c, 11, "/usr/lib/gcc/cc1plus"), "a name in the list");
    tap_ok(config_follows(&c, 11, "/usr/bin/ld"), "its last name");
    tap_ok(!config_follows(&c, 11, "/usr/bin/l"), "no prefix of a name");
    tap_ok(!config_follows(&c, 11, "/usr/bin/ld.gold"), "nor the other way round");
}

/* Servers set their title by writing over the environment. */
static void titles(void)
{
    struct config c;
    setenv("MEMTOP", "on", 1);
    setenv("MEMTOP_DIR", "/somewhere", 1);
    setenv("MEMTOP_FOLLOW", "worker", 1);
    config_read(&c);
    memset(getenv("MEMTOP_DIR"), 0, strlen("/somewhere"));
    memset(getenv("MEMTOP_FOLLOW"), 0, strlen("worker"));
    tap_is_str(c.dir, "/somewhere", "MEMTOP_DIR is kept when the environment is written over");
    tap_is_str(c.follow, "worker", "MEMTOP_FOLLOW too");
    char long_name[5000];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    setenv("MEMTOP_DIR", long_name, 1);
    config_read(&c);
    tap_ok(c.off, "a directory whose name is too long: not in another one, but off");
}

int main(void)
{
    struct config c;
    config_read(&c);
    tap_ok(!c.off && !c.keep && c.tier == SEG_TIER_EXACT && c.memory == 0, "defaults");
    setenv("MEMTOP", "off", 1);
    setenv("MEMTOP_KEEP", "1", 1);
    setenv("MEMTOP_STACKS", "0", 1);
    setenv("MEMTOP_ROOT", "77", 1);
    setenv("MEMTOP_DIR", "/somewhere", 1);
    config_read(&c);
    tap_ok(c.off && c.keep && c.tier == SEG_TIER_COUNTERS && c.root_pid == 77, "switches");
    tap_is_str(c.dir, "/somewhere", "MEMTOP_DIR");
    setenv("MEMTOP_ROOT", "7x", 1);
    config_read(&c);
    tap_is_u64((uint64_t)c.root_pid, 0, "a malformed pid is none");
    setenv("MEMTOP_TIER", "sampled", 1);
    setenv("MEMTOP_SAMPLE", "64K", 1);
    config_read(&c);
    tap_ok(c.tier == SEG_TIER_SAMPLED && c.sample == 65536, "MEMTOP_TIER, MEMTOP_SAMPLE");
    setenv("MEMTOP_TIER", "some", 1);
    setenv("MEMTOP_SAMPLE", "some", 1);
    config_read(&c);
    tap_ok(c.tier == SEG_TIER_EXACT && c.sample == SEG_SAMPLE_DEFAULT, "malformed ones");
    setenv("MEMTOP_SAMPLE", "2G", 1);
    config_read(&c);
    tap_is_u64(c.sample, SEG_SAMPLE_MAX, "the longest distance");
    titles();
    sizes();
    following();
    return tap_done();
}
