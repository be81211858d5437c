/// Records of convolution and matrix products, in one file since their kernels take long to compile. Every combination
/// of a convolution's options stands in conv_matrix_test.cpp.
#include <atomic>
#include <thread>

#include "golden_case.hpp"

#include <kashi/ops/conv.hpp>
#include <kashi/ops/linear.hpp>

using namespace records;

namespace {

const bool
    registered = add({.title = "Convolution",
                      .header = "conv.hpp",
                      .operations = {
                          {.signature =
                               "conv2d(x, weight, bias, {.stride = 1, .padding = 0, .dilation = 1, .groups = 1})",
                           .summary = "cross-correlation of x [N,H,W,C] with weight [O,KH,KW,C/groups], plus bias [O] "
                                      "if given",
                           .samples = {{"plain",
                                        {normal({2, 4, 5, 2}), normal({3, 3, 3, 2}, 2), normal({3}, 3)},
                                        [](const auto& x) { return conv2d(x[0], x[1], x[2]); }},
                                       {"all options",
                                        {normal({1, 7, 6, 4}), normal({6, 2, 3, 2}, 2)},
                                        [](const auto& x) {
                                          return conv2d(x[0], x[1],
                                                        {.stride = {2, 1},
                                                         .padding = {1, 0, 2, 1},
                                                         .dilation = {1, 2},
                                                         .groups = 2});
                                        }},
                                       {"depthwise, same",
                                        {normal({1, 5, 5, 3}), normal({3, 3, 3, 1}, 2), normal({3}, 3)},
                                        [](const auto& x) {
                                          return conv2d(x[0], x[1], x[2], {.padding = kernels::same, .groups = 3});
                                        }},
                                       {"large",
                                        {normal({2, 20, 21, 16}), normal({32, 3, 3, 16}, 2), normal({32}, 3)},
                                        [](const auto& x) { return conv2d(x[0], x[1], x[2], {.padding = 1}); },
                                        {},
                                        false}},
                           .errors = {{{{8, 32, 32, 4}, {32, 3, 3, 3}},
                                       [](const auto& x) { return conv2d(x[0], x[1]); },
                                       "conv2d: input channels 4 differ from the weight's 3; input [8,32,32,4], weight "
                                       "[32,3,3,3]"},
                                      {{{2, 9, 9, 6}, {8, 3, 3, 2}},
                                       [](const auto& x) { return conv2d(x[0], x[1], {.groups = 4}); },
                                       "conv2d: input channels 6 not divisible by groups 4; input [2,9,9,6], weight "
                                       "[8,3,3,2]"},
                                      {{{9, 9, 6}, {8, 3, 3, 6}},
                                       [](const auto& x) { return conv2d(x[0], x[1]); },
                                       "conv2d: the input must have 4 axes; got [9,9,6]"},
                                      {{{1, 2, 2, 1}, {1, 3, 3, 1}},
                                       [](const auto& x) { return conv2d(x[0], x[1]); },
                                       "conv2d: the kernel's extent 3x3 exceeds the padded input 2x2; input [1,2,2,1], "
                                       "weight [1,3,3,1]"},
                                      {{{1, 4, 4, 1}, {2, 3, 3, 1}, {3}},
                                       [](const auto& x) { return conv2d(x[0], x[1], x[2]); },
                                       "conv2d: the bias must have shape [2]; got [3]"},
                                      {{{1, 4, 4, 1}, {2, 3, 3, 1}},
                                       [](const auto& x) { return conv2d(x[0], x[1], {.stride = 0}); },
                                       "conv2d: stride must be positive; got 0x0"}}},
                          {.signature = "conv_transpose2d(x, weight, bias, {.stride = 1, .padding = 0, .output_padding "
                                        "= 0, .groups = 1, .dilation = 1})",
                           .summary = "transposed convolution of x [N,H,W,I] with weight [I,KH,KW,O/groups], plus bias "
                                      "[O] if given",
                           .samples = {{"twice as large",
                                        {normal({1, 3, 4, 3}), normal({3, 2, 2, 2}, 2), normal({2}, 3)},
                                        [](const auto& x) {
                                          return conv_transpose2d(x[0], x[1], x[2], {.stride = 2});
                                        }},
                                       {"all options",
                                        {normal({2, 3, 3, 4}), normal({4, 3, 2, 1}, 2)},
                                        [](const auto& x) {
                                          return conv_transpose2d(x[0], x[1],
                                                                  {.stride = {2, 3},
                                                                   .padding = {1, 0, 0, 1},
                                                                   .output_padding = 1,
                                                                   .groups = 2,
                                                                   .dilation = {2, 1}});
                                        }},
                                       {"large",
                                        {normal({2, 11, 12, 16}), normal({16, 3, 3, 16}, 2)},
                                        [](const auto& x) {
                                          return conv_transpose2d(x[0], x[1], {.stride = 2, .padding = 1});
                                        },
                                        {},
                                        false}},
                           .errors = {{{{1, 3, 3, 4}, {3, 2, 2, 2}},
                                       [](const auto& x) { return conv_transpose2d(x[0], x[1]); },
                                       "conv_transpose2d: input channels 4 differ from the weight's 3; input "
                                       "[1,3,3,4], weight [3,2,2,2]"}}},
                      }});

const bool registered_products = add(
    {.title = "Matrix products",
     .header = "linear.hpp",
     .operations = {
         {.signature = "matmul(a, b, {.transpose_a = false, .transpose_b = false})",
          .summary = "matrix product [m,k] x [k,n] -> [m,n]",
          .samples = {{"plain", {normal({3, 4}), normal({4, 2}, 2)}, [](const auto& x) { return matmul(x[0], x[1]); }},
                      {"a transposed",
                       {normal({4, 3}), normal({4, 2}, 2)},
                       [](const auto& x) { return matmul(x[0], x[1], {.transpose_a = true}); }},
                      {"b transposed",
                       {normal({3, 4}), normal({2, 4}, 2)},
                       [](const auto& x) { return matmul(x[0], x[1], {.transpose_b = true}); }},
                      {"both transposed",
                       {normal({4, 3}), normal({2, 4}, 2)},
                       [](const auto& x) {
                         return matmul(x[0], x[1], {true, true});
                       }},
                      {"large",
                       {normal({130, 150}), normal({150, 140}, 2)},
                       [](const auto& x) { return matmul(x[0], x[1]); },
                       {},
                       false}},
          .errors = {{{{2, 3}, {2, 3}},
                      [](const auto& x) { return matmul(x[0], x[1]); },
                      "matmul: inner sizes 3 and 2 differ; got [2,3] and [2,3]"}}},
         {.signature = "linear(x, weight, bias)",
          .summary = "x [...,in] times weight [out,in] transposed, plus bias [out]",
          .samples = {{"bias",
                       {normal({3, 4}), normal({2, 4}, 2), normal({2}, 3)},
                       [](const auto& x) { return linear(x[0], x[1], x[2]); }},
                      {"rank 3, no bias",
                       {normal({2, 3, 4}), normal({2, 4}, 2)},
                       [](const auto& x) { return linear(x[0], x[1]); }},
                      {"rank 1", {normal({4}), normal({2, 4}, 2)}, [](const auto& x) { return linear(x[0], x[1]); }}},
          .errors = {{{{3, 4}, {2, 5}},
                      [](const auto& x) { return linear(x[0], x[1]); },
                      "linear: the input's last axis must have 5 features; input [3,4], weight [2,5]"},
                     {{{1, 2, 2, 4}, {2, 5}},
                      [](const auto& x) { return linear(x[0], x[1]); },
                      "linear: the input's last axis must have 5 features; input [1,2,2,4], weight [2,5] (flatten "
                      "images first)"},
                     {{{3, 4}, {4}},
                      [](const auto& x) { return linear(x[0], x[1]); },
                      "linear: the weight must be [out,in]; got [4]"},
                     {{{3, 4}, {2, 4}, {3}},
                      [](const auto& x) { return linear(x[0], x[1], x[2]); },
                      "linear: the bias must have shape [2]; got [3]"}}},
     }});

}  // namespace

