// The memory of Arrays: its allocator and its alignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace taper {

// The allocator has a namespace of its own. For a call of sum(array) C++ also searches the
// namespace of the array's allocator, and there it would find taper::sum beside xtensor's.
namespace memory {

inline constexpr std::size_t alignment = 64;  // bytes: a cache line, one AVX-512 vector

void* allocate(std::size_t bytes);  // on `alignment`; std::bad_alloc
void deallocate(void* data, std::size_t bytes);

// The allocator of every Array. xtensor's default one changes with -march, and the type of an array
// would change with it. The results depend on the alignment: xtensor takes the entries before an
// aligned address one by one, and exp of one number may differ in the last bits from exp of a
// vector with that number in a lane.
template <class T> struct AlignedAllocator {
    using value_type = T;

    AlignedAllocator() = default;
    template <class U> AlignedAllocator(const AlignedAllocator<U>&) {}
    T* allocate(std::size_t n) {
        if (n > PTRDIFF_MAX / sizeof(T)) throw std::bad_array_new_length();
        return static_cast<T*>(memory::allocate(n * sizeof(T)));
    }
    void deallocate(T* p, std::size_t n) { memory::deallocate(p, n * sizeof(T)); }
    bool operator==(const AlignedAllocator&) const { return true; }
};

}  // namespace memory

// The memory of freed arrays stays with the process from now on. A program that trains calls this
// before its first step. By default glibc gives the memory back to the system, which then clears
// its pages anew in every step: a third of a small model's time. Without glibc this does nothing.
void keep_freed_memory();

}  // namespace taper
