// The programs that measure: bench_step, cost. No test asserts how long something takes.
#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "examples/common/progress.hpp"
#include "tests/support/gnuplot.hpp"
#include "tests/support/programs.hpp"
#include "tests/support/sanitized.hpp"

using namespace taper::tests;

namespace {

Arguments small_bench(const std::string& steps = "2") {
    return {"--length", "16", "--k",     "4",  "--width", "16", "--heads", "2",
            "--layers", "1",  "--vocab", "11", "--batch", "3",  "--steps", steps};
}

struct Cell {
    double time, memory;
};

// A program, and the seconds from its start to its end.
std::pair<Result, double> timed(const std::string& program, const Arguments& arguments) {
    const auto start = std::chrono::steady_clock::now();
    const Result result = run(program, arguments);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    REQUIRE(result.status == 0);
    return {result, seconds.count()};
}

#ifdef TAPER_SANITIZED
constexpr bool memory_is_measured = false;  // the sanitizer holds back what is freed
#else
constexpr bool memory_is_measured = true;
#endif

// A table of cost: by the first word of a line its cells, "TIME (MEMORY)" or "-". Of two tables the
// first.
std::map<std::string, std::vector<std::optional<Cell>>> cells_of(const std::string& table) {
    std::map<std::string, std::vector<std::optional<Cell>>> cells;
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string n, word;
        if (!(words >> n) || cells.contains(n)) continue;
        auto& row = cells[n];
        while (words >> word) {
            if (word == "-") {
                row.push_back(std::nullopt);
                continue;
            }
            std::string memory;
            words >> memory;
            if (!memory.starts_with('(')) break;  // no line of numbers
            row.push_back(Cell{std::stod(word), std::stod(memory.substr(1))});
        }
    }
    return cells;
}

}  // namespace

TEST_CASE("bench_step: one line of JSON, its operations counted by the textbook") {
    for (const std::string mode : {"train", "forward"})
        for (const std::string attention : {"linformer", "full"})
            for (const bool causal : {false, true}) {
                const std::string name = mode + " " + attention + (causal ? " causal" : "");
                CAPTURE(name);
                Arguments options{"--mode", mode, "--attention", attention};
                if (causal) options.push_back("--causal");
                const Result result = run("bench_step", small_bench() + options);
                CHECK(result.status == 0);
                CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 1);
                const auto line = nlohmann::json::parse(result.out);
                CHECK(line.size() == 7);
                CHECK(line.at("min_ms") > 0);
                CHECK(line.at("min_ms") <= line.at("median_ms"));
                CHECK(line.at("median_ms") <= line.at("p90_ms"));
                CHECK(line.at("peak_rss_mb") > 0);
                CHECK(std::abs(line.at("loss").get<double>() - std::log(11)) < 0.5);
                // B (n d V + L (4 n d^2 + 2 n d W + attention)), attention 4 n k d or 2 n n d
                const double macs =
                    3.0 * (16 * 16 * 11 + 4 * 16 * 16 * 16 + 2 * 16 * 16 * 64 +
                           (attention == "full" ? 2 * 16 * 16 * 16 : 4 * 16 * 4 * 16));
                const double gflop = 2e-9 * macs * (mode == "train" ? 3 : 1);
                CHECK(line.at("gflop").get<double>() == doctest::Approx(gflop).epsilon(1e-9));
                CHECK(line.at("gflops").get<double>() ==
                      doctest::Approx(gflop / line.at("median_ms").get<double>() * 1e3)
                          .epsilon(1e-6));
            }
}

TEST_CASE("bench_step: what is trained and counted follows the options") {
    const auto line = [](const Arguments& more) {
        const Result result = run("bench_step", small_bench() + more);
        CHECK(result.status == 0);
        return nlohmann::json::parse(result.out);
    };
    // of attention's two products and projections, for a number of Q
    const auto macs = [&](const Arguments& more) {
        const double gflop = line(Arguments{"--mode", "forward"} + more).at("gflop");
        return (gflop / 2e-9 / 3 - (16 * 16 * 11 + 4 * 16 * 16 * 16 + 2 * 16 * 16 * 64)) /
               (16 * 16);
    };
    CHECK(macs({"--projection", "linear"}) == doctest::Approx(2 * (4 + 4)));
    CHECK(macs({"--projection", "conv"}) == doctest::Approx(2 * (4 + 1)));
    CHECK(macs({"--projection", "mean"}) == doctest::Approx(2 * 4));
    CHECK(macs({"--causal", "--window", "3"}) == doctest::Approx(2 * (4 + 4 + 3)));
    CHECK(line({"--dropout", "0.9"}).at("loss") != line({}).at("loss"));
}

TEST_CASE("bench_step: its memory is its own, not that of the program that started it") {
    const Result result = run("bench_step", small_bench(), [] {
        constexpr std::size_t megabytes = 400;
        static std::vector<char> memory;
        memory.assign(megabytes << 20, 'x');
    });
    CHECK(result.status == 0);
    CHECK(nlohmann::json::parse(result.out).at("peak_rss_mb") < 300);
}

