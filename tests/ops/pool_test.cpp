/// Records of pooling, and PyTorch's rules at ties, NaN, borders and overhangs.
#include "records.hpp"

#include <kashi/ops/pool.hpp>

using namespace records;

namespace {

const bool registered = add(
    {.title = "Pooling",
     .header = "pool.hpp",
     .operations = {
         {.signature = "max_pool2d(x, {.kernel = 2, .stride = kernel, .padding = 0, .dilation = 1, .ceil_mode = false})",
          .summary = "largest element of each window; the gradient goes to the first of equals; NaN wins",
          .samples = {{"plain", {normal({2, 4, 6, 3})}, [](const auto& x) { return max_pool2d(x[0]); }},
                      {"overlapping, padded", {normal({2, 5, 6, 2})}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); }},
                      {"dilated, uneven", {normal({1, 7, 8, 2})}, [](const auto& x) { return max_pool2d(x[0], {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0, 0, 2}, .dilation = 2}); }},
                      {"ceil", {normal({1, 5, 4, 1})}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 2, .stride = 2, .ceil_mode = true}); }},
                      {"large", {normal({3, 20, 21, 70})}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 3, .stride = 2}); }, {}, false}},
          .errors = {{{{2, 3}}, [](const auto& x) { return max_pool2d(x[0]); }, "max_pool2d: images [N,H,W,C] are needed; got [2,3]"},
                     {{{1, 4, 4, 1}}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 2, .padding = 2}); }, "max_pool2d: padding must be at most half of the kernel; padding 2, kernel 2"},
                     {{{1, 2, 2, 1}}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 3}); }, "max_pool2d: the window 3x3 exceeds the padded input 2x2; input [1,2,2,1]"},
                     {{{1, 1, 1, 1}}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 2, .stride = 1, .padding = 2, .dilation = 3}); }, "max_pool2d: a window holds padding only; input [1,1,1,1]"}}},
         {.signature = "avg_pool2d(x, {.kernel = 2, .stride = kernel, .padding = 0, .ceil_mode = false, .count_include_pad = true, .divisor_override = 0})",
          .summary = "mean of each window",
          .samples = {{"plain", {normal({2, 4, 6, 3})}, [](const auto& x) { return avg_pool2d(x[0]); }},
                      {"padded, counted", {normal({1, 5, 6, 2})}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = {1, 0, 1, 1}}); }},
                      {"padded, not counted, ceil", {normal({1, 5, 6, 2})}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}); }},
                      {"divisor", {normal({1, 4, 4, 1})}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = 2, .divisor_override = 3}); }},
                      {"large", {normal({3, 20, 21, 70})}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2}); }, {}, false}},
          .errors = {{{{1, 4, 4, 1}}, [](const auto& x) { return avg_pool2d(x[0], {.divisor_override = -1}); }, "avg_pool2d: divisor_override can't be negative; got -1"}, {{{4, 4}}, [](const auto& x) { return avg_pool2d(x[0]); }, "avg_pool2d: images [N,H,W,C] are needed; got [4,4]"}}},
         {.signature = "adaptive_avg_pool2d(x, {height, width})",
          .summary = "mean over windows that divide the image into height x width parts",
          .samples = {{"uneven", {normal({2, 5, 7, 2})}, [](const auto& x) { return adaptive_avg_pool2d(x[0], {2, 3}); }}, {"larger", {normal({1, 2, 2, 1})}, [](const auto& x) { return adaptive_avg_pool2d(x[0], {3, 5}); }}},
          .errors = {{{{1, 4, 4, 1}}, [](const auto& x) { return adaptive_avg_pool2d(x[0], {0, 1}); }, "adaptive_avg_pool2d: the output size must be positive; got 0x1"}}},
         {.signature = "adaptive_max_pool2d(x, {height, width})",
          .summary = "largest element over windows that divide the image into height x width parts",
          .samples = {{"uneven", {normal({2, 5, 7, 2})}, [](const auto& x) { return adaptive_max_pool2d(x[0], {2, 3}); }}},
          .errors = {{{{1, 0, 4, 1}}, [](const auto& x) { return adaptive_max_pool2d(x[0], 1); }, "adaptive_max_pool2d: images can't be empty; got [1,0,4,1]"}}},
         {.signature = "global_avg_pool2d(x)",
          .summary = "mean over all pixels: [N,H,W,C] -> [N,C]",
          .samples = {{"images", {normal({2, 3, 4, 2})}, [](const auto& x) { return global_avg_pool2d(x[0]); }}},
          .errors = {{{{4, 4}}, [](const auto& x) { return global_avg_pool2d(x[0]); }, "global_avg_pool2d: images [N,H,W,C] are needed; got [4,4]"}}},
         {.signature = "global_max_pool2d(x)",
          .summary = "largest element over all pixels: [N,H,W,C] -> [N,C]",
          .samples = {{"images", {normal({2, 3, 4, 2})}, [](const auto& x) { return global_max_pool2d(x[0]); }}},
          .errors = {{{{4, 4}}, [](const auto& x) { return global_max_pool2d(x[0]); }, "global_max_pool2d: images [N,H,W,C] are needed; got [4,4]"}}},
     }});

}  // namespace

TEST_CASE("the gradient of equal maxima goes to the first in row-major order") {
  const auto x = parameter(Tensor<double>::full({1, 2, 2, 1}, 3.0));
  sum(max_pool2d(x)).backward();
  CHECK(equal(x.grad(), Tensor<double>({1, 2, 2, 1}, {1, 0, 0, 0})));
  const auto z = parameter(Tensor<double>({1, 2, 2, 1}, {1, 5, 5, 5}));
  sum(global_max_pool2d(z)).backward();
  CHECK(equal(z.grad(), Tensor<double>({1, 2, 2, 1}, {0, 1, 0, 0})));
}

TEST_CASE("NaN wins a maximum, and padding never does") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto x = parameter(Tensor<double>({1, 2, 2, 1}, {1, nan, 7, 2}));
  CHECK(std::isnan(max_pool2d(x).value()(0, 0, 0, 0)));
  const auto low = parameter(Tensor<double>::full({1, 1, 1, 1}, -infinity));
  const auto y = max_pool2d(low, {.kernel = 3, .stride = 1, .padding = 1});
  CHECK(y.item() == -infinity);
  sum(y).backward();
  CHECK(low.grad().item() == 1.0);
}

TEST_CASE("averages divide by the padding if asked, never by what lies beyond it") {
  const Variable<double> x(Tensor<double>::ones({1, 3, 3, 1}));
  const AvgPool2dOptions options{.kernel = 2, .stride = 2, .padding = 1, .ceil_mode = true};
  const Tensor<double> counted = avg_pool2d(x, options).value();
  CHECK(equal(counted, Tensor<double>({1, 2, 2, 1}, {0.25, 0.5, 0.5, 1.0})));
  const Tensor<double> overhang = avg_pool2d(x, {.kernel = 2, .ceil_mode = true}).value();
  CHECK(equal(overhang, Tensor<double>::ones({1, 2, 2, 1})));
}