TEST_CASE("a transposed convolution is the adjoint of the convolution") {
  const Variable<double> x(normal({2, 7, 6, 4})), w(normal({6, 3, 2, 2}, 2));
  const Conv2dOptions options{.stride = {2, 1}, .padding = {1, 2, 0, 1}, .groups = 2};
  const auto y = conv2d(x, w, options);
  const Variable<double> z(normal(y.shape(), 3));
  const auto back =
      conv_transpose2d(z, w, {.stride = {2, 1}, .padding = {1, 2, 0, 1}, .output_padding = {1, 0}, .groups = 2});
  REQUIRE(back.shape() == x.shape());
  const double forward = sum(y * z).item(), backward = sum(x * back).item();
  CHECK(std::abs(forward - backward) < 1e-11);
}

TEST_CASE("the number of threads may change while convolutions run") {
  const int before = num_threads();
  set_num_threads(1);
  random::Generator g(5);
  const Tensor<float> x = g.normal<float>({2, 12, 12, 24}), w = g.normal<float>({32, 3, 3, 24}),
                      stem = g.normal<float>({2, 16, 16, 3}), stem_w = g.normal<float>({16, 3, 3, 3}),
                      wide = g.normal<float>({2, 12, 12, 192}), wide_w = g.normal<float>({192, 1, 1, 192});
  const auto results = [&] {
    std::vector<Tensor<float>> out;
    for (const auto& [image, weight] : {std::pair{x, w}, {stem, stem_w}, {wide, wide_w}}) {
      const Variable<float> input = parameter(image), factor = parameter(weight);
      const Variable<float> y = conv2d(input, factor, {.padding = weight.size(1) / 2});
      sum(mul(y, y)).backward();
      out.insert(out.end(), {y.value(), input.grad(), factor.grad()});
    }
    return out;
  };
  const auto expected = results();
  std::atomic<bool> done{false};
  std::thread changes([&] {
    for (int i = 0; !done; ++i) set_num_threads(1 + i % 5);
  });
  std::vector<std::vector<Tensor<float>>> found;
  for (int i = 0; i < 20; ++i) found.push_back(results());
  done = true;
  changes.join();
  set_num_threads(before);
  for (const auto& values : found)
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(equal(values[i], expected[i]));
}

