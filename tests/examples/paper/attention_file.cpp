// Attention matrices of another program's model: read as they stand, and refused where they are
// none.
#include "examples/paper/attention_file.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/attention_files.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/tensor_files.hpp"

using namespace taper;
using namespace taper::examples;
using namespace taper::tests;

namespace {

// What load_attention says of these tensors; "" where it takes them.
std::string refusal(const Array<float>& P, const Tensor& d_h = Ids{8, 2}) {
    const Scratch scratch;
    const std::string path = scratch.path("P");
    save_safetensors(path, {.tensors = {{"P", P}, {"d_h", d_h}}});
    try {
        load_attention(path);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

Array<float> even_rows(const Shape& shape) {
    return full<float>(shape, 1 / static_cast<float>(shape.back()));
}

// With one entry that is replaced; the others of its row stay.
Array<float> with_entry(float entry) {
    Array<float> P = even_rows({1, 2, 1, 8, 8});
    P(0, 1, 0, 2, 5) = entry;
    return P;
}

}  // namespace

TEST_CASE("attention file: the matrices of a text by layer and head") {
    const Scratch scratch;
    const TensorFile written = attention_tensors(3, 8);
    const std::string path = scratch.path("P");
    save_safetensors(path, written);
    const AttentionFile file = load_attention(path);
    CHECK(file.texts() == 3);
    CHECK(file.d_h == std::vector<std::size_t>{8, 2});
    const HeadMatrices text = file.text(2);
    const Array<float>& P = std::get<Array<float>>(written.tensors[0].second);
    REQUIRE(text.size() == 2);
    REQUIRE(text[1].size() == 2);
    CHECK(text[0][1].shape() == Shape{8, 8});
    CHECK(text[0][1](7, 3) == static_cast<double>(P(2, 0, 1, 7, 3)));
    CHECK(text[1][0](0, 6) == static_cast<double>(P(2, 1, 0, 0, 6)));
}

TEST_CASE("attention file: shapes that figure_1 cannot look at are refused") {
    CHECK(refusal(even_rows({1, 2, 1, 8, 8})) == "");
    CHECK(contains(refusal(even_rows({2, 1, 8, 8})), "tensor P: the shape must be (texts"));
    CHECK(contains(refusal(even_rows({1, 2, 1, 8, 9})), "(1,2,1,8,9)"));
    CHECK(contains(refusal(even_rows({1, 2, 1, 7, 7})), "n of 8 or more: (1,2,1,7,7)"));
    CHECK(contains(refusal(even_rows({1, 1, 1, 8, 8})), "two layers"));
    CHECK(contains(refusal(even_rows({0, 2, 1, 8, 8})), "a text"));
    CHECK(contains(refusal(even_rows({1, 2, 0, 8, 8})), "a head"));
    for (const Ids& d_h : {Ids{8}, Ids{8, 8, 8}, Ids{8, 0}, Ids{8, -1}})
        CHECK(contains(refusal(even_rows({1, 2, 1, 8, 8}), d_h), "tensor d_h: it must have"));
    CHECK(contains(refusal(even_rows({1, 2, 1, 8, 8}), full<float>({2}, 8)), "d_h"));
}

TEST_CASE("attention file: rows that are no attention are refused, with their place") {
    CHECK(refusal(with_entry(0.12501F)) == "");
    CHECK(contains(refusal(with_entry(0.126F)), "a row must sum to 1"));
    CHECK(contains(refusal(with_entry(0.126F)), "(0,1,0,2,0)"));
    CHECK(contains(refusal(with_entry(0)), "a row must sum to 1"));
    CHECK(contains(refusal(with_entry(-0.125F)), "-0.125 at (0,1,0,2,5)"));
    CHECK(contains(refusal(with_entry(NAN)), "nan at (0,1,0,2,5)"));
    CHECK(contains(refusal(with_entry(INFINITY)), "inf at"));
}

// Its shape is refused before an array takes memory.
TEST_CASE("attention file: an enormous tensor of another shape") {
    const Scratch scratch;
    CHECK_THROWS_AS(load_attention(enormous_file(scratch, "P", "P")), Error);
}
