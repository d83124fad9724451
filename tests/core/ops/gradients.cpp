// Gradients: every op of core/ops.hpp against numeric derivatives, and every fused op against its
// composition.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "core/array/random.hpp"
#include "core/ops.hpp"
#include "examples/common/apart.hpp"
#include "examples/gradients/op_checks.hpp"
#include "tests/core/ops/declared_ops.hpp"
#include "tests/support/results.hpp"

using namespace taper;
using namespace taper::tests;
using examples::apart;
using examples::gradient_table;
using examples::GradientCase;
using examples::larger;
using examples::largest;

TEST_CASE("gradients: every op is in the table, and nothing else") {
    std::set<std::string> listed;
    for (const GradientCase& c : gradient_table()) listed.insert(c.op);
    const std::vector<std::string> names = declared_ops();
    CHECK(names.size() >= 51);
    for (const std::string& op : names)
        CHECK_MESSAGE(listed.contains(op), op << " is declared in core/ops.hpp and has no case");
    for (const std::string& op : listed)
        CHECK_MESSAGE(std::count(names.begin(), names.end(), op) == 1,
                      op << " is in the table and not declared in core/ops.hpp");
    std::set<std::string> compared;
    for (const GradientCase& c : gradient_table())
        if (c.composition.in_double) compared.insert("composed::" + c.op);
    for (const std::string& op : names)  // a composition is there to be compared with
        if (op.starts_with("composed::"))
            CHECK_MESSAGE(compared.contains(op), op << " is compared with no fused op");
}

TEST_CASE("gradients: backward of every op agrees with numeric derivatives") {
    for (const GradientCase& c : gradient_table()) {
        const GradcheckReport report = examples::check_case(c);
        CHECK_MESSAGE(report.passed, report.text());
    }
}

// At a tie any split of the gradient is right; which one is ours stands in core/ops.hpp.
TEST_CASE("gradients: ties and kinks, exactly") {
    Parameter<double> x("x", Array<double>{1, 3, 3, 2, 3});
    Parameter<double> a("a", Array<double>{1, 2, -3});
    Parameter<double> b("b", Array<double>{1, 1, -3});
    Parameter<double> zero("zero", Array<double>{0, -0.0});
    Tape<double> tape;
    tape.backward(max(x) * 6 + sum(maximum(a, b)) + sum(relu(zero)));
    CHECK(x.gradient() == Array<double>{0, 2, 2, 0, 2});
    CHECK(a.gradient() == Array<double>{0.5, 1, 0.5});
    CHECK(b.gradient() == Array<double>{0.5, 0, 0.5});
    CHECK(zero.gradient() == Array<double>{0, 0});

    Parameter<double> c("c", Array<double>{1, 2, -3});
    Parameter<double> d("d", Array<double>{1, 1, -3});
    Parameter<double> at_bounds("at_bounds", Array<double>{-1, 2, -1.5, 2.5});
    Tape<double> other;
    other.backward(sum(minimum(c, d)) + sum(abs(zero)) + sum(clamp(at_bounds, -1, 2)) + norm(zero));
    CHECK(c.gradient() == Array<double>{0.5, 0, 0.5});
    CHECK(d.gradient() == Array<double>{0.5, 1, 0.5});
    CHECK(at_bounds.gradient() == Array<double>{1, 1, 0, 0});
    CHECK(zero.gradient() == Array<double>{0, 0});
}

namespace {

// Relative to the largest entry of all results: a gradient may be the small rest of large terms.
template <class T>
void check_fused(const GradientCase& c, const Function<T>& f, const Function<T>& composition,
                 double tolerance) {
    const std::vector<Array<T>> fused = results<T>(f, c.inputs);
    const std::vector<Array<T>> composed = results<T>(composition, c.inputs);
    double scale = 0;
    for (const Array<T>& array : composed) scale = larger(scale, largest(array));
    REQUIRE(std::isfinite(scale));
    for (std::size_t i = 0; i < fused.size(); ++i) {
        REQUIRE(fused[i].shape() == composed[i].shape());
        const double difference = apart(fused[i], composed[i]);
        INFO(c.title() << (sizeof(T) == 8 ? " in double" : " in float") << ", output " << i
                       << ", 0 the value");
        CHECK_MESSAGE(difference <= tolerance * scale, difference << " apart, of " << scale);
    }
}

}  // namespace

