// Output sizes, padding rules and messages of the geometry, checked against counting windows one by one.
#include <catch2/catch.hpp>

#include <kashi/kernels/pool_geometry.hpp>

using namespace kashi;
using kernels::ConvOptions;
using kernels::ConvTransposeOptions;
using kernels::PoolOptions;

namespace {

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// How many windows fit, found by trying one after the other.
Index counted_windows(Index input, Index kernel, Index stride, Index dilation, kernels::PaddingPair padding) {
  Index count = 0;
  while (count * stride + dilation * (kernel - 1) < input + padding.begin + padding.end) ++count;
  return count;
}

}  // namespace

TEST_CASE("convolution output sizes equal the number of windows that fit") {
  for (Index input = 1; input <= 9; ++input)
    for (Index kernel = 1; kernel <= 5; ++kernel)
      for (Index stride = 1; stride <= 3; ++stride)
        for (Index dilation = 1; dilation <= 3; ++dilation)
          for (Index begin = 0; begin <= 3; ++begin)
            for (Index end = 0; end <= 2; ++end) {
              const kernels::PaddingPair padding{begin, end};
              REQUIRE(kernels::conv_output_size(input, kernel, stride, dilation, padding) ==
                      counted_windows(input, kernel, stride, dilation, padding));
            }
}

TEST_CASE("same padding keeps the size at stride 1 and rounds up with a stride, the odd one at the end") {
  for (Index size = 1; size <= 12; ++size)
    for (Index kernel = 1; kernel <= 5; ++kernel)
      for (Index stride = 1; stride <= 4; ++stride) {
        const auto g = kernels::conv2d_geometry("conv2d", {1, size, size, 2}, {3, kernel, kernel, 2},
                                                {.stride = stride, .padding = kernels::same});
        REQUIRE(g.out_height == (size + stride - 1) / stride);
        REQUIRE(g.pad_bottom - g.pad_top >= 0);
        REQUIRE(g.pad_bottom - g.pad_top <= 1);
        if (stride == 1) {
          REQUIRE(g.pad_top + g.pad_bottom == kernel - 1);
        }
      }
  const auto tensorflow =
      kernels::conv2d_geometry("conv2d", {1, 32, 32, 3}, {8, 3, 3, 3}, {.stride = 2, .padding = kernels::same});
  CHECK(tensorflow.pad_top == 0);
  CHECK(tensorflow.pad_bottom == 1);
}

