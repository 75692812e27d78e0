/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for this very program: it collects return addresses of its own, with
 * the lines they came from, and asks as the viewer asks for a target's.
 */
#include "tui/model/symbols.h"

#include <dlfcn.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <libelf.h>
#include <limits.h>
#include <link.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/tap.h"

/* ---- where the addresses come from ------------------------------------------- */
static void *volatile pcs[8];
static volatile unsigned lines[8];

__attribute__((noinline)) static void mark(int i)
{
    pcs[i] = __builtin_return_address(0);
    __asm__ volatile("");
}

#define HERE(i) (lines[i] = __LINE__, mark(i))

static inline __attribute__((always_inline)) void innermost(void)
{
    HERE(0); lines[1] = 0;
}

static inline __attribute__((always_inline)) void middle(void)
{
    lines[2] = __LINE__; innermost();
    __asm__ volatile("");
}

__attribute__((noinline)) static void outer(void)
{
    lines[3] = __LINE__; middle();
    __asm__ volatile("");
}

__attribute__((noinline)) static void plain_static(void)
{
    HERE(4); __asm__ volatile("");
}

static int compare(const void *a, const void *b)
{
    pcs[5] = __builtin_return_address(0);
    return *(const int *)a - *(const int *)b;
}

static void collect(void)
{
    int numbers[] = {3, 1, 2};
    outer();
    plain_static();
    qsort(numbers, 3, sizeof *numbers, compare);
}

/* ---- a snapshot of ourselves -------------------------------------------------- */
static struct module_row modules[64];
static struct node_row nodes[64];
static struct snapshot snapshot = {.modules = modules, .n_modules = 1, .nodes = nodes,
                                   .n_nodes = 1};
static char self[PATH_MAX];

static void read_build_id(struct module_row *m)
{
    const void *id;
    int fd = open(m->path, O_RDONLY);
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    ssize_t n = elf ? dwelf_elf_gnu_build_id(elf, &id) : 0;
    m->build_id_bytes = n > 0 && n <= 32 ? (unsigned)n : 0;
    if (m->build_id_bytes)
        memcpy(m->build_id, id, m->build_id_bytes);
    elf_end(elf);
    close(fd);
}

static int add_module(struct dl_phdr_info *info, size_t size, void *opaque)
{
    (void)size, (void)opaque;
    struct module_row *m = &modules[snapshot.n_modules];
    if (snapshot.n_modules == 32)
        return 1;
    snprintf(m->path, sizeof m->path, "%.447s",
             *info->dlpi_name ? info->dlpi_name : self);
    m->bias = info->dlpi_addr;
    m->start = UINT64_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uint64_t at = info->dlpi_addr + ph->p_vaddr;
        if (ph->p_type != PT_LOAD)
            continue;
        m->start = at < m->start ? at & ~(uint64_t)4095 : m->start;
        m->end = at + ph->p_memsz > m->end ? at + ph->p_memsz : m->end;
    }
    if (strchr(m->path, '/'))
        read_build_id(m);
    snapshot.n_modules++;
    return 0;
}

static void describe_ourselves(void)
{
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    snprintf(snapshot.target.executable, sizeof snapshot.target.executable, "%.255s", self);
    snapshot.target.inner_pid = snapshot.target.pid = getpid();
    snapshot.target.uid = getuid();
    dl_iterate_phdr(add_module, NULL);
}

/* The row for an address, 0 if it is in none. */
static uint16_t module_of(uint64_t pc)
{
    for (uint16_t i = 1; i < snapshot.n_modules; i++)
        if (pc >= modules[i].start && pc < modules[i].end)
            return i;
    return 0;
}

static uint32_t add_node(uint64_t pc, uint16_t module, bool exact)
{
    nodes[snapshot.n_nodes] = (struct node_row){.pc = pc, .module = module, .depth = 1,
                                                .exact = exact};
    return (uint32_t)snapshot.n_nodes++;
}

static uint32_t node_of(const void *pc)
{
    return add_node((uintptr_t)pc, module_of((uintptr_t)pc), false);
}

static const struct symbol *ask(struct symbols *sy, uint32_t node)
{
    symbols_lookup(sy, &snapshot, node);
    symbols_wait(sy);
    return symbols_lookup(sy, &snapshot, node);
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *head)
{
    return text && strncmp(text, head, strlen(head)) == 0;
}