TEST_CASE(
    "bench_step: its steps train, a forward pass does not, and of many times most are below the "
    "90th percentile") {
    const auto line = [](const std::string& steps, const Arguments& more = {}) {
        return nlohmann::json::parse(run("bench_step", small_bench(steps) + more).out);
    };
    const double once = line("1").at("loss");
    const double often = line("60").at("loss");
    CHECK(often < once - 0.1);
    CHECK(line("60", {"--mode", "forward"}).at("loss") ==
          line("1", {"--mode", "forward"}).at("loss"));
    const auto times = line("60");
    CHECK(times.at("min_ms") < times.at("median_ms"));
    CHECK(times.at("median_ms") < times.at("p90_ms"));
}

TEST_CASE("bench_step: its times are milliseconds") {
    constexpr double steps = 3000;
    const auto [result, seconds] = timed("bench_step", small_bench("3000"));
    const double said =
        steps * nlohmann::json::parse(result.out).at("median_ms").get<double>() / 1000;
    CHECK(said <= 2 * seconds);  // half of the steps took at least the median
    CHECK(said >= seconds / 50);
}

TEST_CASE("bench_step: the median of two steps is the mean of both") {
    const auto line = nlohmann::json::parse(run("bench_step", small_bench()).out);
    const double median = line.at("median_ms");
    const double least = line.at("min_ms");
    const double most = line.at("p90_ms");
    CHECK(median == doctest::Approx((least + most) / 2));
}

TEST_CASE("bench_step: refusals") {
    const auto refused = [](const Arguments& more, const Arguments& words) {
        CAPTURE(more.back());
        check_refused(run("bench_step", small_bench() + more), words);
    };
    refused({"--mode", "both"}, {"--mode", "both", "train", "forward"});
    refused({"--threads", "0"}, {"--threads", "0"});
    refused({"--projection", "mean", "--causal"}, {"causal", "mean"});
    check_refused(run("bench_step", {"--length", "8", "--k", "9"}),
                  {"bench_step: --k: ", "8", "9"});
}

TEST_CASE("cost: both tables, the crossovers and the picture") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const std::string picture = scratch.path("cost.svg");
    const Arguments small{"--lengths", "4,16,64", "--tokens",  "128", "--k",      "4,32",
                          "--width",   "8",       "--heads",   "2",   "--layers", "1",
                          "--out",     picture,   "--threads", "1"};
    for (const std::string mode : {"forward", "train"}) {
        const Result result = run("cost", small + Arguments{"--mode", mode});
        CAPTURE(result.out);
        CHECK(result.status == 0);
        CHECK(result.err.empty());
        std::map<std::string, int> lines;  // by their first word
        std::istringstream out(result.out);
        for (std::string line; std::getline(out, line);) {
            std::string first;
            if (std::istringstream(line) >> first) ++lines[first];
        }
        CHECK(lines["n"] == 2);
        for (const std::string n : {"4", "16", "64"}) CHECK(lines[n] == 2);
        CHECK(lines["k"] == 4);  // k 4 and k 32, each left to right or not
        const std::string drawn = file_contents(picture);
        for (std::size_t curve = 0; curve < 4; ++curve) CHECK(points_of(drawn, curve).size() == 3);
        CHECK(drawn.ends_with("</svg>\n"));
        std::filesystem::remove(picture);
    }
}

TEST_CASE("cost: ratios and crossovers are those of the times that are drawn") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const std::string picture = scratch.path("cost.svg");
    const Result result =
        run("cost", {"--lengths", "16,64,256,1024", "--tokens", "1024", "--k", "16,1024", "--width",
                     "8", "--heads", "2", "--layers", "1", "--out", picture, "--threads", "1"});
    REQUIRE(result.status == 0);
    const std::string drawn = file_contents(picture);
    // Microseconds by n: full, k 16, k 1024, each causal too.
    std::vector<std::map<std::string, double>> times(6);
    for (std::size_t i = 0; i < times.size(); ++i)
        for (const std::string& point : points_of(drawn, i))
            times[i][point.substr(0, point.find(' '))] = std::stod(point.substr(point.find(' ')));
    const std::size_t second = result.out.find("Times as fast");
    REQUIRE(second != std::string::npos);
    const auto measured = cells_of(result.out.substr(0, second));
    const auto ratios = cells_of(result.out.substr(second));
    for (const std::string n : {"16", "64", "256", "1024"}) {
        CAPTURE(n);
        const auto& row = measured.at(n);
        REQUIRE(row.size() == 6);
        REQUIRE(ratios.at(n).size() == 4);
        for (std::size_t i = 0; i < 6; ++i) {
            REQUIRE(row[i].has_value() == (i < 4 || n == "1024"));
            if (!row[i]) continue;
            CHECK(std::abs(row[i]->time - times[i].at(n)) <= 0.00501);
            if (i < 2) continue;
            REQUIRE(ratios.at(n)[i - 2]);
            const Cell full = *row[i % 2];
            const Cell ratio = *ratios.at(n)[i - 2];
            CHECK(std::abs(ratio.time - times[i % 2].at(n) / times[i].at(n)) <= 0.0501);
            CHECK(ratio.memory <= (full.memory + 0.5) / (row[i]->memory - 0.5) + 0.0501);
            CHECK(ratio.memory >= (full.memory - 0.5) / (row[i]->memory + 0.5) - 0.0501);
        }
    }
    // E, which is F, has 4 MB.
    if (memory_is_measured)
        CHECK(measured.at("1024")[4]->memory > measured.at("1024")[0]->memory + 2);

    const std::vector<std::string> names{"full",        "full causal", "k 16",
                                         "k 16 causal", "k 1024",      "k 1024 causal"};
    for (std::size_t i = 2; i < 6; ++i) {
        // The last length at which it is not faster, and where the line to the next one crosses.
        std::string crossover = std::string(i < 4 ? "16" : "1024") + " or before";
        std::string before;  // the length
        double last = 0;
        for (const std::string n : {"16", "64", "256", "1024"}) {
            if (!times[i].contains(n)) continue;
            const double gain = std::log(times[i % 2].at(n) / times[i].at(n));
            if (gain < 0) crossover.clear();
            else if (!before.empty() && last < 0) {
                const double share = last / (last - gain);
                const double step = std::log(std::stod(n) / std::stod(before));
                crossover = std::to_string(std::lround(std::stod(before) * std::exp(share * step)));
            }
            last = gain;
            before = n;
        }
        const std::string where =
            crossover.empty() ? "at none of these lengths" : "from n = " + crossover + " on";
        CAPTURE(result.out);
        CHECK(contains(result.out, names[i] + " is faster than " + names[i % 2] + " attention " +
                                       where + "\n"));
    }
}

