// SPDX-License-Identifier: Apache-2.0
// Allocates while exceptions are thrown, caught, thrown on and end threads'
// functions early, in destructors that run meanwhile, and in containers and
// function objects. Build: -lpthread.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct noisy {
    std::string text;
    explicit noisy(int n) : text(static_cast<size_t>(n % 50 + 20), 'x') {}
    ~noisy() { std::string copy = text + text; }
};

int throwing(int depth)
{
    noisy here(depth);
    if (depth == 0)
        throw std::runtime_error("the innermost one, with some text of its own");
    if (depth % 5 == 0) {
        try {
            return throwing(depth - 1) + 1;
        } catch (const std::logic_error &) {
            return 0;
        }
    }
    if (depth % 7 == 0) {
        try {
            return throwing(depth - 1) + 1;
        } catch (...) {
            noisy there(depth);
            if (depth % 2)
                throw;
            throw std::runtime_error(there.text);
        }
    }
    alignas(64) volatile char aligned[64];
    aligned[0] = 1;
    return throwing(depth - 1) + aligned[0];
}

std::function<int(int)> nested(int depth)
{
    if (depth == 0)
        return [](int n) { return static_cast<int>(std::vector<int>(10, n).size()); };
    auto inner = nested(depth - 1);
    auto state = std::make_shared<std::string>(static_cast<size_t>(depth) * 10, 's');
    return [inner, state](int n) { return inner(n + 1) + static_cast<int>(state->size()); };
}

long work(int seed)
{
    long sum = 0;
    std::map<std::string, std::vector<int>> table;
    for (int i = 0; i < 40; i++) {
        try {
            sum += throwing((i * 7 + seed) % 40);
        } catch (const std::exception &e) {
            table[e.what()].push_back(i);
        }
        sum += nested(i % 9)(i);
    }
    for (auto &entry : table) {
        std::sort(entry.second.begin(), entry.second.end(), [](int a, int b) {
            return std::to_string(a) + "a longer string" < std::to_string(b) + "a longer string";
        });
        sum += static_cast<long>(entry.second.size());
    }
    return sum;
}

}

int main()
{
    long sums[4] = {}, all = work(0);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([i, &sums] { sums[i] = work(i); });
    for (auto &thread : threads)
        thread.join();
    for (long sum : sums)
        all += sum;
    std::printf("%ld\n", all);
    return 0;
}