TEST_CASE("a transposed convolution is described by the convolution that maps its output to its input") {
  for (Index size = 1; size <= 6; ++size)
    for (Index kernel = 1; kernel <= 4; ++kernel)
      for (Index stride = 1; stride <= 3; ++stride)
        for (Index dilation = 1; dilation <= 3; ++dilation)
          for (Index padding = 0; padding <= 2; ++padding)
            for (Index extra = 0; extra < stride; ++extra) {
              const Index expected = (size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + extra;
              if (expected < 1) continue;
              const ConvTransposeOptions options{
                  .stride = stride, .padding = padding, .output_padding = extra, .dilation = dilation};
              const auto g = kernels::conv_transpose2d_geometry("conv_transpose2d", {2, size, size, 4},
                                                                {4, kernel, kernel, 3}, options);
              REQUIRE(g.input_sizes() == kernels::Sizes4{2, expected, expected, 3});
              REQUIRE(g.output_sizes() == kernels::Sizes4{2, size, size, 4});
              REQUIRE(kernels::conv2d_geometry("conv2d", g.input_sizes(), g.weight_sizes(),
                                               {.stride = stride, .padding = padding, .dilation = dilation}) == g);
            }
  const auto doubled = kernels::conv_transpose2d_geometry("conv_transpose2d", {1, 5, 7, 4}, {4, 3, 3, 3},
                                                          {.stride = 2, .padding = kernels::same});
  CHECK(doubled.input_sizes() == kernels::Sizes4{1, 10, 14, 3});
}

TEST_CASE("padding is written as one number, two, or four") {
  const auto geometry = [](kernels::Padding padding) {
    return kernels::conv2d_geometry("conv2d", {1, 9, 9, 1}, {1, 3, 3, 1}, {.padding = padding});
  };
  CHECK(geometry(1).out_height == 9);
  const auto two = geometry({1, 2});
  CHECK((two.pad_top == 1 && two.pad_bottom == 1 && two.pad_left == 2 && two.pad_right == 2));
  const auto four = geometry({1, 2, 3, 4});
  CHECK((four.pad_top == 1 && four.pad_bottom == 2 && four.pad_left == 3 && four.pad_right == 4));
  CHECK(geometry(kernels::valid).out_width == 7);
}

TEST_CASE("pooling in ceil mode drops a last window that starts in the padding") {
  const auto size = [](Index input, Index kernel, Index stride, Index padding, bool ceil_mode) {
    return kernels::pool2d_geometry("max_pool2d", {1, input, input, 1},
                                    {.kernel = kernel, .stride = stride, .padding = padding, .ceil_mode = ceil_mode})
        .out_height;
  };
  CHECK(size(5, 2, 2, 0, false) == 2);
  CHECK(size(5, 2, 2, 0, true) == 3);
  CHECK(size(7, 3, 2, 1, false) == 4);
  CHECK(size(5, 2, 3, 1, true) == 2);  // a third window would start at 5, in the padding
  CHECK(kernels::pool2d_geometry("max_pool2d", {1, 6, 6, 1}, {.kernel = 3}).stride == kernels::Pair(3));
}

TEST_CASE("clipped windows hold exactly the taps inside the image") {
  for (Index input = 1; input <= 7; ++input)
    for (Index output = 0; output <= 6; ++output)
      for (Index dilation = 1; dilation <= 3; ++dilation) {
        const auto taps = kernels::window_taps(output * 2 - 3, 4, dilation, input);
        for (Index tap = 0; tap < 4; ++tap) {
          const Index position = output * 2 - 3 + tap * dilation;
          REQUIRE((position >= 0 && position < input) == (tap >= taps.first && tap < taps.last));
        }
      }
}

TEST_CASE("geometry names the rule and what came") {
  const auto conv = [](kernels::Sizes4 input, kernels::Sizes4 weight, ConvOptions options = {}) {
    return error_of([&] { kernels::conv2d_geometry("conv2d", input, weight, options); });
  };
  CHECK(conv({8, 32, 32, 4}, {32, 3, 3, 3}) ==
        "conv2d: input channels 4 differ from the weight's 3; input [8,32,32,4], weight [32,3,3,3]");
  CHECK(conv({2, 9, 9, 6}, {8, 3, 3, 2}, {.groups = 4}) ==
        "conv2d: input channels 6 not divisible by groups 4; input [2,9,9,6], weight [8,3,3,2]");
  CHECK(conv({2, 9, 9, 6}, {7, 3, 3, 3}, {.groups = 2}) ==
        "conv2d: output channels 7 not divisible by groups 2; input [2,9,9,6], weight [7,3,3,3]");
  CHECK(conv({1, 3, 3, 1}, {1, 5, 5, 1}) ==
        "conv2d: the kernel's extent 5x5 exceeds the padded input 3x3; input [1,3,3,1], weight [1,5,5,1]");
  CHECK(conv({1, 3, 3, 1}, {1, 3, 3, 1}, {.stride = 0}) == "conv2d: stride must be positive; got 0x0");
  CHECK(conv({1, 3, 3, 1}, {1, 3, 3, 1}, {.padding = {0, -1}}) == "conv2d: padding must be zero or more; got [0,-1]");
  CHECK(conv({1, 3, 3, 1}, {1, 3, 3, 1}, {.groups = 0}) == "conv2d: groups must be positive; got 0");
  CHECK(conv({1, 0, 3, 1}, {1, 3, 3, 1}) == "conv2d: height, width and channels must be positive; input [1,0,3,1]");
  CHECK(conv({Index{1} << 40, 1 << 20, 1 << 20, 1}, {1, 3, 3, 1}) ==
        "conv2d: the input [1099511627776,1048576,1048576,1] has too many elements");
  CHECK(conv({1, 1 << 30, 1 << 30, 1}, {1, 3, 3, 1}, {.padding = Index{1} << 30}) ==
        "conv2d: the input [1,1073741824,1073741824,1] has too many elements");
  CHECK(error_of([] {
          kernels::conv_transpose2d_geometry("conv_transpose2d", {1, 4, 4, 2}, {2, 3, 3, 1},
                                             {.stride = 2, .output_padding = 2});
        }) ==
        "conv_transpose2d: output padding 2x2 must be smaller than the stride or the dilation; stride 2x2, "
        "dilation 1x1");
  CHECK(error_of([] {
          kernels::pool2d_geometry("max_pool2d", {1, 4, 4, 2}, {.kernel = 2, .padding = 2});
        }) == "max_pool2d: padding must be at most half of the kernel; padding 2, kernel 2");
}

TEST_CASE("an empty batch is a valid geometry") {
  const auto g = kernels::conv2d_geometry("conv2d", {0, 4, 4, 2}, {3, 3, 3, 2});
  CHECK(g.output_sizes() == kernels::Sizes4{0, 2, 2, 3});
  CHECK(g.output_numel() == 0);
}
