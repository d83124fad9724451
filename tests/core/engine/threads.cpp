// Threads: training steps of every kind on several, ops in bodies of parallel_for, models and tapes
// on threads of the user's own. The thread sanitizer runs these, too (preset tsan).
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <thread>

#include "core/kernels/parallel.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/clip.hpp"
#include "nn/optim/sgd.hpp"
#include "tests/support/in_double.hpp"
#include "tests/support/models.hpp"
#include "tests/support/thread_count.hpp"

using namespace taper;
using namespace taper::tests;

namespace {

const nn::Config several_chunks{.vocab_size = 70,
                                .length = 96,
                                .width = 64,
                                .heads = 4,
                                .layers = 2,
                                .ffn_width = 160,
                                .k = 12,
                                .dropout = 0.1};

std::map<std::string, nn::Config> kinds() {
    std::map<std::string, nn::Config> all;
    for (const nn::ProjectionKind projection : projections) {
        nn::Config config = several_chunks;
        config.projection = projection;
        all[name_of(projection)] = config;
    }
    nn::Config config = several_chunks;
    config.attention = nn::AttentionKind::full;
    all["full"] = config;
    config.causal = true;
    all["causal full"] = config;
    config.attention = nn::AttentionKind::linformer;
    all["causal"] = config;
    config.window = 5;
    all["causal window"] = config;
    config = several_chunks;
    config.sharing = nn::Sharing::none;
    config.norm = nn::Norm::post;
    all["none"] = config;
    return all;
}

std::string bytes_of(const nn::Parameters<float>& parameters) {
    std::string bytes;
    for (const Parameter<float>* p : parameters)
        bytes.append(reinterpret_cast<const char*>(p->value().data()),
                     p->value().size() * sizeof(float));
    return bytes;
}

// The weights after two steps, as bytes.
template <class Optimiser> std::string trained_weights(const nn::Config& config, int count) {
    const Threads scope(count);
    nn::Linformer<float> model(config);
    Optimiser optimiser(model.parameters());
    const Ids tokens = some_ids(4, config.length, config.vocab_size);
    for (std::uint32_t step = 0; step < 2; ++step) {
        Tape<float> tape;
        tape.backward(
            cross_entropy(model(tokens, {.dropout = Random(1, "dropout", step)}), tokens));
        nn::clip_gradients(model.parameters(), 1.0);
        optimiser.step(0.01);
    }
    for (const Parameter<float>* p : model.parameters()) CHECK(std::isfinite(p->value().data()[0]));
    return bytes_of(model.parameters());
}

template <class Optimiser> void check_same_weights(const nn::Config& config) {
    CHECK(trained_weights<Optimiser>(config, 1) == trained_weights<Optimiser>(config, 3));
}

// parallel_for, where the calling thread does nothing until another one of `count` has begun: on a
// busy machine it could be done with all before. With one chunk it is alone.
template <class Body>
void for_all_threads(std::size_t n, std::size_t chunk, int count, const Body& body) {
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<bool> accompanied{count == 1 || chunk >= n};
    parallel_for(n, chunk, [&](std::size_t begin, std::size_t end) {
        if (std::this_thread::get_id() != caller) accompanied = true;
        while (!accompanied) std::this_thread::yield();
        body(begin, end);
    });
}

}  // namespace

TEST_CASE("threads: a training step of every kind gives the same bits on one and on three") {
    for (const auto& kind : kinds()) {
        const std::string name = kind.first;
        CAPTURE(name);
        check_same_weights<nn::Adam<float>>(kind.second);
    }
    check_same_weights<nn::Sgd<float>>(several_chunks);
}

TEST_CASE(
    "threads: a body of parallel_for that would record on a tape from outside is an Error, on any "
    "number of threads") {
    P w("w", Numbers{1, 2});
    const V constant(Numbers{3, 4});
    for (const int count : {1, 2, 3}) {
        const Threads scope(count);
        for (const std::size_t chunk : {1U, 64U}) {  // 64: one chunk, which the calling thread does
            Tape<double> tape;
            const V recorded = w * 2.0;
            const auto message_of = [&](const V& x) {
                return refusal([&] {
                    for_all_threads(64, chunk, count, [&](std::size_t, std::size_t) { exp(x); });
                });
            };
            CHECK(message_of(w) ==
                  "exp: a body of parallel_for must not call an op that is to be recorded on a "
                  "tape from outside it "
                  "(detach() or NoGrad makes values): input 0 (2): parameter w");
            CHECK(contains(message_of(recorded), "a body of parallel_for must not call an op"));
            CHECK(message_of(constant) == "");
            CHECK(message_of(recorded.detach()) == "");
            tape.backward(sum(recorded));
        }
    }
    CHECK(w.gradient() == Numbers{12, 12});
}

