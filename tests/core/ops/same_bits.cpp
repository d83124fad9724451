// The same bits for every number of threads, and on every run: every op, forward and backward, in
// float and in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "core/kernels/parallel.hpp"
#include "core/ops.hpp"
#include "examples/gradients/cases.hpp"
#include "tests/core/ops/declared_ops.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/results.hpp"
#include "tests/support/thread_count.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

template <class T>
bool all_same_bits(const std::vector<Array<T>>& a, const std::vector<Array<T>>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_bits<T>);
}

// The results of f are the same on every number of threads, and on every run.
template <class T>
void check_repeated(const std::string& title, const Function<T>& f,
                    const std::vector<Array<double>>& inputs) {
    const auto on_threads = [&](int count) {
        const Threads scope(count);
        return results<T>(f, inputs);
    };
    const auto one = on_threads(1);
    for (const int count : {1, 2, 3})
        CHECK_MESSAGE(all_same_bits(one, on_threads(count)),
                      title << std::string(" on threads: ") << count);
}

struct LargeCase {
    std::string op;
    std::vector<Shape> shapes;
    Functions f;
    double low = -2, high = 2;
};

// Large enough for several chunks, with odd sizes.
std::vector<LargeCase> large_cases() {
    Ids ids = empty<std::int64_t>({1501}), targets = ids;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        ids.data()[i] = static_cast<std::int64_t>(Random(1, "ids").below(i, 97));
        targets.data()[i] =
            i % 5 == 0 ? ignore_index : static_cast<std::int64_t>(Random(2, "ids").below(i, 203));
    }
    Mask mask(Shape{301, 171}, false);
    for (std::size_t i = 0; i < mask.size(); ++i) mask.data()[i] = i % 3 == 0;
    const Shape matrix{301, 171}, row{171}, column{301, 1};
    return {
        {"add", {matrix, row}, [](const auto& x) { return add(x[0], x[1]); }},
        {"add", {matrix, column}, [](const auto& x) { return add(x[0], x[1]); }},
        {"sub", {row, matrix}, [](const auto& x) { return sub(x[0], x[1]); }},
        {"mul", {matrix, matrix}, [](const auto& x) { return mul(x[0], x[1]); }},
        {"div", {matrix, row}, [](const auto& x) { return div(x[0], x[1]); }, 1, 2},
        {"pow", {matrix, row}, [](const auto& x) { return pow(x[0], x[1]); }, 1, 2},
        {"maximum", {matrix, row}, [](const auto& x) { return maximum(x[0], x[1]); }},
        {"select", {matrix, row}, [=](const auto& x) { return select(mask, x[0], x[1]); }},
        {"neg", {matrix}, [](const auto& x) { return neg(x[0]); }},
        {"exp", {matrix}, [](const auto& x) { return exp(x[0]); }},
        {"log", {matrix}, [](const auto& x) { return log(x[0]); }, 1, 2},
        {"sqrt", {matrix}, [](const auto& x) { return sqrt(x[0]); }, 1, 2},
        {"tanh", {matrix}, [](const auto& x) { return tanh(x[0]); }},
        {"erf", {matrix}, [](const auto& x) { return erf(x[0]); }},
        {"relu", {matrix}, [](const auto& x) { return relu(x[0]); }},
        {"gelu", {matrix}, [](const auto& x) { return gelu(x[0]); }},
        {"square", {matrix}, [](const auto& x) { return square(x[0]); }},
        {"minimum", {matrix, row}, [](const auto& x) { return minimum(x[0], x[1]); }},
        {"abs", {matrix}, [](const auto& x) { return abs(x[0]); }},
        {"clamp", {matrix}, [](const auto& x) { return clamp(x[0], -0.5, 0.5); }},
        {"expm1", {matrix}, [](const auto& x) { return expm1(x[0]); }},
        {"log1p", {matrix}, [](const auto& x) { return log1p(x[0]); }, 1, 2},
        {"sin", {matrix}, [](const auto& x) { return sin(x[0]); }},
        {"cos", {matrix}, [](const auto& x) { return cos(x[0]); }},
        {"sigmoid", {matrix}, [](const auto& x) { return sigmoid(x[0]); }},
        {"softplus", {matrix}, [](const auto& x) { return softplus(x[0]); }},
        {"variance", {{700, 170}}, [](const auto& x) { return variance(x[0], 0); }},
        {"logsumexp", {{700, 170}}, [](const auto& x) { return logsumexp(x[0], 1); }},
        {"norm", {{700, 170}}, [](const auto& x) { return norm(x[0], 0); }},
        {"cumsum", {{70, 301, 5}}, [](const auto& x) { return cumsum(x[0], 1); }},
        {"pad", {matrix}, [](const auto& x) { return pad(x[0], 1, 3, 2); }},
        {"flip", {matrix}, [](const auto& x) { return flip(x[0], 0); }},
        {"gather",
         {{97, 1501}},
         [=](const auto& x) {
             return gather(x[0], 0, reshaped(ids, {1, 1501}));
         }},
        {"composed::gelu", {matrix}, [](const auto& x) { return composed::gelu(x[0]); }},
        {"matmul", {{517, 211}, {211, 307}}, [](const auto& x) { return matmul(x[0], x[1]); }},
        {"matmul", {{8, 65, 33}, {33, 70}}, [](const auto& x) { return matmul(x[0], x[1]); }},
        {"matmul",
         {{2, 3, 33, 65}, {3, 70, 33}},
         [](const auto& x) {
             return matmul(x[0], x[1], {true, true});
         }},
        {"sum", {{700, 170}}, [](const auto& x) { return sum(x[0]); }},
        {"sum", {{700, 170}}, [](const auto& x) { return sum(x[0], {0}); }},
        {"sum",
         {{40, 170, 19}},
         [](const auto& x) {
             return sum(x[0], {0, 2});
         }},
        {"mean", {{700, 170}}, [](const auto& x) { return mean(x[0], {1}); }},
        {"max", {{700, 170}}, [](const auto& x) { return max(x[0], {0}); }},
        {"reshape", {matrix}, [](const auto& x) { return reshape(x[0], {-1}); }},
        {"transpose",
         {{30, 40, 51}},
         [](const auto& x) {
             return transpose(x[0], {2, 0, 1});
         }},
        {"broadcast_to",
         {row},
         [](const auto& x) {
             return broadcast_to(x[0], Shape{501, 171});
         }},
        {"slice",
         {{70, 301, 5}},
         [](const auto& x) {
             return slice(x[0], 1, {1, 300, 2});
         }},
        {"linear",
         {{1501, 203}, {33, 203}, {33}},
         [](const auto& x) { return linear(x[0], x[1], x[2]); }},
        {"feed_forward",
         {{1501, 33}, {203, 33}, {203}, {33, 203}, {33}},
         [](const auto& x) { return feed_forward(x[0], x[1], x[2], x[3], x[4]); }},
        {"composed::feed_forward",
         {{1501, 33}, {203, 33}, {203}, {33, 203}, {33}},
         [](const auto& x) { return composed::feed_forward(x[0], x[1], x[2], x[3], x[4]); }},
        {"composed::linear",
         {{1501, 203}, {33, 203}, {33}},
         [](const auto& x) { return composed::linear(x[0], x[1], x[2]); }},
        {"concat", {matrix, matrix}, [](const auto& x) { return concat(x, 1); }},
        {"stack", {matrix, matrix}, [](const auto& x) { return stack(x, 1); }},
        {"softmax", {{301, 171}}, [](const auto& x) { return softmax(x[0]); }},
        {"softmax", {{301, 171}}, [](const auto& x) { return softmax(x[0], 0); }},
        {"composed::softmax", {{301, 171}}, [](const auto& x) { return composed::softmax(x[0]); }},
        {"log_softmax", {{301, 171}}, [](const auto& x) { return log_softmax(x[0]); }},
        {"composed::log_softmax",
         {{301, 171}},
         [](const auto& x) { return composed::log_softmax(x[0]); }},
        {"layer_norm",
         {matrix, row, row},
         [](const auto& x) { return layer_norm(x[0], x[1], x[2]); }},
        {"composed::layer_norm",
         {matrix, row, row},
         [](const auto& x) { return composed::layer_norm(x[0], x[1], x[2]); }},
        {"embedding", {{97, 33}}, [=](const auto& x) { return embedding(x[0], ids); }},
        {"dropout",
         {matrix},
         [](const auto& x) { return dropout(x[0], 0.3, Random(1, "dropout")); }},
        {"cross_entropy",
         {{1501, 203}},
         [=](const auto& x) { return cross_entropy(x[0], targets); }},
        {"attention",
         {{3, 300, 10}, {3, 300, 10}, {3, 300, 10}},
         [](const auto& x) { return attention(x[0], x[1], x[2], {.heads = 5, .causal = true}); }},
        {"composed::attention",
         {{3, 70, 40}, {3, 90, 40}, {3, 90, 40}},
         [](const auto& x) { return composed::attention(x[0], x[1], x[2], {.heads = 5}); }},
        {"split_heads", {{301, 17, 6}}, [](const auto& x) { return split_heads(x[0], 3); }},
        {"merge_heads", {{301, 3, 17, 2}}, [](const auto& x) { return merge_heads(x[0]); }},
        {"causal_attention",
         {{3, 70, 40}, {3, 70, 40}, {3, 70, 40}, {6, 70}, {6, 70}},
         [](const auto& x) {
             return causal_attention(x[0], x[1], x[2], x[3], x[4], {.heads = 5, .window = 9});
         }},
        {"composed::causal_attention",
         {{3, 70, 40}, {3, 70, 40}, {3, 70, 40}, {6, 70}, {6, 70}},
         [](const auto& x) {
             return composed::causal_attention(x[0], x[1], x[2], x[3], x[4],
                                               {.heads = 5, .window = 9});
         }},
        {"composed::cross_entropy", {{1501, 203}}, [=](const auto& x) {
             return composed::cross_entropy(x[0], targets);
         }}};
}

}  // namespace

