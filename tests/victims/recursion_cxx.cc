// SPDX-License-Identifier: Apache-2.0
//
// Recursion for the call tree, in C++: templates that call each other, a tree of
// nodes that builds itself, a vector that grows in a lambda. Then silence, until the
// end of its input. Build: -std=c++17.
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

struct Node {
    explicit Node(int depth)
    {
        if (depth > 0) {
            left = std::make_unique<Node>(depth - 1);
            right = std::make_unique<Node>(depth - 1);
        }
    }
    std::unique_ptr<Node> left, right;
    char load[496];
};

template <int depth> struct Nested {
    __attribute__((noinline)) static void fill(std::vector<std::string> &to)
    {
        to.push_back(std::string(1000 * depth, 'x'));
        Nested<depth - 1>::fill(to);
        to.back()[0] = 'y';
    }
};

template <> struct Nested<0> {
    static void fill(std::vector<std::string> &to) { to.push_back("end"); }
};

int main()
{
    std::vector<std::string> texts;
    std::function<void(int)> again = [&](int n) {
        Nested<12>::fill(texts);
        if (n > 0)
            again(n - 1);
    };
    Node root(9);
    again(5);
    if (write(STDOUT_FILENO, "ready\n", 6) < 0)
        return 1;
    for (char c; read(STDIN_FILENO, &c, 1) > 0;)
        continue;
    return 0;
}