TEST_CASE("cost: its times are microseconds of a token, of one pass") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    constexpr double tokens = 8192;
    const auto [result, seconds] = timed(
        "cost", {"--lengths", "1024", "--tokens", "8192", "--k", "32", "--width", "32", "--heads",
                 "2", "--layers", "1", "--out", scratch.path("cost.svg"), "--threads", "1"});
    const auto cells = cells_of(result.out);
    REQUIRE(cells.at("1024").size() == 4);
    double said = 0;  // of the three passes of each model
    for (const auto& cell : cells.at("1024")) said += 3 * tokens * cell->time * 1e-6;
    CHECK(said <= seconds + 1e-3);
    CHECK(said >= seconds / 30);
}

TEST_CASE("cost: what is measured is the model of the options") {
    // By the textbook, too large for any machine: the first is full attention, without E and F.
    constexpr std::uint64_t V = 96, n = 64, d = 65536, L = 1000;
    const std::uint64_t parameters = (V + n) * d + L * (12 * d * d + 13 * d) + 2 * d + V * d + V;
    check_refused(run("cost", {"--lengths", "64", "--width", "65536", "--layers", "1000"}),
                  {"--width", taper::examples::grouped(parameters) + " parameters"});
    // What k 512 keeps for backward is more where it goes from left to right.
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const Result result =
        run("cost", {"--lengths", "4096", "--tokens", "4096", "--k", "512", "--width", "8",
                     "--heads", "2", "--layers", "1", "--mode", "train", "--out",
                     scratch.path("cost.svg"), "--threads", "1"});
    REQUIRE(result.status == 0);
    const auto row = cells_of(result.out).at("4096");
    if (memory_is_measured) CHECK(row.at(3)->memory > row.at(2)->memory + 5);
}

TEST_CASE("cost: the defaults fit what is given") {
    const FakeGnuplot gnuplot;
    const Scratch scratch;
    const auto rows_of = [&](const Arguments& options) {
        const Result result = run(
            "cost", Arguments{"--width", "8", "--layers", "1", "--out", scratch.path("cost.svg")} +
                        options);
        CHECK(result.status == 0);
        std::string first_words;
        std::istringstream out(result.out.substr(0, result.out.find("Times")));
        for (std::string line, word; std::getline(out, line);)
            if (std::istringstream(line) >> word) first_words += word + " ";
        return first_words + (contains(result.out, "k 32") ? "k 32" : "");
    };
    CHECK(rows_of({"--lengths", "64", "--tokens", "1024"}) == "Microseconds n 64 k 32");
    CHECK(rows_of({"--tokens", "256"}) == "Microseconds n 64 128 256 k 32");
    CHECK(rows_of({"--lengths", "8"}) == "Microseconds n 8 ");
    CHECK(rows_of({"--tokens", "63"}) == "Microseconds n 63 k 32");
}

TEST_CASE("cost: refusals") {
    check_refused(run("cost", {"--lengths", "64,32"}), {"--lengths", "32"});
    check_refused(run("cost", {"--lengths", "48"}), {"--lengths", "48", "65536"});
    check_refused(run("cost", {"--heads", "3"}), {"cost: --heads: ", "heads 3", "width 128"});
    check_refused(run("cost", {"--tokens", "0"}), {"--tokens", "0"});
    check_refused(run("cost", {"--lengths", "4", "--k", "8"}), {"--k", "8", "4"});
    check_refused(run("cost", {"--k", "8,8"}), {"--k", "8"});
}