TEST_CASE("same bits: the gradient table on one, two and three threads") {
    for (const examples::GradientCase& c : examples::gradient_table()) {
        check_repeated<double>(c.title(), c.f.in_double, c.inputs);
        check_repeated<float>(c.title() + " in float", c.f.in_float, c.inputs);
    }
}

TEST_CASE("same bits: every op on arrays of many chunks") {
    const std::set<std::string> has_products{"matmul", "linear", "feed_forward", "attention",
                                             "causal_attention"};
    std::set<std::string> covered;
    for (const LargeCase& c : large_cases()) {
        std::vector<Array<double>> inputs;
        for (const Shape& shape : c.shapes)
            inputs.push_back(uniform<double>(
                Random(1, c.op, static_cast<std::uint32_t>(inputs.size())), shape, c.low, c.high));
        check_repeated<double>(c.op, c.f.in_double, inputs);
        check_repeated<float>(c.op + " in float", c.f.in_float, inputs);
        if (has_products.contains(c.op)) {
            const Blocks scope(!in_blocks());
            check_repeated<double>(c.op + " with other blocks", c.f.in_double, inputs);
        }
        covered.insert(c.op);
    }
    for (const std::string& op : declared_ops())
        CHECK_MESSAGE(covered.contains(op), op << std::string(" has no large case"));
}

