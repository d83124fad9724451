// Work on several threads: every chunk once, errors, forked children, and how many threads there
// are.
#include "core/kernels/parallel.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <thread>

#include "core/ops.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/thread_count.hpp"

using namespace taper;

TEST_CASE("parallel: every chunk once, for any number of threads, also from inside a chunk") {
    for (const int count : {1, 2, 5}) {
        const tests::Threads scope(count);
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
}

#ifndef TAPER_SANITIZED
TEST_CASE(
    "parallel: a child of fork computes alone and ends, though the threads stayed with its "
    "parent") {
    const tests::Threads scope(3);
    std::atomic<int> done = 0;
    const auto count = [&](std::size_t, std::size_t) { ++done; };
    parallel_for(100, 1, count);
    // Until the threads wait for the next call.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
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
}
#endif

TEST_CASE("parallel: an exception reaches the caller, and the next call works") {
    const tests::Threads scope(3);
    for (int round = 0; round < 20; ++round) {
        const auto fails = [](std::size_t i, std::size_t) {
            if (i == 50) throw std::runtime_error("chunk 50");
        };
        CHECK_THROWS_WITH_AS(parallel_for(100, 1, fails), "chunk 50", std::runtime_error);
        std::atomic<int> done = 0;
        parallel_for(100, 1, [&](std::size_t, std::size_t) { ++done; });
        CHECK(done == 100);
    }
    CHECK(tests::refusal([] { set_threads(0); }) == "threads: the number must be 1 to 1024: 0");
}

TEST_CASE("parallel: by default no more threads than affinity and quota allow") {
    const tests::Scratch scratch;
    const auto write = [&](const std::string& file, const std::string& text) {
        std::filesystem::create_directories(
            std::filesystem::path(scratch.path(file)).parent_path());
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
    const Array<float> a = normal<float>(Random(1, "a"), {300, 400});
    const Array<float> b = normal<float>(Random(1, "b"), {400, 500});
    const auto product = [&] { return matmul(Var<float>(a), Var<float>(b)).value(); };
    const Array<float> before = product();
    for (const int count : {2, 4}) {
        openblas_set_num_threads(count);
        CHECK(product() == before);
        CHECK(openblas_get_num_threads() == 1);
    }
}