/* Is there DWARF in this build? */
static bool have_lines(const struct symbol *s)
{
    return s && s->frames[s->n - 1].line != 0;
}

/* ---- tests ------------------------------------------------------------------- */
static void test_static(struct symbols *sy)
{
    const struct symbol *s = ask(sy, node_of(pcs[4]));
    tap_ok(s && s->n == 1, "a static function is one frame");
    tap_is_str(s ? s->frames[0].function : NULL, "plain_static", "its name");
    tap_is_str(s ? s->module : NULL, base_name(self), "its module");
    tap_ok(s && !s->frames[0].inlined, "it is not inlined");
    if (!have_lines(s)) {
        tap_skip("built without -g");
        return;
    }
    tap_is_str(base_name(s->frames[0].file), "test_symbols.c", "its file");
    tap_is_u64(s->frames[0].line, lines[4], "its line");
}

/* The frames of outer <- middle <- innermost, asked of any module row. */
static void check_chain(const struct symbol *s, const char *what)
{
    static const char *const names[] = {"innermost", "middle", "outer"};
    static const unsigned line_of[] = {0, 2, 3};
    tap_is_u64(s ? s->n : 0, 3, "%s: three frames", what);
    for (size_t i = 0; s && s->n == 3 && i < 3; i++) {
        const struct symbol_frame *f = &s->frames[i];
        tap_is_str(f->function, names[i], "%s: frame %zu", what, i);
        tap_is_str(base_name(f->file), "test_symbols.c", "%s: its file", what);
        tap_is_u64(f->line, lines[line_of[i]], "%s: its line", what);
        tap_ok(f->inlined == (i < 2), "%s: inlined or not", what);
    }
}

static bool test_inlined(struct symbols *sy)
{
    const struct symbol *s = ask(sy, node_of(pcs[0]));
    if (!have_lines(s)) {
        tap_skip("built without -g");
        return false;
    }
    check_chain(s, "inlined");
    return true;
}

static void test_libc(struct symbols *sy)
{
    const struct symbol *s = ask(sy, node_of(pcs[5]));
    tap_is_str(s ? s->module : NULL, "libc.so.6", "the caller of qsort's callback is in libc");
    tap_ok(s && (strstr(s->frames[0].function, "sort") ||
                 starts_with(s->frames[0].function, "libc.so.6+0x")),
           "and sorts, as far as is known");
    uint64_t getpid_at = (uintptr_t)dlsym(RTLD_DEFAULT, "getpid");
    s = ask(sy, add_node(getpid_at, module_of(getpid_at), true));
    tap_ok(s && strstr(s->frames[s->n - 1].function, "getpid"),
           "an exact address is looked up as it is");
    s = ask(sy, add_node(getpid_at, module_of(getpid_at), false));
    tap_ok(s && !strstr(s->frames[s->n - 1].function, "getpid"),
           "a return address at a function's start is of the one before");
}

static void test_unknown(struct symbols *sy)
{
    const struct symbol *s = ask(sy, add_node(0xdead0000, 0, false));
    tap_is_str(s ? s->frames[0].function : NULL, "0xdead0000", "an address in no module");
    tap_is_str(s ? s->module : NULL, "?", "which is unknown");
    tap_ok(s && s->n == 1 && !s->frames[0].file, "has no file");
    struct module_row *m = &modules[snapshot.n_modules];
    *m = (struct module_row){.start = 0x10000, .end = 0x20000, .bias = 0x10000,
                             .path = "/no/such/lib\033[2J.so"};
    s = ask(sy, add_node(0x11234, (uint16_t)snapshot.n_modules++, false));
    tap_is_str(s ? s->frames[0].function : NULL, "lib?[2J.so+0x1234", "a file that is gone");
    tap_is_str(s ? s->module : NULL, "lib?[2J.so", "fit for a terminal");
    s = ask(sy, add_node(0x11234, 65535, false));
    tap_is_str(s ? s->frames[0].function : NULL, "0x11234", "a module that does not exist");
    tap_ok(symbols_lookup(sy, &snapshot, 0) == NULL, "the root is no frame");
    tap_ok(symbols_lookup(sy, &snapshot, 1u << 20) == NULL, "no such node");
}

/* Another row for our own program's file at `path`. */
static uint16_t add_copy(const char *path)
{
    uint16_t index = (uint16_t)snapshot.n_modules++;
    modules[index] = modules[module_of((uintptr_t)pcs[0])];
    snprintf(modules[index].path, sizeof modules[index].path, "%s", path);
    return index;
}

