/* SPDX-License-Identifier: Apache-2.0 */
/* Files of marks; what one holds is made a mark, and written again. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tui/model/mark_file.h"
#include "tui/model/stack_book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[64], error[MARK_FILE_ERROR];
    struct mark_file file;
    int fd = memfd_create("input", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n)
        abort();
    if (mark_file_read(path, &file, error)) {
        struct stack_book book;
        stack_book_init(&book);
        mark_free(mark_of_file(&file, &book));
        stack_book_fini(&book);
        mark_file_fini(&file);
    }
    close(fd);
    return 0;
}

/* A file is its own seed. */
int fuzz_make_seed(const char *path)
{
    (void)path;
    return 1;
}
