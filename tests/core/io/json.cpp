// JSON that anybody may have written: what is read, and what is refused in which words.
#include "core/io/json.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/scratch.hpp"

using namespace taper;
using namespace std::string_literals;

static std::string refusal_of(const std::string& text) {
    return tests::refusal([&] { parse_object(text, "FILE must be JSON"); });
}

static std::string lists(int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
}

TEST_CASE("json: an object is read as it stands") {
    const nlohmann::json object = parse_object(R"( {"a": [1, -2.5, "\u00e9"], "b": {}} )", "");
    CHECK(object.size() == 2);
    CHECK(object.at("a") == nlohmann::json({1, -2.5, "\u00E9"}));
    CHECK(object.at("b").empty());
}

TEST_CASE("json: a key stands once in its object, and may stand again in another") {
    const std::string twice = "FILE must be JSON: a key must stand once: ";
    CHECK(refusal_of(R"({"a": 1, "b": 2, "a": 3})") == twice + "a");
    CHECK(refusal_of(R"({"a": 1, "b": {"c": 2}, "a": 3})") == twice + "a");
    CHECK(refusal_of(R"({"a": {"b": 1, "c": {}, "b": 2}})") == twice + "b");
    CHECK(refusal_of(R"({"a": [{"b": 1}, {"c": 2, "c": 3}]})") == twice + "c");

    const auto reads = [](const char* text) { return parse_object(text, "").size(); };
    CHECK(reads(R"({"a": {"a": {"a": 1}}})") == 1);
    CHECK(reads(R"({"a": {"b": 1}, "b": 2})") == 2);
    CHECK(reads(R"({"a": [{"b": 1}, {"b": 2}], "b": {"a": 3}})") == 2);
}

TEST_CASE("json: another value, no JSON, a zero byte and numbers beyond double are refused") {
    const std::string rule = "FILE must be JSON: ";
    CHECK(refusal_of("[1, 2]") == rule + "[1, 2]");
    CHECK(refusal_of("1") == rule + "1");
    CHECK(refusal_of("{}\0"s) == rule + "it has a zero byte: byte 3");
    CHECK(refusal_of("{\"a\": 1e999}").find("number overflow") != std::string::npos);
    for (const char* text : {"", "{", "{\"a\": }", "{\"a\": 01}", "{\"a\": 1,}", "{} {}",
                             "{\"a\": NaN}", "{'a': 1}", "{\"a\": \"\xFF\"}"}) {
        CAPTURE(text);
        const std::string refusal = refusal_of(text);
        CHECK(refusal.starts_with(rule + "parse error at line 1, column "));
        CHECK(refusal.find("json.exception") == std::string::npos);
    }
}

TEST_CASE("json: at most eight objects and lists within each other") {
    CHECK(parse_object("{\"a\": " + lists(7) + "}", "").size() == 1);
    for (const int depth : {8, 9, 100'000}) {
        CAPTURE(depth);
        CHECK(refusal_of("{\"a\": " + lists(depth) + "}") ==
              "FILE must be JSON: it is nested too deep");
    }
}