TEST_CASE("threads: a body of parallel_for may compute values, and record on a tape of its own") {
    P w("w", Numbers{1, 2});
    for (const int count : {1, 3}) {
        const Threads scope(count);
        const auto all = [count](const std::function<void()>& body) {
            return refusal(
                [&] { for_all_threads(64, 1, count, [&](std::size_t, std::size_t) { body(); }); });
        };
        CHECK(all([&] { exp(w); }) == "");  // no tape
        V values[64];
        for_all_threads(64, 1, count, [&](std::size_t i, std::size_t) { values[i] = exp(w); });
        Tape<double> tape;
        P mine("mine", Numbers{1, 1});
        CHECK_NOTHROW(tape.backward(sum(values[0] * mine + values[63])));
        const auto own_tape = [&] {
            P own("own", Numbers{3, 4});
            Tape<double> inner;
            inner.backward(sum(own * own));
            CHECK(own.gradient() == Numbers{6, 8});
        };
        Tape<double> outer;
        const V y = w * w;
        CHECK(all(own_tape) == "");
        const auto without_recording = [&] {
            const NoGrad<double> values_alone;
            exp(w);
        };
        CHECK(all(without_recording) == "");
        const NoGrad<double> outside;
        CHECK(all([&] { exp(w); }) == "");
        CHECK(all([&] { exp(w.detach()) * y.detach(); }) == "");
    }
}

TEST_CASE(
    "threads: what another thread computed of a Parameter without a tape is refused by a tape") {
    P w("w", Numbers{2, 3}), v("v", Numbers{1, 1});
    const auto elsewhere = [](const std::function<V()>& f) {
        V y;
        std::thread([&] { y = f(); }).join();
        return y;
    };
    Tape<double> tape;
    const V half = elsewhere([&] { return w * 2.0 + 1.0; });
    CHECK(half.value() == Numbers{5, 7});
    CHECK(contains(refusal([&] { half* v; }),
                   "input 0 (2): it was computed of a trainable parameter where no tape "
                   "recorded, by another thread or another copy of the library"));
    CHECK_NOTHROW(half.detach() * v);
    CHECK_NOTHROW(elsewhere([] { return exp(V(Numbers{1, 2})); }) * v);  // of constants
    const auto without_recording = [&] {
        const NoGrad<double> values_alone;
        return exp(w);
    };
    CHECK_NOTHROW(elsewhere(without_recording) * v);
    P frozen("frozen", Numbers{1, 2}, false);
    CHECK_NOTHROW(elsewhere([&] { return exp(frozen); }) * v);
}

TEST_CASE(
    "threads: before its tape a thread may compute what is constant on it, and one may evaluate "
    "what another trains") {
    P w("w", Numbers{2, 3});
    const V before = w * 2.0;
    Tape<double> tape;
    const V loss = sum(w * before);
    Numbers seen;
    std::thread([&] { seen = exp(w * before.detach()).value(); }).join();
    CHECK(seen(0) == doctest::Approx(std::exp(8.0)));
    tape.backward(loss);
    CHECK(w.gradient() == Numbers{4, 6});
}

TEST_CASE("threads: models of their own, trained at the same time") {
    std::vector<std::thread> users;
    std::vector<std::string> weights(3);
    for (std::string& result : weights)
        users.emplace_back([&result] {
            nn::Linformer<float> model(tiny);
            nn::Sgd<float> sgd(model.parameters());
            const Ids tokens = some_ids(2, tiny.length, tiny.vocab_size);
            for (int step = 0; step < 5; ++step) {
                Tape<float> tape;
                tape.backward(cross_entropy(model(tokens), tokens));
                sgd.step(0.01);
            }
            result = bytes_of(model.parameters());
        });
    for (std::thread& user : users) user.join();
    for (const std::string& result : weights) CHECK(result == weights[0]);
}

TEST_CASE("threads: NoGrad, and an op's backward, make values on every thread of parallel_for") {
    for (const int count : {1, 3}) {
        const Threads several(count);
        P w("w", Numbers{1, 2});
        Tape<double> tape;
        const V h = w * 2.0;
        std::vector<double> doubled(64);
        {
            NoGrad<double> values;
            for_all_threads(doubled.size(), 1, count,
                            [&](std::size_t i, std::size_t) { doubled[i] = (h * 2.0).value()(1); });
        }
        CHECK(doubled == std::vector<double>(64, 8.0));
        tape.backward(sum(h));
        CHECK(w.gradient() == Numbers{2, 2});
    }
}

TEST_CASE(
    "threads: a tape that is kept past the body or the chunk that began it is not the next one's "
    "own") {
    const Threads one(1);  // on which the same thread does every chunk
    P w("w", Numbers{1, 2});
    std::unique_ptr<Tape<double>> kept;
    const auto begin_one = [&](std::size_t i, std::size_t) {
        if (i == 0) kept = std::make_unique<Tape<double>>();
        else exp(w);
    };
    CHECK(contains(refusal([&] { parallel_for(2, 1, begin_one); }),
                   "a body of parallel_for must not call an op"));
    kept.reset();
    parallel_for(1, 1, begin_one);
    CHECK(contains(refusal([&] { parallel_for(1, 1, [&](std::size_t, std::size_t) { exp(w); }); }),
                   "a body of parallel_for must not call an op"));
    kept->backward(sum(w * w));  // outside of bodies it is a tape as any
    CHECK(w.gradient() == Numbers{2, 4});
}

TEST_CASE("threads: a tape of one number type does not forbid ops of the other in a body") {
    for (const int count : {1, 3}) {
        const Threads several(count);
        Parameter<float> w("w", Array<float>{1, 2});
        Tape<double> tape;
        std::vector<float> doubled(64);
        for_all_threads(doubled.size(), 1, count,
                        [&](std::size_t i, std::size_t) { doubled[i] = (w * 2.0F).value()(1); });
        CHECK(doubled == std::vector<float>(64, 4.0F));
    }
}
