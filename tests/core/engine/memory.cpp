// What memory ops take: which arrays a tape holds for backward, what backward makes for inputs that
// want no gradient, and that a few ids cost little in a large table. All memory of the test program
// is counted.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "core/ops.hpp"
#include "tests/core/ops/declared_ops.hpp"
#include "tests/support/in_double.hpp"
#include "tests/support/thread_count.hpp"

namespace {

std::atomic<std::size_t> bytes_made = 0, bytes_alive = 0, most_alive = 0;
// Above it there is no memory.
std::atomic<std::size_t> most_at_once = std::numeric_limits<std::size_t>::max();

void* counted_if_any(void* memory) {
    if (!memory) return nullptr;
    const std::size_t size = malloc_usable_size(memory);
    const std::size_t alive = bytes_alive.fetch_add(size) + size;
    bytes_made += size;
    std::size_t most = most_alive;
    while (alive > most && !most_alive.compare_exchange_weak(most, alive)) {
    }
    return memory;
}
void* counted(void* memory) {
    if (!memory) throw std::bad_alloc();
    return counted_if_any(memory);
}
void release(void* memory) {
    bytes_alive -= malloc_usable_size(memory);
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size > most_at_once ? nullptr : std::malloc(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    const auto unit = static_cast<std::size_t>(alignment);
    return counted(std::aligned_alloc(unit, (size + unit - 1) / unit * unit));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted_if_any(std::malloc(size));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

using namespace taper;
using namespace taper::tests;

namespace {

const Shape matrix{256, 128};
constexpr double bytes_of_matrix = 256 * 128 * sizeof(double);

struct Held {
    std::string op;
    int arrays;  // of the size of x
    std::function<V(const V& x, const P& w)> f;
};

// The arrays that a tape holds of y = f(x, w) once nobody else holds x and y. w is held anyway.
long arrays_held(const Held& held, const P& w) {
    Tape<double> tape;
    V x = w + 1.0;  // an add holds nothing
    const auto before = static_cast<double>(bytes_alive);
    held.f(x, w);
    x = V();
    return std::lround((static_cast<double>(bytes_alive) - before) / bytes_of_matrix) + 1;
}

std::vector<Held> held_by_ops() {
    const V c = full<double>(matrix, 2);
    const V bias = zeros<double>({128});
    const V square_matrix = full<double>({128, 128}, 0.1);
    const auto W = std::make_shared<P>("W", square_matrix.value());
    const auto b = std::make_shared<P>("b", bias.value());
    const Mask mask(matrix, true);
    return {
        {"add", 0, [](const V& x, const P& w) { return add(x, w); }},
        {"sub", 0, [](const V& x, const P& w) { return sub(x, w); }},
        {"mul", 1, [](const V& x, const P& w) { return mul(x, w); }},
        {"mul", 0, [](const V& x, const P&) { return mul(x, 2.0); }},
        {"mul", 0, [=](const V& x, const P&) { return c * x; }},
        {"div", 1, [](const V& x, const P& w) { return div(x, w); }},
        {"div", 2, [](const V& x, const P& w) { return div(w, x); }},
        {"div", 0, [](const V& x, const P&) { return div(x, 2.0); }},
        {"pow", 1, [](const V& x, const P&) { return pow(x, 2.0); }},
        {"pow", 2, [](const V& x, const P& w) { return pow(x, w); }},
        {"neg", 0, [](const V& x, const P&) { return neg(x); }},
        {"square", 1, [](const V& x, const P&) { return square(x); }},
        {"maximum", 1, [](const V& x, const P& w) { return maximum(x, w); }},
        {"minimum", 1, [](const V& x, const P& w) { return minimum(x, w); }},
        {"abs", 1, [](const V& x, const P&) { return abs(x); }},
        {"clamp", 1, [](const V& x, const P&) { return clamp(x, 0, 1); }},
        {"select", 0, [=](const V& x, const P& w) { return select(mask, x, w); }},
        {"exp", 1, [](const V& x, const P&) { return exp(x); }},
        {"expm1", 1, [](const V& x, const P&) { return expm1(x); }},
        {"log", 1, [](const V& x, const P&) { return log(x); }},
        {"log1p", 1, [](const V& x, const P&) { return log1p(x); }},
        {"sqrt", 1, [](const V& x, const P&) { return sqrt(x); }},
        {"sin", 1, [](const V& x, const P&) { return sin(x); }},
        {"cos", 1, [](const V& x, const P&) { return cos(x); }},
        {"tanh", 1, [](const V& x, const P&) { return tanh(x); }},
        {"erf", 1, [](const V& x, const P&) { return erf(x); }},
        {"relu", 1, [](const V& x, const P&) { return relu(x); }},
        {"sigmoid", 1, [](const V& x, const P&) { return sigmoid(x); }},
        {"softplus", 1, [](const V& x, const P&) { return softplus(x); }},
        {"gelu", 1, [](const V& x, const P&) { return gelu(x); }},
        {"matmul", 1, [=](const V& x, const P&) { return matmul(x, *W); }},
        {"matmul", 0, [=](const V& x, const P&) { return matmul(x, square_matrix); }},
        {"linear", 1, [=](const V& x, const P&) { return linear(x, *W, bias); }},
        {"linear", 0, [=](const V& x, const P&) { return linear(x, square_matrix, *b); }},
        {"feed_forward", 2,
         [=](const V& x, const P&) { return feed_forward(x, *W, bias, square_matrix, bias); }},
        {"feed_forward", 1,
         [=](const V& x, const P&) {
             return feed_forward(x, square_matrix, bias, square_matrix, bias);
         }},
        {"sum", 0, [](const V& x, const P&) { return sum(x, 0); }},
        {"mean", 0, [](const V& x, const P&) { return mean(x, 0); }},
        {"variance", 1, [](const V& x, const P&) { return variance(x, 0); }},
        {"max", 1, [](const V& x, const P&) { return max(x, 0); }},
        {"logsumexp", 1, [](const V& x, const P&) { return logsumexp(x, 0); }},
        {"norm", 1, [](const V& x, const P&) { return norm(x, 0); }},
        {"cumsum", 0, [](const V& x, const P&) { return cumsum(x, 0); }},
        {"reshape", 0, [](const V& x, const P&) { return reshape(x, {-1}); }},
        {"transpose", 0,
         [](const V& x, const P&) {
             return transpose(x, {1, 0});
         }},
        {"broadcast_to", 0,
         [](const V& x, const P&) {
             return broadcast_to(x, Shape{2, 256, 128});
         }},
        {"split_heads", 0,
         [](const V& x, const P&) {
             return split_heads(reshape(x, {1, 256, 128}), 4);
         }},
        {"merge_heads", 0,
         [](const V& x, const P&) {
             return merge_heads(reshape(x, {1, 4, 256, 32}));
         }},
        {"slice", 0,
         [](const V& x, const P&) {
             return slice(x, 0, {1, 200});
         }},
        {"concat", 0,
         [](const V& x, const P& w) {
             return concat({x, w}, 0);
         }},
        {"stack", 0,
         [](const V& x, const P& w) {
             return stack({x, w}, 0);
         }},
        {"pad", 0, [](const V& x, const P&) { return pad(x, 0, 3, 2); }},
        {"flip", 0, [](const V& x, const P&) { return flip(x, 0); }},
        {"softmax", 1, [](const V& x, const P&) { return softmax(x); }},
        {"log_softmax", 1, [](const V& x, const P&) { return log_softmax(x); }},
        {"layer_norm", 1, [=](const V& x, const P&) { return layer_norm(x, bias, bias); }},
        {"embedding", 0,
         [](const V& x, const P&) {
             return embedding(x, Ids{1, 2});
         }},
        {"gather", 0,
         [](const V& x, const P&) {
             return gather(x, 0, Ids(Shape{1, 128}, 3));
         }},
        {"dropout", 0, [](const V& x, const P&) { return dropout(x, 0.5, Random(1, "dropout")); }},
        {"cross_entropy", 1,
         [](const V& x, const P&) { return cross_entropy(x, Ids(Shape{256}, 3)); }},
        {"attention", 2,
         [](const V& x, const P&) {
             const V all = reshape(x, {1, 256, 128});
             return attention(all, all, all, {.heads = 4});
         }},
        {"causal_attention", 1, [=](const V& x, const P&) {
             const V all = reshape(x, {1, 256, 128}), E = zeros<double>({1, 256});
             return causal_attention(all, all, all, E, E, {.heads = 4});
         }}};
}

}  // namespace

TEST_CASE("memory: a tape holds of each op what its backward needs, and no more") {
    const P w("w", full<double>(matrix, 0.5));
    std::set<std::string> listed;
    for (const Held& held : held_by_ops()) {
        CAPTURE(held.op);
        CHECK(arrays_held(held, w) == held.arrays);
        listed.insert(held.op);
    }
    for (const std::string& op : declared_ops())
        if (!op.starts_with("composed::"))
            CHECK_MESSAGE(listed.contains(op),
                          op << " is declared in core/ops.hpp and has no line here");
}

TEST_CASE("memory: a chain of ops holds an array a layer, and backward a few more") {
    const P w("w", full<double>(matrix, 0.5));
    constexpr int layers = 20;
    const auto arrays_since = [](double before) {
        return (static_cast<double>(most_alive) - before) / bytes_of_matrix;
    };
    const auto before = static_cast<double>(bytes_alive);
    most_alive = bytes_alive.load();
    Tape<double> tape;
    V x = w * 1.0;
    for (int i = 0; i < layers; ++i) x = relu(x * 0.5 + 0.1);
    CHECK(arrays_since(before) < layers + 3.5);  // two that are on their way through a layer
    V loss = sum(x);
    x = V();
    tape.backward(loss);
    CHECK(arrays_since(before) < layers + 4.5);
}

namespace {

struct OpOfInputs {
    std::string op;
    std::vector<Shape> shapes;
    std::function<V(const std::vector<V>&)> f;
    std::vector<double> partial_sums = {};  // of each input's gradient, where there are some
};

// What backward makes where bit i of `trainable` says whether input i is.
double bytes_of_backward(const OpOfInputs& inputs, unsigned trainable) {
    std::vector<P> parameters;
    for (std::size_t i = 0; i < inputs.shapes.size(); ++i)
        parameters.emplace_back("x", full<double>(inputs.shapes[i], 0.5),
                                (trainable >> i & 1) == 1);
    Tape<double> tape;
    const V y = inputs.f(std::vector<V>(parameters.begin(), parameters.end()));
    const Numbers dy = full<double>(y.shape(), 1);
    const std::size_t before = bytes_made;
    tape.backward(y, dy);
    return static_cast<double>(bytes_made - before);
}

std::vector<OpOfInputs> ops_of_many_inputs() {
    const Shape row{2048}, square_matrix{512, 512};
    const Mask mask(matrix, true);
    return {
        {"sub", {matrix, matrix}, [](const auto& x) { return sub(x[0], x[1]); }},
        {"mul", {matrix, matrix}, [](const auto& x) { return mul(x[0], x[1]); }},
        {"div", {matrix, matrix}, [](const auto& x) { return div(x[0], x[1]); }},
        {"pow", {matrix, matrix}, [](const auto& x) { return pow(x[0], x[1]); }},
        {"maximum", {matrix, matrix}, [](const auto& x) { return maximum(x[0], x[1]); }},
        {"select", {matrix, matrix}, [=](const auto& x) { return select(mask, x[0], x[1]); }},
        {"concat", {matrix, matrix}, [](const auto& x) { return concat(x, 0); }},
        {"matmul", {{64, 512}, square_matrix}, [](const auto& x) { return matmul(x[0], x[1]); }},
        {"linear",
         {{64, 512}, {2048, 512}, row},
         [](const auto& x) { return linear(x[0], x[1], x[2]); }},
        {"feed_forward",
         {{64, 512}, {2048, 512}, row, {512, 2048}, {512}},
         [](const auto& x) { return feed_forward(x[0], x[1], x[2], x[3], x[4]); }},
        {"layer_norm",
         {{64, 2048}, row, row},
         [](const auto& x) { return layer_norm(x[0], x[1], x[2]); }},
        {"attention",
         {{2, 256, 64}, {2, 256, 64}, {2, 256, 64}},
         [](const auto& x) { return attention(x[0], x[1], x[2], {.heads = 4}); }},
        {"causal_attention",
         {{2, 256, 64}, {2, 256, 64}, {2, 256, 64}, {32, 256}, {32, 256}},
         [](const auto& x) {
             return causal_attention(x[0], x[1], x[2], x[3], x[4], {.heads = 4, .window = 3});
         },
         {1, 1, 1, 8, 8}},
    };
}

}  // namespace

TEST_CASE("memory: backward makes no gradient of an input that wants none") {
    const Threads one(1);
    for (const OpOfInputs& inputs : ops_of_many_inputs()) {
        const unsigned all = (1U << inputs.shapes.size()) - 1;
        bytes_of_backward(inputs, all);  // what is made once
        const double of_all = bytes_of_backward(inputs, all);
        for (std::size_t i = 0; i < inputs.shapes.size(); ++i) {
            INFO(inputs.op, ", input ", i);
            const double arrays = inputs.partial_sums.empty() ? 1 : inputs.partial_sums[i];
            const double bytes =
                arrays * static_cast<double>(count(inputs.shapes[i]) * sizeof(double));
            CHECK(bytes_of_backward(inputs, all & ~(1U << i)) < of_all - 0.9 * bytes);
        }
    }
}

TEST_CASE(
    "memory: the backward of a few ids makes the gradient of the table, and nothing else of its "
    "size") {
    const std::size_t rows = 100'000;
    const Shape table{rows, 1};
    const Ids ids{3, 70'000, 3}, column = reshaped(ids, {3, 1});
    const OpOfInputs by_id{
        "embedding", {table}, [=](const auto& x) { return embedding(x[0], ids); }};
    const OpOfInputs along_axis{
        "gather", {table}, [=](const auto& x) { return gather(x[0], 0, column); }};
    for (const OpOfInputs& inputs : {by_id, along_axis}) {
        CAPTURE(inputs.op);
        bytes_of_backward(inputs, 1);
        CHECK(bytes_of_backward(inputs, 1) < rows * sizeof(double) + 50'000);
    }
}

TEST_CASE(
    "memory: a tape that had no memory for a record ends as any other, and so do its Parameters") {
    std::vector<std::unique_ptr<P>> weights;
    for (int i = 0; i < 500; ++i) weights.push_back(std::make_unique<P>("w", Numbers{1, 2}));
    {
        Tape<double> tape;
        most_at_once = 20'000;  // less than the list of records comes to need
        bool failed = false;
        try {
            for (const auto& w : weights) neg(*w);
        } catch (const std::bad_alloc&) {
            failed = true;
        }
        most_at_once = std::numeric_limits<std::size_t>::max();
        CHECK(failed);
    }
    for (const auto& w : weights) CHECK_NOTHROW(freeze(*w));  // no tape that lives has recorded it
}
