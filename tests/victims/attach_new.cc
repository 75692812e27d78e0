// SPDX-License-Identifier: Apache-2.0
// The part of attach_load that is C++: what it allocates by operators.
#include <cstddef>
#include <new>

#include "victim.h"

extern "C" char *attach_new(std::size_t size);
extern "C" void attach_delete(char *p);

char *attach_new(std::size_t size)
{
    if (size % 3 == 0)
        return static_cast<char *>(keep(::operator new(size)));
    return static_cast<char *>(keep(::operator new[](size, std::nothrow)));
}

void attach_delete(char *p)
{
    ::operator delete(p);
}
