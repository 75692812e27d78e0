/* SPDX-License-Identifier: Apache-2.0 */
/* The process about itself, read from /proc. Runs inside malloc at set-up. */
#include "agent/procinfo.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t read_file(const char *path, char *to, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t length = 0;
    ssize_t n;
    while (length < size && (n = read(fd, to + length, size - length)) > 0)
        length += (size_t)n;
    close(fd);
    return length;
}

/* The command's name, field 2, may hold blanks and parentheses: count fields
 * from the last parenthesis. */
uint64_t procinfo_start_time(void)
{
    char text[1024];
    size_t length = read_file("/proc/self/stat", text, sizeof text - 1);
    text[length] = '\0';
    const char *p = strrchr(text, ')');
    for (int field = 2; p && field < 22; field++) {
        p = strchr(p, ' ');
        if (p)
            p++;
    }
    uint64_t value = 0;
    for (; p && *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    return value;
}

uint64_t procinfo_pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

uint32_t procinfo_command(char *to, size_t size)
{
    size_t length = read_file("/proc/self/cmdline", to, size);
    if (length == size)
        to[size - 1] = '\0';
    return (uint32_t)length;
}

void procinfo_executable(char *to, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", to, size - 1);
    to[n > 0 ? n : 0] = '\0';
}
