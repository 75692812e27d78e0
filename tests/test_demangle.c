/* SPDX-License-Identifier: Apache-2.0 */
/* Names as people read them: a table of linker names, and hostile ones. */
#include "tui/model/demangle.h"

#include <stdlib.h>

#include "tests/tap.h"
#include "tui/model/printable.h"
#include "tui/model/symbols.h"

static const struct {
    const char *mangled, *shown;
} names[] = {
    /* C++: functions, methods, templates, operators */
    {"_Z3fooi", "foo(int)"},
    {"_ZN3foo3barEv", "foo::bar()"},
    {"_ZNK3Foo3getEv", "Foo::get() const"},
    {"_ZN3FooC2ERKS_", "Foo::Foo(Foo const&)"},
    {"_ZN3FooD0Ev", "Foo::~Foo()"},
    {"_Z3maxIiET_S0_S0_", "max<int>(int, int)"},
    {"_ZplRK1AS1_", "operator+(A const&, A const&)"},
    {"_ZN1AixEi", "A::operator[](int)"},
    {"_ZN1AcvbEv", "A::operator bool()"},
    {"_Znwm", "operator new(unsigned long)"},
    {"_ZdaPv", "operator delete[](void*)"},
    {"_ZN12_GLOBAL__N_14initEv", "{anonymous}::init()"},
    /* its abbreviations */
    {"_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector<int>::push_back(int&&)"},
    {"_ZNSt6vectorIS_IiSaIiEESaIS1_EE7reserveEm",
     "std::vector<std::vector<int>>::reserve(unsigned long)"},
    {"_Z4openNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", "open(std::string)"},
    {"_Z4openSs", "open(std::string)"},
    {"_Z4viewSt17basic_string_viewIcSt11char_traitsIcEE", "view(std::string_view)"},
    {"_Z4nameB5cxx11v", "name()"},
    {"_ZNSt8_Rb_treeINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
     "St4pairIKS5_iESt10_Select1stIS8_ESt4lessIS5_ESaIS8_EE8_M_eraseEPSt13_Rb_tree_nodeIS8_E",
     "std::_Rb_tree<std::string, std::pair<std::string const, int>, "
     "std::_Select1st<std::pair<std::string const, int>>, std::less<std::string>>"
     "::_M_erase(std::_Rb_tree_node<std::pair<std::string const, int>>*)"},
    /* lambdas */
    {"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"},
    {"_ZZN3foo3barEvENKUliE0_clEi", "foo::bar()::{lambda(int)#2}::operator()(int) const"},
    /* parts and clones of a function are the function */
    {"_ZN3foo3barEv.part.0", "foo::bar()"},
    {"_ZN3foo3barEv.constprop.0.isra.0", "foo::bar()"},
    {"_ZN3foo3barEv.cold", "foo::bar()"},
    /* Rust, as it was until 2025 */
    {"_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place"},
    {"_ZN5alloc7raw_vec19RawVec$LT$T$C$A$GT$8grow_one17h46e5b9b1dd43f63cE",
     "alloc::raw_vec::RawVec<T,A>::grow_one"},
    {"_ZN60_$LT$alloc..string..String$u20$as$u20$core..clone..Clone$GT$5clone"
     "17h5d7b3a2c1f0e9d8cE",
     "<alloc::string::String as core::clone::Clone>::clone"},
    {"_ZN4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE.llvm.1234567890",
     "main::{{closure}}"},
    /* Rust, v0 */
    {"_RNvCs4fqI2P2rA04_7mycrate4main", "mycrate::main"},
    {"_RNCNvC7mycrate4main0B3_", "mycrate::main::{closure#0}"},
    {"_RNvMC7mycrateNtB2_3Foo3bar", "<mycrate::Foo>::bar"},
    {"_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>"},
};

/* Names that are not mangled. */
static const struct {
    const char *raw, *shown;
} plain[] = {
    {"main", "main"},
    {"parse.part.0", "parse"},
    {"parse.constprop.0.cold", "parse"},
    {"parse.lto_priv.7", "parse"},
    {"memcpy@@GLIBC_2.14", "memcpy"},
    {"main.helper", "main.helper"}, /* Go: no suffix of a compiler */
    {"_Zebra", "_Zebra"},
    {"_", "_"},
    {"", "?"},
    {"\033[2Jx\x7f", "?[2Jx?"},
    {"na\xc3\xafve", "na\xc3\xafve"},
    {"bad\xff\xc0\x80", "bad???"},
};

static void test_tables(void)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *got = symbols_demangle(names[i].mangled);
        tap_is_str(got, names[i].shown, "%s", names[i].mangled);
        free(got);
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        char *got = demangle_shown(plain[i].raw);
        tap_is_str(got, plain[i].shown, "plain name %zu", i + 1);
        free(got);
        got = symbols_demangle(plain[i].raw);
        tap_ok(got == NULL, "plain name %zu is not mangled", i + 1);
        free(got);
    }
    tap_ok(symbols_demangle(NULL) == NULL, "no name is not mangled");
}

/* A short linker name may stand for a very long one. */
static void test_expansion(void)
{
    /* f(pair<int, int>, pair<that, that>, ...): each twice as long */
    char name[1024] = "_Z1f4pairIiiE";
    size_t n = strlen(name);
    for (int i = 0; i < 10; i++)
        n += (size_t)snprintf(name + n, sizeof name - n, "S_IS%d_S%d_E", i, i);
    for (char c = 'A'; c <= 'Z'; c++) /* in all as many as no machine prints */
        n += (size_t)snprintf(name + n, sizeof name - n, "S_IS%c_S%c_E", c, c);
    char *got = symbols_demangle(name);
    tap_ok(got && strlen(got) > DEMANGLE_MAX / 2 && strlen(got) <= DEMANGLE_MAX,
           "a name that expands is bounded");
    tap_is_str(got ? got + strlen(got) - 3 : NULL, "...", "and says so");
    free(got);
}

static void test_length(void)
{
    size_t n = 100000;
    char *name = malloc(n + 1);
    memset(name, 'P', n);
    memcpy(name, "_Z1f", 4);
    name[n] = '\0';
    char *got = demangle_shown(name);
    tap_ok(got && strlen(got) == DEMANGLE_MAX, "a very long name is cut");
    tap_is_str(got ? got + strlen(got) - 3 : NULL, "...", "and says so");
    free(got);
    free(name);
}

/* Each prefix of each name: it must not read beyond the end. */
static void test_cut_names(void)
{
    bool all = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t n = 0; n < strlen(names[i].mangled); n++) {
            char *cut = strndup(names[i].mangled, n);
            char *got = demangle_shown(cut);
            all = all && got && *got;
            free(got);
            free(cut);
        }
    }
    tap_ok(all, "a name that was cut anywhere is still shown");
}

static void test_printable(void)
{
    char small[8];
    printable_copy(small, sizeof small, "abcdefg", 7);
    tap_is_str(small, "abcdefg", "text that just fits");
    printable_copy(small, sizeof small, "abcdefgh", 8);
    tap_is_str(small, "abcd...", "text that just does not");
    printable_copy(small, sizeof small, "abc\xc3\xa9xyz", 8);
    tap_is_str(small, "abc...", "no character is cut in two");
    printable_copy(small, sizeof small, "\xc2\x9b" "31m", 5);
    tap_is_str(small, "??31m", "a control character in two bytes");
    printable_copy(small, sizeof small, "a\xe2\x82", 3);
    tap_is_str(small, "a??", "a character that was cut");
}

int main(void)
{
    test_tables();
    test_expansion();
    test_length();
    test_cut_names();
    test_printable();
    return tap_done();
}
