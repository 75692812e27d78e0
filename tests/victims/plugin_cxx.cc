// SPDX-License-Identifier: Apache-2.0
//
// A plugin for dlopen_loop that brings the C++ runtime along into a C program:
// operator new must throw as ever. Build: -shared -fPIC -std=c++17.
#include <cstdint>
#include <new>
#include <string>
#include <vector>

static void *keep(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

extern "C" int plugin_work(void)
{
    int work = 0;
    std::vector<std::string> words;
    for (int i = 0; i < 100; i++)
        words.push_back(std::string((size_t)i * 10, 'w'));
    size_t huge = PTRDIFF_MAX;
    __asm__ volatile("" : "+r"(huge));
    try {
        keep(::operator new(huge));
    } catch (const std::bad_alloc &) {
        work += 1;
    }
    try {
        keep(::operator new[](huge, std::align_val_t(64)));
    } catch (const std::bad_alloc &) {
        work += 10;
    }
    work += keep(::operator new(huge, std::nothrow)) == nullptr ? 100 : 0;
    void *aligned = keep(::operator new(100, std::align_val_t(256)));
    work += (uintptr_t)aligned % 256 == 0 ? 1000 : 0;
    ::operator delete(aligned, std::align_val_t(256));
    return work;
}
