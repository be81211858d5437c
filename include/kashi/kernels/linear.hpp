/// Products of matrices for linear layers, on the same register tiles as the convolutions: float and double.
///
/// x [rows, in], weight [out, in], y [rows, out]. Many rows are a 1x1 convolution; a few rows (inference) read the
/// weight in place, once for every four rows, since packing would cost more than the product.
#pragma once

#include <kashi/kernels/conv.hpp>

namespace kashi::inline v0::kernels {

/// The 1x1 convolution that a linear layer is.
inline ConvGeometry linear_geometry(Index rows, Index in, Index out) {
  ConvGeometry g;
  g.batch = rows;
  g.in_height = g.in_width = g.out_height = g.out_width = 1;
  g.in_channels = in;
  g.out_channels = out;
  return g;
}

namespace detail {

inline constexpr Index few_rows = 8;

/// y for up to four rows: lanes run along `in`, the weight's rows take the place of pixels.
template <class T>
void linear_four_rows(Index rows, Index in, Index out, const T* x, const T* weight, const T* bias, T* y, T* packed) {
  const DotKernels<T>& kernels = dots<T>();
  const Index lanes = kernels.lanes;
  for (Index k = 0; k < round_up(in, lanes); ++k) {
    for (Index r = 0; r < rows; ++r) {
      packed[(k / lanes * rows + r) * lanes + k % lanes] = k < in ? x[r * in + k] : T(0);
    }
  }
  const Index grain = std::max<Index>(24, (Index{1} << 16) / std::max<Index>(1, in));
  parallel_for(out, grain, [&](Index begin, Index end) {
    const Index start = 0;
    DotJob<T> job;
    job.in = weight + begin * in;
    job.pixel_step = in;
    job.depth = in;
    job.taps = 1;
    job.in_offsets = &start;
    job.weight_offsets = &start;
    job.weight = packed;
    job.out = y + begin;
    job.out_step = 1;
    job.channel_step = out;
    job.pixels = end - begin;
    kernels.row[rows - 1](job);
    if (bias == nullptr) return;
    for (Index r = 0; r < rows; ++r) {
      for (Index o = begin; o < end; ++o) y[r * out + o] += bias[o];
    }
  });
}

}  // namespace detail

/// False for a few rows, which read the weight where it lies.
inline bool linear_uses_packed_weights(Index rows) { return rows > detail::few_rows; }

/// Elements of scratch memory that linear_forward() needs.
template <class T>
Index linear_forward_workspace(Index rows, Index in, Index out) {
  if (rows <= detail::few_rows) return 4 * round_up(in, detail::dots<T>().lanes);
  return conv2d_forward_workspace<T>(linear_geometry(rows, in, out));
}

/// y = x * weight' + bias. `bias` [out] may be null.
template <class T>
void linear_forward(Index rows, Index in, Index out, const T* x, const T* weight, const T* bias, T* y, T* workspace) {
  if (rows > detail::few_rows) {
    return conv2d_forward(linear_geometry(rows, in, out), x, weight, bias, y, workspace);
  }
  for (Index r = 0; r < rows; r += 4) {
    detail::linear_four_rows(std::min<Index>(4, rows - r), in, out, x + r * in, weight, bias, y + r * out, workspace);
  }
}

/// Elements of scratch memory that linear_backward_data() needs.
template <class T>
Index linear_backward_data_workspace(Index rows, Index in, Index out) {
  return conv2d_backward_data_workspace<T>(linear_geometry(rows, in, out));
}

/// dx = dy * weight.
template <class T>
void linear_backward_data(Index rows, Index in, Index out, const T* dy, const T* weight, T* dx, T* workspace) {
  conv2d_backward_data(linear_geometry(rows, in, out), dy, weight, dx, workspace);
}

/// Elements of scratch memory that linear_backward_weight() needs.
template <class T>
Index linear_backward_weight_workspace(Index rows, Index in, Index out) {
  return conv2d_backward_weight_workspace<T>(linear_geometry(rows, in, out));
}

/// dweight = dy' * x.
template <class T>
void linear_backward_weight(Index rows, Index in, Index out, const T* x, const T* dy, T* dweight, T* workspace) {
  conv2d_backward_weight(linear_geometry(rows, in, out), x, dy, dweight, workspace);
}

}  // namespace kashi::inline v0::kernels
