// evaluate from outside: its numbers, what it refuses, and where it writes.
#include <doctest/doctest.h>

#include <cmath>
#include <span>

#include "core/io/safetensors.hpp"
#include "tests/support/trained.hpp"

using namespace taper;
using namespace taper::tests;

TEST_CASE(
    "programs evaluate: evaluate's loss is of all counted targets alike, and no dropout acts") {
    Trained trained({"--dropout", "0.5"});
    Ids tokens = ids({2, 9}, 1), targets = ids({2, 9}, -100);
    for (std::size_t t = 0; t < 9; ++t) {
        tokens(0, t) = static_cast<std::int64_t>(t);
        targets(1, t) = 2;
    }
    targets(0, 3) = 5;
    const auto evaluate = [&](const Ids& counted) {
        const Result result =
            trained.evaluate({{"tokens", tokens}, {"targets", counted}}, {"--double"});
        REQUIRE(result.status == 0);
        return load_safetensors(trained.out).get<double>("loss")();
    };
    Ids first_row = targets, second_row = targets;
    for (std::size_t t = 0; t < 9; ++t) {
        first_row(1, t) = -100;
        second_row(0, t) = -100;
    }
    const double mean = (evaluate(first_row) + 9 * evaluate(second_row)) / 10;
    CHECK(evaluate(targets) == doctest::Approx(mean).epsilon(1e-14));
    evaluate(targets);
    const std::string once = file_contents(trained.out);
    std::string config = file_contents(trained.model + "/config.json");
    config.replace(config.find("0.5"), 3, "0.0");
    std::ofstream(trained.model + "/config.json") << config;
    evaluate(targets);
    CHECK(file_contents(trained.out) == once);
}

TEST_CASE(
    "programs evaluate: evaluate refuses tokens, masks and targets that are out of range, by "
    "tensor, "
    "place and value") {
    Trained trained;
    const auto with_entry = [](Ids x, std::int64_t value) {
        x(1, 2) = value;
        return x;
    };
    const Ids good = ids({2, 4}, 1);
    for (const std::int64_t token : {std::int64_t{-1}, std::int64_t{1000}, std::int64_t{1} << 40})
        trained.refused({{"tokens", with_entry(good, token)}},
                        {"tensor tokens", "(1,2)", std::to_string(token)});
    for (const std::int64_t target : {-1, -99, 1000})
        trained.refused({{"tokens", good}, {"targets", with_entry(good, target)}},
                        {"tensor targets", "(1,2)", std::to_string(target)});
    trained.refused({{"tokens", good}, {"mask", with_entry(good, 2)}},
                    {"tensor mask", "(1,2)", "2"});
    trained.refused({{"tokens", good}, {"targets", ids({2, 4}, -100)}},
                    {trained.in, "tensor targets", "-100"});
    trained.refused({{"tokens", good}, {"mask", ids({2, 3}, 1)}},
                    {"tensor mask", "(2,3)", "(2,4)"});
    trained.refused({{"tokens", ids({2, 33}, 1)}}, {"tensor tokens", "(2,33)", "32"});
    trained.refused({{"tokens", ids({2, 0}, 1)}}, {"tensor tokens", "(2,0)"});
    trained.refused({{"tokens", ids({0, 2}, 1)}}, {"tensor tokens", "(0,2)"});
    trained.refused({{"tokens", ids({4}, 1)}}, {"tensor tokens", "(4)"});
    trained.refused({{"tokens", full<float>({2, 4}, 1)}}, {"tensor tokens", "I64"});
    trained.refused({{"mask", good}}, {"tokens"});
    trained.refused({{"tokens", good}, {"labels", good}}, {"tensor labels"});
    CHECK(trained.evaluate({{"tokens", ids({1, 1}, 0)}}).status == 0);
    CHECK(trained.evaluate({{"tokens", ids({1, 32}, 0)}}).status == 0);
    check_refused(trained.evaluate({{"tokens", good}}, {"--gradients"}), {"targets"});
}

TEST_CASE("programs evaluate: evaluate writes nothing over what it reads, and only where it can") {
    Trained trained;
    CHECK(trained.evaluate({{"tokens", ids({1, 4}, 1)}}).status == 0);
    const auto before = directory_contents(trained.scratch.path(""));
    const std::string weights = trained.model + "/model.safetensors";
    const std::string folder = trained.scratch.path("no") + "/out";
    for (const std::string& out :
         {trained.in, weights, trained.model, folder, trained.in + "/out", folder + "/"}) {
        const Result result =
            run("evaluate", {"--model", trained.model, "--tokens", trained.in, "--out", out});
        check_refused(result, {"--out", out});
    }
    CHECK(directory_contents(trained.scratch.path("")) == before);
}

TEST_CASE(
    "programs evaluate: evaluate writes over no file of a run, nor in the place of one that is "
    "missing") {
    Trained trained;
    CHECK(trained.evaluate({{"tokens", ids({1, 4}, 1)}}).status == 0);
    trained.scratch.file("run/loss.svg", "picture");
    const auto before = directory_contents(trained.model);
    CHECK(before.size() == 7);
    for (const auto& file : before) {
        const std::string& path = file.first;
        CAPTURE(path);
        const auto to_it = [&] {
            return run("evaluate",
                       {"--model", trained.model, "--tokens", trained.in, "--out", path});
        };
        check_refused(to_it(), {"--out", path});
        CHECK(file_contents(path) == file.second);
        // they must be there
        if (path.ends_with("config.json") || path.ends_with("model.safetensors")) continue;
        std::filesystem::remove(path);
        check_refused(to_it(), {"--out", path});
        CHECK_FALSE(std::filesystem::exists(path));
    }
}

TEST_CASE(
    "programs evaluate: evaluate and generate say where the weights are too large to compute "
    "with") {
    Trained trained;
    const std::string path = trained.model + "/model.safetensors";
    TensorFile file = load_safetensors(path);
    for (auto& [name, tensor] : file.tensors)
        if (name == "head.weight") std::get<Array<float>>(tensor).fill(3e38F);
    save_safetensors(path, file);
    trained.refused({{"tokens", ids({1, 4}, 1)}},
                    {trained.model, "tensor logits", "finite", "(0,0,"});
    check_refused(trained.generate({"--prompt", "the"}), {trained.model, "logits", "finite"});
}
