/// The record of reflect_pad, and its rule at the edges.
#include "records.hpp"

#include <kashi/ops/reflect_pad.hpp>

using namespace records;

namespace {

const bool registered =
    add({.title = "Mirrored borders",
         .header = "reflect_pad.hpp",
         .operations = {{.signature = "reflect_pad(x, padding)",
                         .summary = "a border of mirrored pixels round images [N,H,W,C]: 3 2 | 1 2 3 | 2 1",
                         .samples = {{"four sides",
                                      {normal({2, 4, 5, 2})},
                                      [](const auto& x) {
                                        return reflect_pad(x[0], {1, 2, 3, 0});
                                      }},
                                     {"wider than the image",
                                      {normal({1, 2, 3, 1})},
                                      [](const auto& x) { return reflect_pad(x[0], 4); }}},
                         .errors = {{{{3, 3}},
                                     [](const auto& x) { return reflect_pad(x[0], 1); },
                                     "reflect_pad: images [N,H,W,C] with pixels are needed; got [3,3]"},
                                    {{{1, 3, 3, 1}},
                                     [](const auto& x) { return reflect_pad(x[0], {-1, 0}); },
                                     "reflect_pad: sizes can't be negative; got -1, -1, 0, 0"}}}}});

}  // namespace

TEST_CASE("a mirrored border does not repeat the edge, and goes on as long as wanted") {
  const Tensor<float> row({1, 1, 3, 1}, {1, 2, 3});
  const auto padded = [&](const kernels::Padding& padding) { return reflect_pad(row, padding).value().to_vector(); };
  CHECK(padded({0, 0, 2, 2}) == std::vector<float>{3, 2, 1, 2, 3, 2, 1});
  CHECK(padded({0, 0, 0, 6}) == std::vector<float>{1, 2, 3, 2, 1, 2, 3, 2, 1});
  CHECK(padded({1, 0, 0, 0}) == std::vector<float>{1, 2, 3, 1, 2, 3});
}
