#include "examples/paper/theorem_2_fits.hpp"

#include <algorithm>
#include <cmath>

#include "core/ops.hpp"
#include "nn/layers/projection.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/schedule.hpp"

namespace taper::examples {

namespace {

enum class Scores { of_queries_and_keys, independent };

struct HeadInput {
    Var<float> Q, K, V;  // (n, d_h)
    Var<float> output;   // (n, d_h), which is to be met
    double output_norm;
};

struct Fit {
    nn::SharedParameter<float> E, F;  // (k, n)
    double error;
};

}  // namespace

const std::string& name_of(Rows rows) {
    static const std::vector<std::string> names{"on a sphere", "N(0, 1)"};
    return names[static_cast<std::size_t>(rows)];
}

// ---- Attention

static double frobenius_norm(const Array<float>& x) {
    double squares = 0;
    for (const float entry : x) squares += static_cast<double>(entry) * entry;
    return std::sqrt(squares);
}

static Var<float> scaled_scores(const Var<float>& Q, const Var<float>& keys) {
    const float d_h = static_cast<float>(Q.shape()[1]);
    return matmul(Q, keys, {.transpose_b = true}) / std::sqrt(d_h);
}

// Eq. 7: softmax(Q (E K)^T / sqrt(d_h)) F V
static Var<float> linear_attention(const HeadInput& input, const Var<float>& E,
                                   const Var<float>& F) {
    const Var<float> keys = matmul(E, input.K);    // (k, d_h)
    const Var<float> values = matmul(F, input.V);  // (k, d_h)
    return matmul(softmax(scaled_scores(input.Q, keys)), values);
}

static Var<float> on_sphere(const Var<float>& x) {
    const float radius = std::sqrt(static_cast<float>(x.shape()[1]));
    return x * radius / norm(x, {1}, KeepDims::yes);
}

// number: of the input, where a seed has several.
static HeadInput head_input(std::size_t n, std::size_t d_h, Rows rows_kind, Scores kind,
                            std::uint64_t seed, std::uint32_t number = 0) {
    const auto random = [&](const char* name, std::size_t columns) {
        return Var<float>(normal<float>(Random(seed, name, number), {n, columns}));
    };
    const auto rows = [&](const char* name) {
        const Var<float> x = random(name, d_h);
        return rows_kind == Rows::sphere ? on_sphere(x) : x;
    };
    const Var<float> Q = rows("theorem 2: Q");
    const Var<float> K = rows("theorem 2: K");
    const Var<float> raw_V = random("theorem 2: V", d_h);
    const bool independent = kind == Scores::independent;
    const Var<float> P =
        softmax(independent ? random("theorem 2: scores", n) : scaled_scores(Q, K));
    const Var<float> V = raw_V - mean(matmul(P, raw_V), {0}, KeepDims::yes);
    const Var<float> output = matmul(P, V);
    return {Q, K, V, output, frobenius_norm(output.value())};
}

static double error_of(const HeadInput& input, const Var<float>& y) {
    return frobenius_norm((y - input.output).value()) / input.output_norm;
}

// The least error of a multiple of y: that of its projection.
static double error_of_best_multiple(const HeadInput& input, const Var<float>& y) {
    const double y_norm = frobenius_norm(y.value());
    const double product = static_cast<double>(sum(y * input.output).item());
    const double cosine = product / (y_norm * input.output_norm);
    return std::sqrt(std::max(0.0, 1 - cosine * cosine));
}

// ---- E and F

static nn::SharedParameter<float> window_means(const std::string& name, const HeadInput& input,
                                               std::size_t k, std::uint64_t seed) {
    const Shape& shape = input.Q.shape();
    const nn::Config config{
        .vocab_size = 1, .length = shape[0], .width = shape[1], .heads = 1, .k = k, .seed = seed};
    return nn::Projection<float>::make(name, config, k);
}

// The rate: E K is a sum over n keys, so a step of 1 / n in all entries of E moves it by about 1.
static Fit fitted(const HeadInput& input, std::size_t k, std::uint64_t steps, double rate,
                  std::uint64_t seed) {
    const Fit start{window_means("E", input, k, seed), window_means("F", input, k, seed), 0};
    nn::Adam<float> adam({start.E.get(), start.F.get()});
    const double n = static_cast<double>(input.Q.shape()[0]);
    const nn::Schedule schedule{.lr = rate / n, .warmup = steps / 20, .steps = steps};
    const float scale = static_cast<float>(1 / (input.output_norm * input.output_norm));
    for (std::uint64_t step = 1; step <= steps; ++step) {
        Tape<float> tape;
        const Var<float> y = linear_attention(input, *start.E, *start.F);
        const Var<float> loss = sum(square(y - input.output)) * scale;
        tape.backward(loss);
        adam.step(schedule(step));
    }
    const double error = error_of(input, linear_attention(input, *start.E, *start.F));
    return {start.E, start.F, error};
}

// The errors for each of o.k, and on with twice the k while they are above eps.
static ErrorByK errors_by_k(const HeadInput& input, const Theorem2Options& o, std::uint64_t seed) {
    ErrorByK errors;
    for (const std::uint64_t k : o.k) errors[k] = fitted(input, k, o.steps, o.rate, seed).error;
    const std::size_t n = input.Q.shape()[0];
    const std::size_t most_k = std::min<std::size_t>(n, o.most_k);
    for (std::size_t k = 2 * o.k.back(); k <= most_k && errors.rbegin()->second > o.eps; k *= 2)
        errors[k] = fitted(input, k, o.steps, o.rate, seed).error;
    return errors;
}

static ErrorByK construction_errors(const HeadInput& input, const Theorem2Options& o,
                                    std::uint64_t seed) {
    const std::size_t n = input.Q.shape()[0];
    const double delta = 1 / static_cast<double>(n);
    ErrorByK errors;
    for (const std::uint64_t k : o.k) {
        const double deviation = 1 / std::sqrt(static_cast<double>(k));
        const Var<float> R = normal<float>(Random(seed, "theorem 2: R"), {k, n}, deviation);
        const Var<float> E = R * static_cast<float>(delta);
        const Var<float> F = R * static_cast<float>(std::exp(-delta));
        errors[k] = error_of_best_multiple(input, linear_attention(input, E, F));
    }
    return errors;
}

// At the largest n and k, where it takes longest: a fit with twice the steps, and a fresh input.
static void measure_largest(Measured& measured, const Theorem2Options& o, std::uint64_t seed) {
    const std::size_t n = o.lengths.back();
    const std::size_t k = o.k.back();
    const HeadInput own =
        head_input(n, o.head_width, measured.rows, Scores::of_queries_and_keys, seed);
    const HeadInput fresh =
        head_input(n, o.head_width, measured.rows, Scores::of_queries_and_keys, seed, 1);
    const Fit fit = fitted(own, k, 2 * o.steps, o.rate, seed);
    measured.own.push_back(fit.error);
    const Var<float> y = linear_attention(fresh, *fit.E, *fit.F);
    measured.fresh.push_back(error_of(fresh, y));
    measured.fresh_multiple.push_back(error_of_best_multiple(fresh, y));
    const Var<float> E = *window_means("E", fresh, k, seed);
    const Var<float> F = *window_means("F", fresh, k, seed);
    measured.unfitted.push_back(error_of(fresh, linear_attention(fresh, E, F)));
    measured.construction.push_back(construction_errors(own, o, seed));
}

// A fit's time is about proportional to n.
std::uint64_t parts_of_work(const Theorem2Options& o) {
    std::uint64_t parts = 0;
    for (const std::uint64_t n : o.lengths) parts += n / o.lengths.front();
    constexpr std::uint64_t kinds_of_scores = 2;
    constexpr std::uint64_t kinds_of_rows = 2;
    return parts * kinds_of_scores * kinds_of_rows * o.seeds;
}

Measured measured_for(Rows rows, const Theorem2Options& o, WorkProgress& progress) {
    Measured measured;
    measured.rows = rows;
    for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed) {
        for (const std::uint64_t n : o.lengths)
            for (const Scores kind : {Scores::of_queries_and_keys, Scores::independent}) {
                const bool is_control = kind == Scores::independent;
                ErrorsByLength& errors = is_control ? measured.control : measured.errors;
                const HeadInput input = head_input(n, o.head_width, rows, kind, seed);
                errors[n].push_back(errors_by_k(input, o, seed));
                for (std::uint64_t part = 0; part < n / o.lengths.front(); ++part) progress.done();
            }
        measure_largest(measured, o, seed);
    }
    return measured;
}

}  // namespace taper::examples
