/// Slow, obvious references of the kernels, and random problems on small integers (sums are exact, so results compare
/// with ==) or real numbers.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <kashi/kernels/pool_geometry.hpp>

namespace reference {

using kashi::Index;
using kashi::kernels::ConvGeometry;
using kashi::kernels::PoolGeometry;

/// Calls f(y index, x index, weight index) for every product of a convolution.
template <class F>
void for_each_product(const ConvGeometry& g, F&& f) {
  const Index depth = g.group_in_channels();
  for (Index n = 0; n < g.batch; ++n)
    for (Index oh = 0; oh < g.out_height; ++oh)
      for (Index ow = 0; ow < g.out_width; ++ow)
        for (Index o = 0; o < g.out_channels; ++o)
          for (Index kh = 0; kh < g.kernel.height; ++kh)
            for (Index kw = 0; kw < g.kernel.width; ++kw)
              for (Index c = 0; c < depth; ++c) {
                const Index h = oh * g.stride.height + kh * g.dilation.height - g.pad_top;
                const Index w = ow * g.stride.width + kw * g.dilation.width - g.pad_left;
                if (h < 0 || h >= g.in_height || w < 0 || w >= g.in_width) continue;
                const Index channel = o / g.group_out_channels() * depth + c;
                f(((n * g.out_height + oh) * g.out_width + ow) * g.out_channels + o,
                  ((n * g.in_height + h) * g.in_width + w) * g.in_channels + channel,
                  ((o * g.kernel.height + kh) * g.kernel.width + kw) * depth + c);
              }
}

template <class T>
using Values = std::vector<T>;

inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// Sums are taken in double.
template <class T>
Values<double> conv2d_forward(const ConvGeometry& g, const Values<T>& x, const Values<T>& weight,
                              const Values<T>& bias) {
  Values<double> y(at(g.output_numel()));
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = bias.empty() ? 0.0 : double(bias[i % bias.size()]);
  for_each_product(g, [&](Index iy, Index ix, Index iw) { y[at(iy)] += double(x[at(ix)]) * double(weight[at(iw)]); });
  return y;
}

template <class T>
Values<double> conv2d_backward_data(const ConvGeometry& g, const Values<T>& dy, const Values<T>& weight) {
  Values<double> dx(at(g.input_numel()));
  for_each_product(g, [&](Index iy, Index ix, Index iw) { dx[at(ix)] += double(dy[at(iy)]) * double(weight[at(iw)]); });
  return dx;
}

template <class T>
Values<double> conv2d_backward_weight(const ConvGeometry& g, const Values<T>& x, const Values<T>& dy) {
  Values<double> dw(at(g.weight_numel()));
  for_each_product(g, [&](Index iy, Index ix, Index iw) { dw[at(iw)] += double(dy[at(iy)]) * double(x[at(ix)]); });
  return dw;
}

/// Integers in [-3, 3].
template <class T>
Values<T> integers(Index count, std::mt19937& random) {
  std::uniform_int_distribution<int> draw(-3, 3);
  Values<T> values(at(count));
  for (T& value : values) value = static_cast<T>(draw(random));
  return values;
}

template <class T>
Values<T> normal(Index count, std::mt19937& random, double scale = 1.0) {
  std::normal_distribution<double> draw(0.0, scale);
  Values<T> values(at(count));
  for (T& value : values) value = static_cast<T>(draw(random));
  return values;
}

/// |a - b| / |b| in the L2 norm.
template <class T>
double relative_error(const Values<T>& got, const Values<double>& expected) {
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = double(got[i]) - expected[i];
    error += difference * difference;
    size += expected[i] * expected[i];
  }
  return std::sqrt(error / (size + 1e-300));
}

/// Number of elements that differ.
template <class T>
Index mismatches(const Values<T>& got, const Values<double>& expected) {
  Index count = got.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size() && i < got.size(); ++i) count += double(got[i]) != expected[i];
  return count;
}

/// A string that a person can read and put into tests/cases: `n2 h9 w11 c4 o8 kh3 kw3 ...`.
inline std::string describe(const ConvGeometry& g) {
  return kashi::text("n", g.batch, " h", g.in_height, " w", g.in_width, " c", g.in_channels, " o", g.out_channels,
                     " kh", g.kernel.height, " kw", g.kernel.width, " sh", g.stride.height, " sw", g.stride.width,
                     " pt", g.pad_top, " pb", g.pad_bottom, " pl", g.pad_left, " pr", g.pad_right, " dh",
                     g.dilation.height, " dw", g.dilation.width, " g", g.groups);
}

/// A random geometry that exists; channels are drawn to reach every route.
inline ConvGeometry random_geometry(std::mt19937& random) {
  const auto draw = [&](Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(random); };
  for (;;) {
    const Index groups_kind = draw(0, 7);
    Index groups = 1;
    Index depth = draw(0, 2) == 0 ? draw(1, 5) : draw(1, 40);
    Index width = draw(0, 2) == 0 ? draw(1, 5) : draw(1, 40);
    if (groups_kind == 0) {
      groups = draw(2, 4);
    } else if (groups_kind == 1) {
      groups = draw(1, 40);
      depth = 1;
      width = draw(0, 3) == 0 ? 2 : 1;
    } else if (groups_kind == 2) {
      groups = draw(1, 12);
      depth = width = 4;
    }
    const Index kind = draw(0, 3);
    const kashi::kernels::Pair kernel(kind == 0 ? 3 : draw(1, 5), kind == 0 ? 3 : draw(1, 5));
    kashi::kernels::ConvOptions options;
    options.groups = groups;
    if (kind == 0) {
      options.padding = {draw(0, 2), draw(0, 2), draw(0, 2), draw(0, 2)};
    } else if (kind == 1) {
      options.padding = draw(0, 1) == 0 ? kashi::kernels::same : kashi::kernels::Padding(draw(0, 3));
      options.stride = draw(1, 3);
    } else {
      options.padding = {draw(0, 6), draw(0, 6), draw(0, 6), draw(0, 6)};
      options.stride = {draw(1, 3), draw(1, 3)};
      options.dilation = {draw(1, 3), draw(1, 3)};
    }
    try {
      const ConvGeometry g =
          kashi::kernels::conv2d_geometry("conv2d", {draw(0, 3), draw(1, 14), draw(1, 14), groups * depth},
                                          {groups * width, kernel.height, kernel.width, depth}, options);
      if (g.macs() < 200'000) return g;  // the reference is slow
    } catch (const kashi::ShapeError&) {
      continue;  // the kernel does not fit: draw again
    }
  }
}

}  // namespace reference