TEST_CASE("an empty batch convolves to an empty batch with zero gradients") {
  const auto x = parameter(Tensor<float>::zeros({0, 5, 5, 2})), w = parameter(Tensor<float>::ones({3, 3, 3, 2}));
  const auto y = conv2d(x, w, {.padding = 1});
  CHECK(y.shape() == Shape{0, 5, 5, 3});
  sum(y).backward();
  CHECK(equal(w.grad(), Tensor<float>::zeros({3, 3, 3, 2})));
}

TEST_CASE("linear on an empty batch gives an empty batch and zero gradients") {
  const auto x = parameter(Tensor<double>::zeros({0, 3})), w = parameter(Tensor<double>::ones({2, 3})),
             b = parameter(Tensor<double>::ones({2}));
  const auto y = linear(x, w, b);
  CHECK(y.shape() == Shape{0, 2});
  sum(y).backward();
  CHECK(equal(w.grad(), Tensor<double>::zeros({2, 3})));
  CHECK(equal(b.grad(), Tensor<double>::zeros({2})));
}

TEST_CASE("convolutions and matrix products agree with PyTorch") {
  golden::check_all({
      {"conv", {{2, 5, 6, 3}, {4, 3, 3, 3}, {4}}, [](const auto& x) { return conv2d(x[0], x[1], x[2]); }},
      {"conv_stride",
       {{2, 7, 8, 3}, {2, 3, 2, 3}, {2}},
       [](const auto& x) {
         return conv2d(x[0], x[1], x[2], {.stride = {2, 3}, .padding = {1, 2}});
       }},
      {"conv_dilation",
       {{1, 7, 9, 2}, {3, 3, 3, 2}},
       [](const auto& x) {
         return conv2d(x[0], x[1], {.padding = 2, .dilation = {2, 3}});
       }},
      {"conv_groups",
       {{2, 5, 5, 4}, {6, 3, 3, 2}, {6}},
       [](const auto& x) { return conv2d(x[0], x[1], x[2], {.padding = 1, .groups = 2}); }},
      {"conv_depthwise",
       {{1, 6, 7, 4}, {8, 5, 5, 1}},
       [](const auto& x) { return conv2d(x[0], x[1], {.stride = 2, .padding = 2, .groups = 4}); }},
      {"conv_same",
       {{1, 5, 6, 2}, {2, 2, 4, 2}},
       [](const auto& x) {
         return conv2d(x[0], x[1], {.padding = kernels::same, .dilation = {1, 2}});
       }},
      {"conv_sides",
       {{1, 5, 6, 2}, {2, 3, 3, 2}},
       [](const auto& x) {
         return conv2d(x[0], x[1], {.stride = 2, .padding = {1, 0, 3, 2}});
       }},
      {"transpose",
       {{2, 3, 4, 3}, {3, 2, 2, 2}, {2}},
       [](const auto& x) { return conv_transpose2d(x[0], x[1], x[2], {.stride = 2}); }},
      {"transpose_all",
       {{1, 3, 4, 4}, {4, 3, 2, 3}},
       [](const auto& x) {
         return conv_transpose2d(
             x[0], x[1],
             {.stride = {3, 2}, .padding = {1, 0}, .output_padding = {2, 1}, .groups = 2, .dilation = {1, 2}});
       }},
      {"linear", {{3, 5}, {4, 5}, {4}}, [](const auto& x) { return linear(x[0], x[1], x[2]); }},
      {"matmul", {{3, 4}, {4, 5}}, [](const auto& x) { return matmul(x[0], x[1]); }},
  });
}
