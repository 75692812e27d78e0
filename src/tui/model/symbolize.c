/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of libdwfl over one module's file. Used by the namer, in the
 * symbols' worker. It gives libdwfl callbacks of its own for finding files,
 * so that nothing is ever asked of a network, whatever the environment says.
 */
#include "tui/model/symbolize.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/model/demangle.h"
#include "tui/model/inlines.h"
#include "tui/model/modulefile.h"
#include "tui/model/symtab.h"

struct symbolize {
    int pid;
    char *path;
    Dwfl *dwfl;
    Dwfl_Module *module;
    struct symtab *symtab;   /* NULL: not read yet */
    struct inlines *inlines; /* NULL: not read yet, or no DWARF */
    bool dwarf_tried;
    Dwarf_Addr dwarf_bias;   /* the debug file's addresses + this = ours */
};

/* ---- frames ----------------------------------------------------------------- */
void frames_add(struct frames *frames, char *function, char *file, unsigned line)
{
    if (!function || frames->n == FRAMES_MAX) {
        free(function);
        free(file);
        return;
    }
    frames->at[frames->n++] =
        (struct frame){.function = function, .file = file, .line = line};
}

void frames_set_raw(struct frames *frames, const char *raw)
{
    struct frame *last = frames->n ? &frames->at[frames->n - 1] : NULL;
    if (last && raw && !last->raw && strcmp(raw, last->function) != 0)
        last->raw = strdup(raw);
}

void frames_clear(struct frames *frames)
{
    for (size_t i = 0; i < frames->n; i++) {
        free(frames->at[i].function);
        free(frames->at[i].raw);
        free(frames->at[i].file);
    }
    free(frames->directory);
    frames->directory = NULL;
    frames->n = 0;
}

/* ---- finding files ---------------------------------------------------------- */
/* The file is given when the module is reported; never look for another. */
static int find_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
    (void)module, (void)userdata, (void)name, (void)base, (void)file_name, (void)elf;
    return -1;
}

/* libdwfl asks for the debug file, and then for the file that several debug
 * files share (dwz), which its own search by build-id finds. */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name,
                          Dwarf_Addr base, const char *file_name, const char *link,
                          GElf_Word crc, char **found_name)
{
    const struct symbolize *m = *userdata;
    const unsigned char *id;
    GElf_Addr at;
    int fd = dwfl_build_id_find_debuginfo(module, userdata, name, base, file_name, link,
                                          crc, found_name);
    if (fd >= 0 || !m)
        return fd;
    int n = dwfl_module_build_id(module, &id, &at);
    size_t id_bytes = n > 0 ? (size_t)n : 0;
    if (id_bytes)
        fd = modulefile_open_debug(m->pid, id, id_bytes);
    if (fd < 0 && link)
        fd = modulefile_open_debuglink(m->pid, m->path, link, crc, id, id_bytes);
    return fd;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = find_elf,
    .find_debuginfo = find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

/* ---- opening ---------------------------------------------------------------- */
/* Reported with a bias of 0, the module's addresses are the file's own. */
static bool report(struct symbolize *m, int fd)
{
    void **userdata;
    m->dwfl = dwfl_begin(&callbacks);
    if (!m->dwfl)
        return false;
    dwfl_report_begin(m->dwfl);
    m->module = dwfl_report_elf(m->dwfl, "module", m->path, fd, 0, true);
    if (dwfl_report_end(m->dwfl, NULL, NULL) != 0 || !m->module)
        return false;
    dwfl_module_info(m->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
    *userdata = m;
    return true;
}

struct symbolize *symbolize_open(int fd, const char *path, int pid)
{
    struct symbolize *m = calloc(1, sizeof *m);
    if (m)
        *m = (struct symbolize){.pid = pid, .path = strdup(path)};
    if (m && m->path && report(m, fd))
        return m;
    if (!m || !m->module)
        close(fd); /* else libdwfl has it */
    symbolize_close(m);
    return NULL;
}

void symbolize_close(struct symbolize *m)
{
    if (!m)
        return;
    inlines_free(m->inlines);
    symtab_free(m->symtab);
    dwfl_end(m->dwfl);
    free(m->path);
    free(m);
}

/* ---- asking ----------------------------------------------------------------- */
static bool within(const struct symbolize *m, uint64_t address)
{
    Dwarf_Addr start, end;
    dwfl_module_info(m->module, NULL, &start, &end, NULL, NULL, NULL, NULL);
    return address >= start && address < end;
}

static const char *linker_name(struct symbolize *m, uint64_t address)
{
    if (!m->symtab)
        m->symtab = symtab_new(m->module);
    return m->symtab ? symtab_find(m->symtab, address) : NULL;
}

bool symbolize_name(struct symbolize *m, uint64_t address, struct frames *out)
{
    const char *name = within(m, address) ? linker_name(m, address) : NULL;
    if (name) {
        frames_add(out, demangle_shown(name), NULL, 0);
        frames_set_raw(out, name);
    }
    return out->n > 0;
}

static void open_dwarf(struct symbolize *m)
{
    m->dwarf_tried = true;
    Dwarf *dw = dwfl_module_getdwarf(m->module, &m->dwarf_bias);
    if (dw)
        m->inlines = inlines_new(dw);
}

bool symbolize_full(struct symbolize *m, uint64_t address, struct frames *out)
{
    if (!within(m, address))
        return false;
    if (!m->dwarf_tried)
        open_dwarf(m);
    if (m->inlines &&
        inlines_find(m->inlines, address - m->dwarf_bias, linker_name(m, address), out))
        return true;
    return symbolize_name(m, address, out);
}