TEST_CASE("same bits: random numbers do not depend on the number of threads") {
    const auto draw = [](int count) {
        const Threads scope(count);
        return std::vector<Array<float>>{normal<float>(Random(1, "x"), {100'003}),
                                         uniform<float>(Random(1, "y"), {100'003}, 0, 1)};
    };
    CHECK(all_same_bits(draw(1), draw(2)));
}

// xtensor's lazy reducers give wrong numbers where they are broadcast, and dot where two operands
// begin at one address.
TEST_CASE("same bits: no source uses xtensor's reducers or dot") {
    const Pattern unsafe(
        R"(xt::(sum|mean|amax|amin|prod|norm_\w+|variance|stddev|argmax|linalg)\b)");
    int files = 0;
    for (const char* folder : {"/core", "/nn"})
        for (const auto& entry : std::filesystem::recursive_directory_iterator(
                 std::string(TAPER_SOURCE_DIR) + folder)) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path());
            std::string line;
            while (std::getline(file, line))
                CHECK_MESSAGE(!unsafe.is_in(line), entry.path().string()
                                                       << std::string(": ") << line);
            ++files;
        }
    CHECK(files > 20);
}

// std::max(most, NaN) is most, and so is xt::amax with a NaN that is not its last number: what
// compares with these passes on NaN.
TEST_CASE("same bits: no test and no lesson looks for a largest difference in which NaN is lost") {
    const Pattern unsafe(R"(xt::amax\(xt::abs|std::(max|fmax)\([^;]*std::abs)");
    int files = 0;
    for (const char* folder : {"/tests", "/examples/lessons"})
        for (const auto& entry : std::filesystem::recursive_directory_iterator(
                 std::string(TAPER_SOURCE_DIR) + folder)) {
            if (entry.path().extension() != ".cpp" || entry.path().filename() == "same_bits.cpp")
                continue;
            std::ifstream file(entry.path());
            std::string statement;  // over several lines, too
            while (std::getline(file, statement, ';')) {
                const std::string place = entry.path().string() + ": " + statement;
                CHECK_MESSAGE(!unsafe.is_in(statement), place);
            }
            ++files;
        }
    CHECK(files > 90);
}