TEST_CASE("gradients: fused ops agree with their compositions") {
    int compared = 0;
    for (const GradientCase& c : gradient_table()) {
        if (!c.composition.in_double) continue;
        check_fused<double>(c, c.f.in_double, c.composition.in_double, 1e-12);
        check_fused<float>(c, c.f.in_float, c.composition.in_float, 1e-5);
        ++compared;
    }
    CHECK(compared > 60);
}

namespace {

// Gradients of a case where bit i of `trainable` says whether input i is; none: no gradient.
std::vector<std::unique_ptr<Array<double>>> gradients_where(const GradientCase& c,
                                                            unsigned trainable) {
    std::vector<Parameter<double>> parameters;
    for (std::size_t i = 0; i < c.inputs.size(); ++i)
        parameters.emplace_back("x", c.inputs[i], (trainable >> i & 1) == 1);
    Tape<double> tape;
    const Var<double> y =
        c.f.in_double(std::vector<Var<double>>(parameters.begin(), parameters.end()));
    tape.backward(y, normal<double>(Random(3, "subsets"), y.shape()));
    std::vector<std::unique_ptr<Array<double>>> gradients;
    for (const Parameter<double>& p : parameters)
        gradients.push_back(p.has_gradient() ? std::make_unique<Array<double>>(p.gradient())
                                             : nullptr);
    return gradients;
}

}  // namespace

TEST_CASE(
    "gradients: an input's gradient is the same whichever others are frozen, and these get none") {
    int compared = 0;
    for (const GradientCase& c : gradient_table()) {
        const unsigned all = (1U << c.inputs.size()) - 1;
        const auto expected = gradients_where(c, all);
        for (unsigned trainable = 1; trainable < all; ++trainable) {
            const auto gradients = gradients_where(c, trainable);
            for (std::size_t i = 0; i < c.inputs.size(); ++i) {
                INFO(c.title(), ", trainable ", trainable, ", input ", i);
                const bool wanted = (trainable >> i & 1) == 1;
                REQUIRE((gradients[i] != nullptr) == wanted);
                if (!wanted) continue;
                REQUIRE(expected[i] != nullptr);
                CHECK(largest(Array<double>(*gradients[i] - *expected[i])) <=
                      1e-12 * largest(*expected[i]));
                ++compared;
            }
        }
    }
    CHECK(compared > 2000);
}

TEST_CASE(
    "gradients: parts of a batch, weighed by what they count, have the gradient of the whole") {
    const auto x = normal<double>(Random(1, "batch"), {6, 4});
    const Ids targets{2, ignore_index, 0, ignore_index, ignore_index, 1};
    Parameter<double> W("W", normal<double>(Random(2, "batch"), {3, 4}));
    Parameter<double> b("b", normal<double>(Random(3, "batch"), {3}));
    const auto loss = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        const Ids part(xt::strided_view(targets, {xt::range(begin, end)}));
        return cross_entropy(linear(slice(Var<double>(x), 0, {begin, end}), W, b), part);
    };
    const auto count = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        const auto ignored =
            std::count(targets.begin() + begin, targets.begin() + end, ignore_index);
        return static_cast<double>(end - begin - ignored);
    };
    Array<double> dW, db;
    double whole = 0;
    {
        Tape<double> tape;
        const Var<double> all = loss(0, 6);
        whole = all.item();
        tape.backward(all);
        dW = W.gradient();
        db = b.gradient();
    }
    W.clear_gradient();
    b.clear_gradient();
    double in_parts = 0;
    const std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> parts{{0, 3}, {3, 5}, {5, 6}};
    for (const auto& [begin, end] : parts) {
        if (count(begin, end) == 0) continue;
        Tape<double> tape;
        const Var<double> weighed = loss(begin, end) * (count(begin, end) / count(0, 6));
        in_parts += weighed.item();
        tape.backward(weighed);
    }
    CHECK(std::abs(in_parts - whole) < 1e-12);
    CHECK(largest(Array<double>(W.gradient() - dW)) < 1e-12);
    CHECK(largest(Array<double>(b.gradient() - db)) < 1e-12);
    CHECK_THROWS_AS(loss(3, 5), Error);
}

TEST_CASE("gradients: an infinite slope is kept out where select stands inside and outside") {
    const Array<double> x{4, 0};
    const Mask positive{true, false};
    Parameter<double> outside("outside", x), both("both", x);
    Tape<double> tape;
    tape.backward(sum(select(positive, sqrt(outside), 0)) +
                  sum(select(positive, sqrt(select(positive, both, 1)), 0)));
    CHECK(outside.gradient()(0) == 0.25);
    CHECK(std::isnan(outside.gradient()(1)));
    CHECK(both.gradient() == Array<double>{0.25, 0});
}
