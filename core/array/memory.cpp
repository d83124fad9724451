#include "core/array/memory.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif

namespace taper {

namespace memory {

// Bytes. A block of at most this size is aligned here. glibc takes several times as long for an
// aligned block as for a plain one, which is a tenth of a small model's step.
constexpr std::size_t small_block = 4096;

void* allocate(std::size_t bytes) {
    if (bytes > small_block) return ::operator new(bytes, std::align_val_t(alignment));
    char* const block = static_cast<char*>(::operator new(bytes + alignment));
    // 1 to `alignment` bytes stand before the data. The last of them says how many there are.
    const std::size_t offset = alignment - reinterpret_cast<std::uintptr_t>(block) % alignment;
    char* const data = block + offset;
    data[-1] = static_cast<char>(offset);
#ifdef ASAN_POISON_MEMORY_REGION  // does nothing without AddressSanitizer
    ASAN_POISON_MEMORY_REGION(data + bytes, alignment - offset);
#endif
    return data;
}

void deallocate(void* data, std::size_t bytes) {
    if (bytes > small_block) {
        ::operator delete(data, std::align_val_t(alignment));
    } else {
        char* const begin = static_cast<char*>(data);
        const char offset = begin[-1];
        ::operator delete(begin - offset);
    }
}

}  // namespace memory

void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

}  // namespace taper
