/// How many multiplications and additions a layer takes, by the conventions of textbooks.
///
/// A sum of n terms takes n - 1 additions, and a bias one more. Taps that lie in the padding count (they are in most
/// tables); `macs_inside` leaves them out. A MAC is a multiply-accumulate of a convolution, a linear layer or a matrix
/// product. Comparisons (ReLU, max pooling) and elementary functions (exp, tanh) are not counted.
#pragma once

#include <kashi/kernels/pool_geometry.hpp>

namespace kashi::inline v0::nn {

namespace detail {

/// Products and sums that would not fit 64 bits throw ValueError.
inline Index counted_product(Index a, Index b) {
  Index out = 0;
  require<ValueError>(!__builtin_mul_overflow(a, b, &out), "operation count: ", a, " times ", b,
                      " is too large to count");
  return out;
}
inline Index counted_sum(Index a, Index b) {
  Index out = 0;
  require<ValueError>(!__builtin_add_overflow(a, b, &out), "operation count: ", a, " plus ", b,
                      " is too large to count");
  return out;
}

}  // namespace detail

/// Operations of one forward pass.
struct OperationCount {
  Index macs = 0;
  Index macs_inside = 0;  ///< without the taps in the padding
  Index multiplications = 0;
  Index additions = 0;
  Index divisions = 0;

  bool operator==(const OperationCount&) const = default;
  OperationCount& operator+=(const OperationCount& other) {
    macs = detail::counted_sum(macs, other.macs);
    macs_inside = detail::counted_sum(macs_inside, other.macs_inside);
    multiplications = detail::counted_sum(multiplications, other.multiplications);
    additions = detail::counted_sum(additions, other.additions);
    divisions = detail::counted_sum(divisions, other.divisions);
    return *this;
  }
};

namespace detail {

/// Pairs of an output and a tap inside the image, along one axis.
inline Index pairs_inside(Index outputs, Index input, Index kernel, Index stride, Index dilation, Index before) {
  Index pairs = 0;
  for (Index o = 0; o < outputs; ++o) {
    const kernels::WindowTaps taps = kernels::window_taps(o * stride - before, kernel, dilation, input);
    pairs += taps.last - taps.first;
  }
  return pairs;
}

/// Multiply-adds of a convolution's geometry without the taps in the padding.
inline Index conv_macs_inside(const kernels::ConvGeometry& g) {
  const Index rows =
      pairs_inside(g.out_height, g.in_height, g.kernel.height, g.stride.height, g.dilation.height, g.pad_top);
  const Index columns =
      pairs_inside(g.out_width, g.in_width, g.kernel.width, g.stride.width, g.dilation.width, g.pad_left);
  return counted_product(counted_product(counted_product(rows, columns), g.batch * g.out_channels),
                         g.group_in_channels());
}

}  // namespace detail

/// Convolution: outputs times taps times channels of a group.
inline OperationCount count_convolution(const kernels::ConvGeometry& g, bool bias) {
  const Index outputs = g.output_numel(), macs = detail::counted_product(outputs, g.taps() * g.group_in_channels());
  return {.macs = macs,
          .macs_inside = detail::conv_macs_inside(g),
          .multiplications = macs,
          .additions = macs - (bias ? 0 : outputs)};
}

/// Transposed convolution; `g` is the convolution whose backward-data it is. Every input is multiplied into a window of
/// the output and added there; `bias` adds one to each output.
inline OperationCount count_transposed_convolution(const kernels::ConvGeometry& g, bool bias) {
  const Index macs = detail::counted_product(g.output_numel(), g.taps() * g.group_in_channels());
  return {.macs = macs,
          .macs_inside = detail::conv_macs_inside(g),
          .multiplications = macs,
          .additions = detail::counted_sum(macs, bias ? g.input_numel() : 0)};
}

/// Linear layer on `rows` rows.
inline OperationCount count_linear(Index rows, Index in, Index out, bool bias) {
  const Index outputs = detail::counted_product(rows, out), macs = detail::counted_product(outputs, in);
  return {.macs = macs, .macs_inside = macs, .multiplications = macs, .additions = macs - (bias ? 0 : outputs)};
}

/// Batch norm in evaluation: statistics and learnt factors make one factor and one offset a channel, which is one
/// multiplication and one addition an element.
inline OperationCount count_batch_norm(Index elements) { return {.multiplications = elements, .additions = elements}; }

/// Average of windows of `window` elements.
inline OperationCount count_average(Index outputs, Index window) {
  return {.additions = detail::counted_product(outputs, window - 1), .divisions = outputs};
}

/// `additions` additions, as where branches meet.
inline OperationCount count_additions(Index additions) { return {.additions = additions}; }

/// Norms with statistics of the input (layer, group, instance norm), of `groups` groups: mean, distance, square,
/// variance with eps, division by the root; then a factor and an offset an element where they are learnt.
inline OperationCount count_input_norm(Index elements, Index groups, bool factor, bool offset) {
  return {.multiplications = 2 * elements + (factor ? elements : 0),
          .additions = 2 * (elements - groups) + elements + groups + (offset ? elements : 0),
          .divisions = 3 * groups};
}

}  // namespace kashi::inline v0::nn
