// How gradients add up on a tape.
#include "core/engine/tape.hpp"
#include "core/kernels/arithmetic.hpp"
#include "core/kernels/map.hpp"

namespace taper {

template <class T> bool Gradients<T>::wants(const Place<T>& x) const {
    return tape_.find(x) != Tape<T>::nowhere;
}

// sum += x. An Array that other records share is not written to: the sum gets an Array of its own.
template <class T>
static void add_shared(std::shared_ptr<Array<T>>& sum, const std::shared_ptr<Array<T>>& x) {
    if (!sum) sum = x;
    else if (sum.use_count() == 1) add_to(*sum, *x);
    else sum = std::make_shared<Array<T>>(map(plus, *sum, *x));
}

// Where a value is used many times, one sum of all additions would lose a digit of float for every
// factor of ten. So the sum is pairwise: this many additions make a block, and the sums of blocks
// are added in pairs.
static constexpr std::size_t additions_in_block = 32;

template <class T> static bool block_is_full(const Record<T>& record) {
    return record.additions > 0 && record.additions % additions_in_block == 0;
}

template <class T> void Tape<T>::set_aside(std::size_t i) {
    auto& sums = aside_[i];
    sums.push_back(std::move(records_[i].gradient));
    // The sums are the 1 bits of a binary counter of blocks: where it carries, two sums of equally
    // many blocks become one.
    for (std::size_t n = records_[i].additions / additions_in_block; n % 2 == 0; n /= 2) {
        const auto last = std::move(sums.back());
        sums.pop_back();
        add_shared(sums.back(), last);
    }
}

template <class T> void Tape<T>::collect(std::size_t i) {
    const auto found = aside_.find(i);
    if (found == aside_.end()) return;
    auto& gradient = records_[i].gradient;
    for (auto sum = found->second.rbegin(); sum != found->second.rend(); ++sum) {
        if (gradient) add_shared(*sum, gradient);
        gradient = std::move(*sum);
    }
    aside_.erase(found);
}

template <class T> void Gradients<T>::add(const Place<T>& x, const std::shared_ptr<Array<T>>& dx) {
    if (dx->shape() != x.shape)
        shape_error("backward", "a gradient must have the shape of its input",
                    {{"dx", dx->shape()}, {"x", x.shape}});
    const std::size_t i = tape_.find(x);
    if (i == Tape<T>::nowhere) return;
    Record<T>& record = tape_.records_[i];
    // A full block is set aside only when the next addition comes: until then Finite::checked
    // looks at it.
    if (block_is_full(record)) tape_.set_aside(i);
    add_shared(record.gradient, dx);
    ++record.additions;
}

template <class T> void Gradients<T>::add(const Place<T>& x, Array<T> dx) {
    add(x, std::make_shared<Array<T>>(std::move(dx)));
}

template <class T> void Gradients<T>::add_dy(const Place<T>& x) { add(x, dy_); }

template <class T> Array<T>& Gradients<T>::at(const Place<T>& x) {
    const std::size_t i = tape_.find(x);
    if (i == Tape<T>::nowhere)
        throw Error("backward: at(x) takes an input that wants a gradient: x " +
                    to_string(x.shape));
    Record<T>& record = tape_.records_[i];
    if (block_is_full(record)) tape_.set_aside(i);
    ++record.additions;
    auto& gradient = record.gradient;
    if (!gradient) gradient = std::make_shared<Array<T>>(zeros<T>(x.shape));
    if (gradient.use_count() > 1) gradient = std::make_shared<Array<T>>(*gradient);
    return *gradient;
}

#define TAPER_INSTANTIATE(T)                       \
    template class Gradients<T>;                   \
    template void Tape<T>::set_aside(std::size_t); \
    template void Tape<T>::collect(std::size_t);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper
