/// Every combination of a convolution's options: stride, dilation, groups, four-sided padding, kernel.
///
/// A convolution is linear in x and in w, so its three passes are right together if
/// <conv(x, w), y> = <x, backward_data(y, w)> = <w, backward_weight(x, y)> for random x, w, y, and the forward pass
/// agrees with seven plain loops on small integers, where sums are exact. The transposed convolution's passes are these
/// three in other roles. A thinned set goes through finite differences as well.
#include <catch2/catch.hpp>

#include <cstdio>
#include <vector>

#include <kashi/autograd/grad_check.hpp>
#include <kashi/ops/conv.hpp>

using namespace kashi;

namespace {

struct Problem {
  Index batch, height, width, channels, out_channels;
  kernels::Pair kernel;
  Conv2dOptions options;

  Shape input() const { return {batch, height, width, channels}; }
  Shape weight() const { return {out_channels, kernel.height, kernel.width, channels / options.groups}; }
  /// A line that tells which one failed.
  std::string to_string() const {
    return text("n", batch, " h", height, " w", width, " c", channels, " o", out_channels, " k", kernel.to_string(),
                " s", options.stride.to_string(), " p", options.padding.to_string(), " d", options.dilation.to_string(),
                " g", options.groups);
  }
};

/// The full product; sizes vary with the position so that rows are left over, and height and width differ.
template <class F>
Index for_each_problem(F&& f) {
  const std::vector<kernels::Padding> paddings{
      0, 1, {2, 0, 1, 3}, {0, 7, 6, 1}, kernels::same};  // the fourth is larger than any kernel
  const std::vector<kernels::Pair> kernels_sizes{1, 2, 3, 5, {3, 1}, {2, 5}};
  Index count = 0;
  for (const Index stride : {1, 2, 3})
    for (const Index dilation : {1, 2, 3})
      for (const Index groups : {1, 2, 4})  // of 4 channels: 4 is depthwise
        for (const auto& padding : paddings)
          for (const auto& kernel : kernels_sizes) {
            Problem p{.batch = 1 + count % 2,
                      .height = 13 + count % 3,
                      .width = 16 - count % 4,
                      .channels = 4,
                      .out_channels = groups == 2 ? 6 : 4,
                      .kernel = kernel,
                      .options = {.stride = {stride, 1 + (stride + count) % 3},
                                  .padding = padding,
                                  .dilation = {dilation, 1 + (dilation + count) % 3},
                                  .groups = groups}};
            if (count % 2 == 0) p.options.stride = stride, p.options.dilation = dilation;
            f(p, count++);
          }
  return count;
}

template <class T>
Tensor<T> integers(const Shape& shape, std::uint64_t seed) {
  return map(random::Generator(seed).uniform<T>(shape, -4, 5), [](T v) { return std::floor(v); });
}

/// y[n,oh,ow,o] = sum of x[n, oh s + kh d - p, ...] w[o,kh,kw,c], written out.
Tensor<double> plain_loops(const Problem& p, const Tensor<double>& x, const Tensor<double>& w, const Shape& output) {
  const auto& [stride, padding, dilation, groups] = p.options;
  const Index top = padding.rows(p.height, p.kernel.height, stride.height, dilation.height).begin;
  const Index left = padding.columns(p.width, p.kernel.width, stride.width, dilation.width).begin;
  const Index depth = p.channels / groups, out_depth = p.out_channels / groups;
  Tensor<double> y = Tensor<double>::zeros(output);
  for (Index n = 0; n < output[0]; ++n)
    for (Index oh = 0; oh < output[1]; ++oh)
      for (Index ow = 0; ow < output[2]; ++ow)
        for (Index o = 0; o < output[3]; ++o) {
          double total = 0.0;
          for (Index kh = 0; kh < p.kernel.height; ++kh)
            for (Index kw = 0; kw < p.kernel.width; ++kw) {
              const Index h = oh * stride.height + kh * dilation.height - top,
                          v = ow * stride.width + kw * dilation.width - left;
              if (h < 0 || h >= p.height || v < 0 || v >= p.width) continue;
              const double* pixel = x.data() + ((n * p.height + h) * p.width + v) * p.channels + o / out_depth * depth;
              const double* tap = w.data() + ((o * p.kernel.height + kh) * p.kernel.width + kw) * depth;
              for (Index c = 0; c < depth; ++c) total += pixel[c] * tap[c];
            }
          y.mutable_data()[((n * output[1] + oh) * output[2] + ow) * output[3] + o] = total;
        }
  return y;
}

double dot(const Tensor<double>& a, const Tensor<double>& b) { return sum(a * b).item(); }

}  // namespace

TEST_CASE("forward and both backward passes are adjoint for every combination of options") {
  const Index count = for_each_problem([](const Problem& p, Index) {
    INFO(p.to_string());
    const auto x = parameter(integers<double>(p.input(), 1)), w = parameter(integers<double>(p.weight(), 2));
    const auto y = conv2d(x, w, p.options);
    const Tensor<double> z = integers<double>(y.shape(), 3);
    REQUIRE(equal(y.value(), plain_loops(p, x.value(), w.value(), y.shape())));
    const auto gradients = grad<double>({y}, {x, w}, {}, {z});
    const double forward = dot(y.value(), z);
    REQUIRE(dot(x.value(), gradients[0].value()) == forward);
    REQUIRE(dot(w.value(), gradients[1].value()) == forward);
    // One number each does not see a swap, so the data gradient is tried against another input too.
    const Tensor<double> other = integers<double>(p.input(), 4);
    REQUIRE(dot(other, gradients[0].value()) == dot(conv2d(other, w.value(), p.options).value(), z));
    const Tensor<double> other_weight = integers<double>(p.weight(), 5);
    REQUIRE(dot(other_weight, gradients[1].value()) == dot(conv2d(x.value(), other_weight, p.options).value(), z));
  });
  std::printf("conv2d: %lld combinations of stride, dilation, groups, padding and kernel, all exact\n",
              static_cast<long long>(count));
}

TEST_CASE("float passes are exact on small integers for every combination of options") {
  for_each_problem([](const Problem& p, Index) {
    INFO(p.to_string());
    const auto x = integers<double>(p.input(), 1), w = integers<double>(p.weight(), 2);
    const auto xf = parameter(x.to<float>()), wf = parameter(w.to<float>());
    const auto xd = parameter(x), wd = parameter(w);
    const auto yf = conv2d(xf, wf, p.options);
    const auto yd = conv2d(xd, wd, p.options);
    const Tensor<double> z = integers<double>(yd.shape(), 3);
    const auto gf = grad<float>({yf}, {xf, wf}, {}, {z.to<float>()});
    const auto gd = grad<double>({yd}, {xd, wd}, {}, {z});
    const bool is_exact = p.kernel != kernels::Pair(3);  // Winograd rounds
    const double tolerance = is_exact ? 0.0 : 1e-3;
    REQUIRE(allclose(yf.value().to<double>(), yd.value(), 0, tolerance));
    REQUIRE(allclose(gf[0].value().to<double>(), gd[0].value(), 0, tolerance));
    REQUIRE(allclose(gf[1].value().to<double>(), gd[1].value(), 0, tolerance));
  });
}

TEST_CASE("transposed convolutions are adjoint for every combination of options") {
  Index count = 0;
  for_each_problem([&](const Problem& p, Index) {
    if (p.options.padding == kernels::same) return;  // its sizes follow another rule
    const ConvTranspose2dOptions options{.stride = p.options.stride,
                                         .padding = p.options.padding,
                                         .groups = p.options.groups,
                                         .dilation = p.options.dilation};
    // The convolution's weight [O,KH,KW,C/G] is the transposed one's [I,KH,KW,O/G] with the channels' roles exchanged.
    const Shape input{p.batch, 6, 7, p.out_channels};
    INFO(p.to_string());
    const Index height = 5 * p.options.stride.height + p.options.dilation.height * (p.kernel.height - 1) + 1 -
                         p.options.padding.rows(1, 1, 1, 1).begin - p.options.padding.rows(1, 1, 1, 1).end;
    const Index width = 6 * p.options.stride.width + p.options.dilation.width * (p.kernel.width - 1) + 1 -
                        p.options.padding.columns(1, 1, 1, 1).begin - p.options.padding.columns(1, 1, 1, 1).end;
    if (height < 1 || width < 1) {
      CHECK_THROWS_AS(conv_transpose2d(Tensor<double>::ones(input), Tensor<double>::ones(p.weight()), options),
                      ShapeError);
      return;
    }
    ++count;
    const auto x = parameter(integers<double>(input, 1)), w = parameter(integers<double>(p.weight(), 2));
    const auto y = conv_transpose2d(x, w, options);
    REQUIRE(y.shape() == Shape{p.batch, height, width, p.channels});
    const Tensor<double> z = integers<double>(y.shape(), 3);
    const auto gradients = grad<double>({y}, {x, w}, {}, {z});
    REQUIRE(equal(gradients[0].value(), conv2d(z, w.value(), p.options).value()));
    const double forward = dot(y.value(), z);
    REQUIRE(dot(x.value(), gradients[0].value()) == forward);
    REQUIRE(dot(w.value(), gradients[1].value()) == forward);
  });
  CHECK(count > 300);
  std::printf("conv_transpose2d: %lld combinations, all exact\n", static_cast<long long>(count));
}

TEST_CASE("finite differences agree on a thinned set of combinations, transposed ones and second derivatives too") {
  Index checked = 0;
  for_each_problem([&](const Problem& p, Index position) {
    if (position % 37 != 0) return;
    INFO(p.to_string());
    Problem small = p;
    small.height = 9, small.width = 8, small.batch = 1;
    // Wide windows need the larger image.
    const bool fits = kernels::effective_kernel(p.kernel.height, p.options.dilation.height) <= 9 &&
                      kernels::effective_kernel(p.kernel.width, p.options.dilation.width) <= 8;
    const Problem& q = fits ? small : p;
    random::Generator generator(static_cast<std::uint64_t>(position) + 1);
    const auto x = generator.normal<double>(q.input()), w = generator.normal<double>(q.weight()),
               b = generator.normal<double>({q.out_channels});
    const auto result =
        grad_check([&](const auto& u, const auto& v, const auto& bias) { return conv2d(u, v, bias, q.options); },
                   {x, w, b}, {.order = 2, .directions = 1});
    INFO(result.to_string());
    CHECK(result.passed);
    ++checked;
    if (q.options.padding == kernels::same || q.options.padding.largest() > 1) return;
    const auto y = generator.normal<double>({1, 4, 5, q.out_channels});
    const auto back = grad_check(
        [&](const auto& u, const auto& v) {
          return conv_transpose2d(u, v,
                                  {.stride = q.options.stride,
                                   .padding = q.options.padding,
                                   .groups = q.options.groups,
                                   .dilation = q.options.dilation});
        },
        {y, w}, {.order = 2, .directions = 1});
    INFO(back.to_string());
    CHECK(back.passed);
  });
  std::printf("convolutions against finite differences: %lld\n", static_cast<long long>(checked));
}
