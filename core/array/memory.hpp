// Where the numbers of an Array stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace taper {

// In a namespace of its own: C++ looks for xtensor's sum(array) in that of the allocator, too, and
// taper::sum is another.
namespace memory {

inline constexpr std::size_t alignment = 64;  // bytes: a cache line, one AVX-512 vector

void* allocate(std::size_t bytes);  // on `alignment`; std::bad_alloc
void deallocate(void* data, std::size_t bytes);

// The allocator of every Array. It is not xtensor's default one, which changes with -march, and
// with it the type of an array. The alignment is part of what is computed: xtensor takes the
// entries before an aligned address one by one, and exp of a number is not in every bit what exp of
// a vector has in that lane.
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

// For a program that trains, before its first step: the memory of freed arrays stays with the
// process. By itself glibc gives it back to the system, which then clears its pages anew in every
// step: a third of a small model's time. Without glibc this does nothing.
void keep_freed_memory();

}  // namespace taper
