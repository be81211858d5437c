/// Records of resizing.
#include "records.hpp"

#include <kashi/ops/reduce.hpp>
#include <kashi/ops/resize.hpp>

using namespace records;

namespace {

const bool registered =
    add({.title = "Resizing",
         .header = "resize.hpp",
         .operations = {
             {.signature = "resize(x, {height, width}, {.mode = ResizeMode::nearest, .align_corners = false})",
              .summary = "images to another size, nearest or bilinear, in PyTorch's conventions (interpolate)",
              .samples = {{"nearest",
                           {normal({2, 3, 4, 2})},
                           [](const auto& x) {
                             return resize(x[0], {5, 3});
                           }},
                          {"bilinear up",
                           {normal({1, 3, 4, 2})},
                           [](const auto& x) {
                             return resize(x[0], {7, 9}, {.mode = ResizeMode::bilinear});
                           }},
                          {"bilinear down",
                           {normal({1, 7, 9, 2})},
                           [](const auto& x) {
                             return resize(x[0], {3, 4}, {.mode = ResizeMode::bilinear});
                           }},
                          {"corners",
                           {normal({1, 3, 4, 1})},
                           [](const auto& x) {
                             return resize(x[0], {5, 1}, {.mode = ResizeMode::bilinear, .align_corners = true});
                           }},
                          {"large",
                           {normal({2, 30, 31, 20})},
                           [](const auto& x) {
                             return resize(x[0], {61, 62}, {.mode = ResizeMode::bilinear});
                           },
                           {},
                           false}},
              .errors = {{{{3, 4}},
                          [](const auto& x) { return resize(x[0], 2); },
                          "resize: images [N,H,W,C] are needed; got [3,4]"},
                         {{{1, 3, 4, 1}},
                          [](const auto& x) { return resize(x[0], {0, 2}); },
                          "resize: the size must be positive; got 0x2"},
                         {{{1, 3, 4, 1}},
                          [](const auto& x) { return resize(x[0], 2, {.align_corners = true}); },
                          "resize: align_corners is for bilinear only"}}},
             {.signature = "upsample(x, factor, options = {})",
              .summary = "images made larger by whole factors",
              .samples = {{"twice",
                           {normal({1, 2, 3, 2})},
                           [](const auto& x) { return upsample(x[0], 2, {.mode = ResizeMode::bilinear}); }},
                          {"uneven", {normal({1, 2, 3, 2})}, [](const auto& x) { return upsample(x[0], {3, 1}); }}},
              .errors = {{{{1, 3, 4, 1}},
                          [](const auto& x) { return upsample(x[0], 0); },
                          "upsample: the factor must be at least 1; got 0x0"}}},
         }});

}  // namespace

TEST_CASE("resizing to the same size changes nothing, and constants stay constant") {
  const Tensor<double> x = normal({1, 5, 6, 2});
  for (const ResizeOptions& options : {ResizeOptions{}, ResizeOptions{.mode = ResizeMode::bilinear},
                                       ResizeOptions{.mode = ResizeMode::bilinear, .align_corners = true}}) {
    CHECK(equal(resize(x, {5, 6}, options).value(), x));
    CHECK(allclose(resize(Tensor<double>::ones({1, 5, 6, 2}), {11, 3}, options).value(),
                   Tensor<double>::ones({1, 11, 3, 2})));
  }
}

TEST_CASE("bilinear pixels are squares whose edges meet") {
  const Tensor<double> x({1, 1, 2, 1}, {0, 4});
  CHECK(equal(resize(x, {1, 4}, {.mode = ResizeMode::bilinear}).value(), Tensor<double>({1, 1, 4, 1}, {0, 1, 3, 4})));
  CHECK(equal(resize(x, {1, 3}, {.mode = ResizeMode::bilinear, .align_corners = true}).value(),
              Tensor<double>({1, 1, 3, 1}, {0, 2, 4})));
  CHECK(equal(resize(x, {1, 4}).value(), Tensor<double>({1, 1, 4, 1}, {0, 0, 4, 4})));
}
