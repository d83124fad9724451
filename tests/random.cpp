// Random numbers and threads: known answers, moments, and work that does not depend on the number of threads.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>
#include <stdexcept>
#include <thread>

#include "core/ops.hpp"
#include "core/parallel.hpp"
#include "tests/scratch.hpp"

using namespace taper;

TEST_CASE("random: Philox4x32-10 gives the known answers of its authors") {
    using Block = std::array<std::uint32_t, 4>;
    CHECK(philox({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: streams differ by seed, name and number, and each is a function of its counter") {
    std::set<std::array<std::uint32_t, 4>> blocks;
    for (std::uint64_t seed : {0U, 1U})
        for (const char* name : {"a", "b", "ab"})
            for (std::uint32_t number : {0U, 1U, 2U}) {
                blocks.insert(Random(seed, name, number).bits(5));
                blocks.insert(Random(seed, name).at(number).bits(5));
            }
    CHECK(blocks.size() == 2 * 3 * 6);
    CHECK(Random(3, "x").uniform(9) == Random(3, "x").uniform(9));
}

TEST_CASE("random: of a seed and of a counter all 64 bits count") {
    std::set<std::array<std::uint32_t, 4>> blocks;
    const std::vector<std::uint64_t> numbers{5, 5 + (1ULL << 32), 5 + (1ULL << 33), 5 + (1ULL << 63)};
    for (const std::uint64_t seed : numbers)
        for (const std::uint64_t counter : numbers) blocks.insert(Random(seed, "a").bits(counter));
    CHECK(blocks.size() == numbers.size() * numbers.size());
    CHECK(Random(1ULL << 32, "a").uniform(0) != Random(0, "a").uniform(0));
    CHECK(Random(0, "a").normal(1ULL << 32) != Random(0, "a").normal(0));
}

// A run that goes on draws what it would have drawn.
TEST_CASE("random: the numbers of a stream are what they always were") {
    const Random dropout(7, "dropout", 3), windows = Random(0, "windows").at(12);
    CHECK(dropout.uniform(0) == 0.23286901917824387);
    CHECK(dropout.below(1, 1'000'000) == 730'089);
    CHECK(windows.uniform(0) == 0.67681187103765927);
    CHECK(windows.below(1, 1'000'000) == 19'992);
}

TEST_CASE("random: moments and ranges") {
    const Random random(0, "moments");
    constexpr int count = 200000;
    double sum = 0, squares = 0, fourth = 0, flat = 0;
    std::uint64_t seen[7] = {};
    for (std::uint64_t i = 0; i < count; ++i) {
        const double z = random.normal(i), u = random.uniform(i);
        sum += z, squares += z * z, fourth += z * z * z * z, flat += u;
        REQUIRE((u >= 0 && u < 1));
        ++seen[random.below(i, 7)];
    }
    CHECK(std::abs(sum / count) < 0.01);
    CHECK(std::abs(squares / count - 1) < 0.02);
    CHECK(std::abs(fourth / count - 3) < 0.1);
    CHECK(std::abs(flat / count - 0.5) < 0.005);
    for (std::uint64_t n : seen) CHECK(std::abs(static_cast<double>(n) - count / 7.0) < 700);
}

TEST_CASE("random: uniform numbers lie between low and high, and fill what is between them") {
    const Array<double> x = uniform<double>(Random(1, "x"), {40, 50}, 3, 5);
    CHECK(xt::amin(x)() >= 3);
    CHECK(xt::amin(x)() < 3.01);
    CHECK(xt::amax(x)() < 5);
    CHECK(xt::amax(x)() > 4.99);
    CHECK(std::abs(xt::mean(x)() - 4) < 0.05);
    // The 22nd number is 1 - 6e-10, in float 1.
    const Random near_the_end(380045, "uniform");
    CHECK(static_cast<float>(near_the_end.uniform(22)) == 1);
    CHECK(uniform<float>(near_the_end, {64}, 0, 1)(22) == std::nextafter(1.0f, 0.0f));
    CHECK(uniform<float>(near_the_end, {64}, 2, -1)(22) == std::nextafter(-1.0f, 0.0f));
}

TEST_CASE("dropout: the share that falls, the scale of the rest, and p = 0") {
    const Var<float> ones(full<float>({1000, 101}, 1));
    for (const double p : {0.1, 0.5, 0.9}) {
        const Array<float> y = dropout(ones, p, Random(0, "dropout")).value();
        double zeros = 0;
        for (float v : y) {
            zeros += v == 0;
            REQUIRE((v == 0 || v == static_cast<float>(1 / (1 - p))));
        }
        CHECK(std::abs(zeros / 101000 - p) < 0.006);
    }
    CHECK(dropout(ones, 0, Random(0, "dropout")).value() == ones.value());
    CHECK(tests::refusal([&] {
              dropout(ones, 1, Random(0, "dropout"));
          }).starts_with("dropout: p must be in [0, 1): x (1000,101): p 1"));
}

TEST_CASE("parallel: every chunk once, for any number of threads, also from inside a chunk") {
    const int before = threads();
    for (const int count : {1, 2, 5}) {
        set_threads(count);
        for (const std::size_t n : {0U, 1U, 7U, 64U, 1000U}) {
            std::vector<int> visits(n, 0);
            parallel_for(n, 7, [&](std::size_t begin, std::size_t end) {
                parallel_for(end - begin, 2, [&](std::size_t b, std::size_t e) {
                    for (std::size_t i = begin + b; i < begin + e; ++i) ++visits[i];
                });
            });
            CHECK(visits == std::vector<int>(n, 1));
        }
    }
    set_threads(before);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("parallel: a child of fork computes alone and ends, though the threads stayed with its parent") {
    const int before = threads();
    set_threads(3);
    std::atomic<int> done = 0;
    const auto count = [&](std::size_t, std::size_t) { ++done; };
    parallel_for(100, 1, count);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // until the threads wait for the next call
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        parallel_for(100, 1, count);
        std::exit(done == 200 ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    set_threads(before);
}
#endif

TEST_CASE("parallel: an exception reaches the caller, and the next call works") {
    const int before = threads();
    set_threads(3);
    for (int round = 0; round < 20; ++round) {
        CHECK_THROWS_WITH_AS(parallel_for(100, 1,
                                          [](std::size_t i, std::size_t) {
                                              if (i == 50) throw std::runtime_error("chunk 50");
                                          }),
                             "chunk 50", std::runtime_error);
        std::atomic<int> done = 0;
        parallel_for(100, 1, [&](std::size_t, std::size_t) { ++done; });
        CHECK(done == 100);
    }
    set_threads(before);
    CHECK(tests::refusal([] { set_threads(0); }) == "threads: the number must be 1 to 1024: 0");
}

TEST_CASE("parallel: by default no more threads than affinity and quota allow") {
    const tests::Scratch scratch;
    const auto write = [&](const std::string& file, const std::string& text) {
        std::filesystem::create_directories(std::filesystem::path(scratch.path(file)).parent_path());
        scratch.file(file, text);
    };
    const auto cores = [&](const std::string& membership) {
        return detail::cores_of_quota(membership, scratch.path(""));
    };
    const int no_limit = std::numeric_limits<int>::max();
    CHECK(cores("0::/\n") == no_limit);
    write("cpu.max", "max 100000\n");
    write("user.slice/cpu.max", "350000 100000\n");
    write("user.slice/a.scope/cpu.max", "max 100000\n");
    write("user.slice/b.scope/cpu.max", "50000 100000\n");
    CHECK(cores("0::/user.slice/a.scope\n") == 3);  // what is above holds, too
    CHECK(cores("0::/user.slice/b.scope\n") == 1);  // half a core is one thread
    CHECK(cores("0::/not/mounted\n") == no_limit);
    CHECK(cores("") == no_limit);
    write("cpu/docker/cpu.cfs_quota_us", "200000\n");
    write("cpu/docker/cpu.cfs_period_us", "100000\n");
    write("cpu/free/cpu.cfs_quota_us", "-1\n");
    write("cpu/free/cpu.cfs_period_us", "100000\n");
    CHECK(cores("12:cpuset:/docker\n4:cpu,cpuacct:/docker\n0::/\n") == 2);
    CHECK(cores("4:cpu,cpuacct:/free\n") == no_limit);
    write("cpu.max", "100000 100000\n");  // in a container: the group itself is mounted
    CHECK(cores("0::/not/mounted\n") == 1);

    std::thread([] {
        cpu_set_t allowed, one;
        REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
        CHECK(detail::usable_cores() <= CPU_COUNT(&allowed));
        CPU_ZERO(&one);
        for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
            if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &one);
        REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
        CHECK(detail::usable_cores() == 1);
    }).join();
}

extern "C" {
void openblas_set_num_threads(int);
int openblas_get_num_threads();
}

TEST_CASE("parallel: products do not depend on how many threads a program gives to OpenBLAS") {
    const Array<float> a = normal<float>(Random(1, "a"), {300, 400}), b = normal<float>(Random(1, "b"), {400, 500});
    const auto product = [&] { return matmul(Var<float>(a), Var<float>(b)).value(); };
    const Array<float> before = product();
    for (const int threads : {2, 4}) {
        openblas_set_num_threads(threads);
        CHECK(product() == before);
        CHECK(openblas_get_num_threads() == 1);
    }
}
