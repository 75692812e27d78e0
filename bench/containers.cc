// SPDX-License-Identifier: Apache-2.0
// C++ containers with many small nodes: containers COUNT
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    const unsigned long count = std::strtoul(argv[1], nullptr, 10);
    const std::clock_t start = std::clock();
    unsigned long sum = 0;
    for (unsigned long round = 0; round < count; round++) {
        std::map<int, std::string> tree;
        std::unordered_map<std::string, int> table;
        std::vector<std::string> list;
        for (int i = 0; i < 1000; i++) {
            tree[i * 7919 % 1000] = std::string(20 + i % 50, 'x');
            table["a key that is longer than the buffer " + std::to_string(i)] = i;
            list.push_back(std::string(30, 'y'));
        }
        sum += tree.size() + table.size() + list.size();
    }
    const double ns = double(std::clock() - start) / CLOCKS_PER_SEC * 1e9;
    std::printf("containers %.3f %lu\n", ns / double(sum), sum);
    return 0;
}