/* ---- files beside it ---------------------------------------------------------- */
static char folder[] = "/tmp/test_symbols.XXXXXX";

/* Run a command with the program's path as $1 and the folder as $2. */
static bool shell(const char *command)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, "sh", self, folder, (char *)NULL);
        _exit(127);
    }
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static const char *in_folder(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void test_debuglink(struct symbols *sy)
{
    if (!shell("exec 2>\"$2/log\"; objcopy --only-keep-debug \"$1\" \"$2/a.debug\" && "
               "objcopy --strip-all --add-gnu-debuglink=\"$2/a.debug\" \"$1\" \"$2/a\"")) {
        tap_skip("no objcopy");
        return;
    }
    check_chain(ask(sy, add_node((uintptr_t)pcs[0], add_copy(in_folder("a")), false)),
                "separate debug file");
}

/* Linked without a build-id: the debug file is believed by its checksum, and
 * the file itself by its size in memory. */
static void test_checksum(struct symbols *sy)
{
    if (!shell("exec 2>\"$2/log\"; objcopy -R .note.gnu.build-id \"$1\" \"$2/whole\" && "
               "mkdir \"$2/.debug\" && "
               "objcopy --only-keep-debug \"$2/whole\" \"$2/.debug/b.debug\" && objcopy "
               "--strip-all --add-gnu-debuglink=\"$2/.debug/b.debug\" \"$2/whole\" \"$2/b\"")) {
        tap_skip("no objcopy");
        return;
    }
    uint16_t module = add_copy(in_folder("b"));
    modules[module].build_id_bytes = 0;
    check_chain(ask(sy, add_node((uintptr_t)pcs[0], module, false)), "by checksum");
    if (!shell("cp \"$2/b\" \"$2/c\" && printf x >>\"$2/.debug/b.debug\"")) {
        tap_skip("no cp");
        return;
    }
    module = add_copy(in_folder("c"));
    modules[module].build_id_bytes = 0;
    const struct symbol *s = ask(sy, add_node((uintptr_t)pcs[0], module, false));
    tap_ok(s && s->frames[0].line == 0, "a debug file of another checksum is not used");
    module = add_copy(in_folder("c"));
    modules[module].build_id_bytes = 0;
    modules[module].end += 1 << 20;
    s = ask(sy, add_node((uintptr_t)pcs[0], module, false));
    tap_ok(s && starts_with(s->frames[0].function, "c+0x"), "nor a file of another size");
}

static void test_mismatch(struct symbols *sy)
{
    uint16_t module = add_copy(self);
    if (!modules[module].build_id_bytes) {
        tap_skip("linked without a build-id");
        return;
    }
    modules[module].build_id[0] ^= 1;
    const struct symbol *s = ask(sy, add_node((uintptr_t)pcs[0], module, false));
    char head[PATH_MAX];
    snprintf(head, sizeof head, "%s+0x", base_name(self));
    tap_ok(s && s->n == 1 && starts_with(s->frames[0].function, head),
           "a file of another build-id is not used");
}

/* What a target may name as its file: all must be refused, and soon. */
static void test_odd_files(struct symbols *sy)
{
    static const char *const odd[] = {"fifo", "text", "cut", "directory"};
    if (mkfifo(in_folder("fifo"), 0600) != 0 || mkdir(in_folder("directory"), 0700) != 0 ||
        !shell("echo text >\"$2/text\"; head -c 2000 \"$1\" >\"$2/cut\"")) {
        tap_skip("cannot make them");
        return;
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char head[32];
        uint16_t module = add_copy(in_folder(odd[i]));
        snprintf(head, sizeof head, "%s+0x", odd[i]);
        const struct symbol *s = ask(sy, add_node((uintptr_t)pcs[0], module, false));
        tap_ok(s && starts_with(s->frames[0].function, head), "not used: %s", odd[i]);
    }
}

/* A program that was deleted while it runs is read through /proc. */
static void test_deleted(void)
{
    struct symbols *sy = symbols_new(getpid());
    uint16_t module = add_copy("/no/such/program");
    strcpy(snapshot.target.executable, "/no/such/program");
    const struct symbol *s = ask(sy, add_node((uintptr_t)pcs[4], module, false));
    tap_is_str(s ? s->frames[0].function : NULL, "plain_static", "a deleted program");
    tap_is_str(s ? s->module : NULL, "program", "under the name that it had");
    symbols_free(sy);
}

/* ---- code made at run time ------------------------------------------------------ */
static void test_jit(void)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
    FILE *map = fopen(path, "w");
    if (!map) {
        tap_skip("no /tmp");
        return;
    }
    fputs("dead0000 100 jit:compiled\n", map);
    fclose(map);
    struct symbols *sy = symbols_new(getpid());
    const struct symbol *s = ask(sy, add_node(0xdead0010, 0, false));
    tap_is_str(s ? s->frames[0].function : NULL, "jit:compiled", "code made at run time");
    tap_is_str(s ? s->module : NULL, "[JIT]", "its module");
    symbols_free(sy);
    unlink(path);
}

