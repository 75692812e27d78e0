/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_dump FILE: what the oracle counted, one key=value on each line, with
 * the names of the JSON report.
 */
#include <stdio.h>

#include "oracle.h"

#define TOTAL(name) printf("%s=%llu\n", #name, (unsigned long long)c.totals.name);
#define FUNCTION(name) \
    printf("functions.%s=%llu\n", #name, (unsigned long long)c.functions.name);

int main(int argc, char **argv)
{
    struct oracle_counts c;
    FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!in || fread(&c, sizeof c, 1, in) != 1) {
        fprintf(stderr, "usage: oracle_dump FILE (as written by the oracle)\n");
        return 2;
    }
    fclose(in);
    printf("pid=%llu\n", (unsigned long long)c.pid);
    ORACLE_TOTALS(TOTAL)
    ORACLE_FUNCTIONS(FUNCTION)
    return 0;
}
