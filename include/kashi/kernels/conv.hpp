/// Convolution on NHWC, forward and both backward passes, for float and double and any geometry.
///
/// x [N,H,W,C], weight [O,KH,KW,C/G], y [N,OH,OW,O]; pointers are dense and need no alignment. Scratch memory comes from
/// the caller: `conv2d_..._workspace<T>(geometry)` says how many elements; its content before and after means nothing.
/// Same bits for every thread count.
#pragma once

#include <algorithm>

#include <kashi/core/parallel.hpp>
#include <kashi/kernels/conv_geometry.hpp>

namespace kashi::inline v0::kernels {

namespace detail {

/// Input position of an output position and tap, or -1 outside of the image.
constexpr Index tap_position(Index output, Index tap, Index stride, Index dilation, Index pad, Index size) {
  const Index position = output * stride + tap * dilation - pad;
  return position >= 0 && position < size ? position : -1;
}

/// Calls f(tap, x pixel, y pixel) for every tap inside the image, for output rows [begin, end) of all images.
template <class F>
void for_each_tap(const ConvGeometry& g, Index begin, Index end, F&& f) {
  for (Index row = begin; row < end; ++row) {
    const Index image = row / g.out_height;
    for (Index kh = 0; kh < g.kernel.height; ++kh) {
      const Index h =
          tap_position(row % g.out_height, kh, g.stride.height, g.dilation.height, g.pad_top, g.in_height);
      if (h < 0) continue;
      for (Index ow = 0; ow < g.out_width; ++ow) {
        for (Index kw = 0; kw < g.kernel.width; ++kw) {
          const Index w = tap_position(ow, kw, g.stride.width, g.dilation.width, g.pad_left, g.in_width);
          if (w < 0) continue;
          f(kh * g.kernel.width + kw, (image * g.in_height + h) * g.in_width + w, row * g.out_width + ow);
        }
      }
    }
  }
}

}  // namespace detail

/// Elements of scratch memory that conv2d_forward() needs.
template <class T>
Index conv2d_forward_workspace(const ConvGeometry& g) {
  return g.weight_numel();
}

/// y = x * weight + bias. `bias` [O] may be null.
template <class T>
void conv2d_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias, T* y, T* workspace) {
  const Index depth = g.group_in_channels();
  const Index width = g.group_out_channels();
  for (Index o = 0; o < g.out_channels; ++o) {
    for (Index k = 0; k < g.taps() * depth; ++k) {
      workspace[(o / width * g.taps() * depth + k) * width + o % width] = weight[o * g.taps() * depth + k];
    }
  }
  parallel_for(g.batch * g.out_height, 1, [&](Index begin, Index end) {
    for (Index pixel = begin * g.out_width; pixel < end * g.out_width; ++pixel) {
      T* out = y + pixel * g.out_channels;
      for (Index o = 0; o < g.out_channels; ++o) out[o] = bias != nullptr ? bias[o] : T(0);
    }
    detail::for_each_tap(g, begin, end, [&](Index tap, Index in_pixel, Index out_pixel) {
      for (Index group = 0; group < g.groups; ++group) {
        const T* in = x + in_pixel * g.in_channels + group * depth;
        const T* packed = workspace + (group * g.taps() + tap) * depth * width;
        T* out = y + out_pixel * g.out_channels + group * width;
        for (Index c = 0; c < depth; ++c) {
          for (Index o = 0; o < width; ++o) out[o] += in[c] * packed[c * width + o];
        }
      }
    });
  });
}

/// Elements of scratch memory that conv2d_backward_data() needs.
template <class T>
Index conv2d_backward_data_workspace(const ConvGeometry&) {
  return 0;
}

/// dx = gradient of the input, overwritten; positions that no output reads get 0.
template <class T>
void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* weight, T* dx, T* /*workspace*/) {
  const Index depth = g.group_in_channels();
  const Index width = g.group_out_channels();
  const Index image = g.in_height * g.in_width * g.in_channels;
  parallel_for(g.batch, 1, [&](Index begin, Index end) {
    std::fill(dx + begin * image, dx + end * image, T(0));
    detail::for_each_tap(
        g, begin * g.out_height, end * g.out_height, [&](Index tap, Index in_pixel, Index out_pixel) {
          for (Index o = 0; o < g.out_channels; ++o) {
            const T factor = dy[out_pixel * g.out_channels + o];
            const T* w = weight + (o * g.taps() + tap) * depth;
            T* out = dx + in_pixel * g.in_channels + o / width * depth;
            for (Index c = 0; c < depth; ++c) out[c] += factor * w[c];
          }
        });
  });
}

/// Elements of scratch memory that conv2d_backward_weight() needs.
template <class T>
Index conv2d_backward_weight_workspace(const ConvGeometry&) {
  return 0;
}

/// dweight = gradient of the weight, overwritten.
template <class T>
void conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight, T* /*workspace*/) {
  const Index depth = g.group_in_channels();
  const Index width = g.group_out_channels();
  parallel_for(g.out_channels, 8, [&](Index first, Index last) {
    std::fill(dweight + first * g.taps() * depth, dweight + last * g.taps() * depth, T(0));
    detail::for_each_tap(g, 0, g.batch * g.out_height, [&](Index tap, Index in_pixel, Index out_pixel) {
      for (Index o = first; o < last; ++o) {
        const T factor = dy[out_pixel * g.out_channels + o];
        const T* in = x + in_pixel * g.in_channels + o / width * depth;
        T* out = dweight + (o * g.taps() + tap) * depth;
        for (Index c = 0; c < depth; ++c) out[c] += factor * in[c];
      }
    });
  });
}

/// sums [columns] = the sum over the rows of values [rows, columns]: the gradient of a bias.
template <class T>
void sum_rows(Index rows, Index columns, const T* values, T* sums) {
  std::fill(sums, sums + columns, T(0));
  for (Index row = 0; row < rows; ++row) {
    for (Index c = 0; c < columns; ++c) sums[c] += values[row * columns + c];
  }
}

}  // namespace kashi::inline v0::kernels
