// --page of fill_mask and generate: where it may be written is asked before the work, and what is
// on the page.
#include <nlohmann/json.hpp>

#include "tests/support/programs.hpp"

using namespace taper::tests;

namespace {

// A masked and a causal model of one text.
struct PagedModels {
    Scratch scratch;
    std::string text = scratch.file("text.txt", prose(5000));
    std::string masked = scratch.path("masked");
    std::string causal = scratch.path("causal");
    std::string page = scratch.path("page.html");

    explicit PagedModels(const Arguments& options = {}) {
        const Arguments few = small_model() + Arguments{"--steps", "1", "--text", text} + options;
        REQUIRE(train(few + Arguments{"--out", masked}).status == 0);
        REQUIRE(train_lm(few + Arguments{"--out", causal}).status == 0);
    }
    Result fill(const std::string& path) const {
        return run("fill_mask", {"--model", masked, "--text", "the [MASK]", "--page", path});
    }
    Result generate(const std::string& path, const std::string& tokens = "5") const {
        return run("generate",
                   {"--model", causal, "--prompt", "the", "--tokens", tokens, "--page", path});
    }
    nlohmann::json data() const {
        const std::string html = file_contents(page);
        const std::string tag = "<script id=\"data\" type=\"application/json\">";
        const std::size_t begin = html.find(tag) + tag.size();
        return nlohmann::json::parse(html.substr(begin, html.find("</script>", begin) - begin));
    }
};

// The arrays between inputs and output of the first record of an op.
nlohmann::json inner_of(const nlohmann::json& data, const std::string& op) {
    for (const auto& record : data.at("records"))
        if (record.at("name") == op) return record.at("inner");
    return {};
}

}  // namespace

TEST_CASE(
    "programs page: a --page that cannot be written, or is the model's, is refused before a token "
    "is written") {
    const PagedModels models;
    for (const std::string& bad : {std::string(), models.scratch.path(""), models.text + "/page",
                                   models.scratch.path("none/page.html")})
        for (const Result& result : {models.fill(bad), models.generate(bad)}) {
            check_refused(result, {"--page", bad});
            CHECK(result.out.empty());
        }
    const std::string weights = "/model.safetensors";
    const std::string before = file_contents(models.masked + weights);
    check_refused(models.fill(models.masked + weights), {"--page", models.masked + weights});
    check_refused(models.generate(models.causal + weights), {"--page", models.causal + weights});
    CHECK(file_contents(models.masked + weights) == before);
    check_failed(models.fill("/dev/full"), {"/dev/full", "No space left on device"});
}

TEST_CASE("programs page: fill_mask writes its text's tape, forward and back, with the tokens") {
    const PagedModels models;
    const Result plain = run("fill_mask", {"--model", models.masked, "--text", "the [MASK]"});
    const Result result = models.fill(models.page);
    CHECK(result.status == 0);
    CHECK(result.out == plain.out);
    const auto data = models.data();
    CHECK(data.at("title") == "fill_mask, loss of the likeliest token at each mask: the [MASK]");
    const auto tokens = data.at("tokens");
    CHECK(tokens.at("names") == nlohmann::json({"t", "h", "e", " ", "[MASK]"}));
    CHECK(tokens.at("keys") == false);  // the slots of a Linformer
    const auto P = inner_of(data, "attention").at(0);
    CHECK(P.at("name") == "P");
    CHECK(P.at("value").at("rows") == 5);
    const auto loss = data.at("records").back();
    CHECK(loss.at("name") == "cross_entropy");
    CHECK(loss.at("gradient").at("values") == nlohmann::json({1.0}));
    // The likeliest token has the least loss: - ln of the probability that was printed.
    const double probability = std::stod(plain.out.substr(plain.out.find("mask 1\n") + 7));
    CHECK(loss.at("value").at("values").at(0).get<double>() ==
          doctest::Approx(-std::log(probability)).epsilon(0.01));
}

TEST_CASE("programs page: generate writes the tape of the window of its last token") {
    const PagedModels models;
    const Result result = models.generate(models.page);
    CHECK(result.status == 0);
    const auto data = models.data();
    // Its 7 tokens: the prompt's and all that were drawn but the last.
    const std::string window = result.out.substr(0, 7);
    CHECK(data.at("tokens").at("count") == 7);
    CHECK(data.at("tokens").at("keys") == true);
    CHECK(data.at("tokens").at("names").at(0) == window.substr(0, 1));
    CHECK(inner_of(data, "causal_attention").at(0).at("name") == "P_slots");
    CHECK(data.at("records").back().at("name") == "cross_entropy");
    // A window of one token has no next one, and no loss.
    const Result one = run("generate", {"--model", models.causal, "--prompt", "t", "--tokens", "1",
                                        "--page", models.page});
    CHECK(one.status == 0);
    CHECK(models.data().at("records").back().at("name") != "cross_entropy");
}

TEST_CASE("programs page: with full attention the keys are the text's tokens") {
    const PagedModels models({"--attention", "full"});
    CHECK(models.fill(models.page).status == 0);
    const auto data = models.data();
    CHECK(data.at("tokens").at("keys") == true);
    CHECK(inner_of(data, "attention").at(0).at("value").at("columns") == 5);
}