/* ---- the door ------------------------------------------------------------------- */
static void test_waiting(void)
{
    struct symbols *sy = symbols_new(0);
    struct pollfd p = {.fd = symbols_fd(sy), .events = POLLIN};
    unsigned before = symbols_generation(sy);
    uint32_t node = node_of(pcs[4]);
    tap_ok(poll(&p, 1, 0) == 0, "nothing asked, nothing to read");
    tap_ok(symbols_lookup(sy, &snapshot, node) == NULL, "the first look-up knows nothing");
    tap_ok(poll(&p, 1, 20000) == 1, "the descriptor tells of the answer");
    tap_ok(symbols_generation(sy) != before, "and so does the generation");
    symbols_wait(sy);
    before = symbols_generation(sy);
    tap_ok(poll(&p, 1, 0) == 0, "asking for the generation quietens the descriptor");
    const struct symbol *s = symbols_lookup(sy, &snapshot, node);
    tap_ok(s && symbols_lookup(sy, &snapshot, node) == s, "answers stay");
    tap_is_u64(symbols_generation(sy), before, "and asking again changes nothing");
    symbols_free(sy);
}

/* Answers handed out stay good while others come, and many fit. */
static void test_many(void)
{
    enum { MANY = 20000 };
    struct symbols *sy = symbols_new(0);
    struct node_row *many = calloc(MANY, sizeof *many);
    struct snapshot big = snapshot;
    uint64_t start = modules[module_of((uintptr_t)pcs[0])].start;
    for (size_t i = 1; i < MANY; i++)
        many[i] = (struct node_row){.pc = start + i, .module = i % 2 ? 0 : 1};
    big.nodes = many;
    big.n_nodes = MANY;
    for (uint32_t i = 1; i < MANY; i++)
        symbols_lookup(sy, &big, i);
    symbols_wait(sy);
    size_t named = 0;
    for (uint32_t i = 1; i < MANY; i++) {
        const struct symbol *s = symbols_lookup(sy, &big, i);
        named += s && s->n >= 1 && *s->frames[0].function && *s->module;
    }
    tap_is_u64(named, MANY - 1, "each of many has an answer");
    for (uint32_t i = 1; i < MANY; i++)
        many[i].pc += 1 << 20;
    for (uint32_t i = 1; i < MANY; i++)
        symbols_lookup(sy, &big, i);
    uint64_t before = (uint64_t)clock();
    symbols_free(sy);
    tap_ok(((uint64_t)clock() - before) * 1000 / CLOCKS_PER_SEC < 500,
           "closing does not work off what is queued");
    free(many);
}

static void test_nothing(void)
{
    symbols_free(NULL);
    symbols_wait(NULL);
    tap_ok(symbols_lookup(NULL, &snapshot, 1) == NULL, "no object, no names");
    tap_ok(symbols_fd(NULL) == -1 && symbols_generation(NULL) == 0, "and nothing to wait for");
}

int main(void)
{
    collect();
    describe_ourselves();
    if (!mkdtemp(folder))
        return 99;
    struct symbols *sy = symbols_new(0);
    test_static(sy);
    if (test_inlined(sy)) {
        test_debuglink(sy);
        test_checksum(sy);
    }
    test_libc(sy);
    test_unknown(sy);
    test_mismatch(sy);
    test_odd_files(sy);
    symbols_free(sy);
    test_deleted();
    test_jit();
    test_waiting();
    test_many();
    test_nothing();
    shell("rm -r \"$2\"");
    return tap_done();
}
