// SPDX-License-Identifier: Apache-2.0
//
// C++: every operator new and delete, containers, a new_handler that allocates
// and throws, and threads. Build: -std=c++17 -pthread -O1.
#include <cstdio>
#include <cstdint>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

struct alignas(128) Wide {
    char bytes[256];
};

struct Throws {
    Throws() { throw 1; }
    char bytes[100];
};

static int handler_calls;
static std::string *from_handler;

static void *keep(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

static size_t huge()
{
    size_t size = PTRDIFF_MAX;
    __asm__ volatile("" : "+r"(size));
    return size;
}

static void handler()
{
    delete from_handler;
    from_handler = new std::string(1000, 'x');
    if (++handler_calls % 2 == 0)
        throw std::bad_alloc();
}

static void operators()
{
    delete static_cast<int *>(keep(new int));
    delete[] static_cast<char *>(keep(new char[1000]));
    delete static_cast<int *>(keep(new (std::nothrow) int));
    delete[] static_cast<int *>(keep(new (std::nothrow) int[50]));
    Wide *wide = static_cast<Wide *>(keep(new Wide));
    Wide *wides = static_cast<Wide *>(keep(new Wide[3]));
    std::printf("aligned: %d\n", (uintptr_t)wide % 128 == 0 && (uintptr_t)wides % 128 == 0);
    delete wide;
    delete[] wides;
    delete static_cast<Wide *>(keep(new (std::nothrow) Wide));
    ::operator delete(keep(::operator new(0)));
    ::operator delete(keep(::operator new(30)), std::nothrow);
    ::operator delete(keep(::operator new(30)), (size_t)30);
}

static void failures()
{
    try {
        keep(::operator new(huge()));
    } catch (const std::bad_alloc &) {
        std::puts("bad_alloc");
    }
    try {
        keep(::operator new(huge(), std::align_val_t(64)));
    } catch (const std::bad_alloc &) {
        std::puts("bad_alloc, aligned");
    }
    std::printf("nothrow: %d\n", keep(::operator new(huge(), std::nothrow)) == nullptr);
    try {
        delete new Throws;
    } catch (int) {
        std::puts("a constructor threw");
    }
    std::set_new_handler(handler);
    try {
        keep(::operator new(huge()));
    } catch (const std::bad_alloc &) {
        std::printf("the handler threw after %d calls\n", handler_calls);
    }
    std::set_new_handler(nullptr);
    delete from_handler;
}

static void work(int seed, size_t *sum)
{
    std::map<int, std::string> words;
    for (int i = 0; i < 5000; i++)
        words[i * seed % 3001] = std::string((size_t)(i % 100), 'a');
    for (const auto &word : words)
        *sum += word.second.size();
}

int main()
{
    operators();
    failures();
    size_t sums[4] = {};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back(work, i + 1, &sums[i]);
    for (auto &thread : threads)
        thread.join();
    std::printf("%zu %zu %zu %zu\n", sums[0], sums[1], sums[2], sums[3]);
    return 0;
}
