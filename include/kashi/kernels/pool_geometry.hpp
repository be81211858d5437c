/// The geometry of pooling windows: output sizes with floor or ceil, resolved padding, and each window's clipped range.
///
/// PyTorch's rules: padding at most half of the window, and in ceil mode a last window that would start in the right or
/// bottom padding is dropped.
#pragma once

#include <algorithm>
#include <string_view>

#include <kashi/kernels/conv_geometry.hpp>

namespace kashi::inline v0::kernels {

/// Options of a pooling, in PyTorch's order. A stride of 0 means: the kernel's size.
struct PoolOptions {
  Pair kernel = 2;
  Pair stride = 0;
  Padding padding = 0;
  Pair dilation = 1;
  bool ceil_mode = false;
};

/// A checked pooling x [N,H,W,C] -> y [N,OH,OW,C]. Made by pool2d_geometry().
struct PoolGeometry {
  Index batch = 0;
  Index in_height = 0;
  Index in_width = 0;
  Index channels = 0;
  Index out_height = 0;
  Index out_width = 0;
  Pair kernel;
  Pair stride;
  Pair dilation;
  Index pad_top = 0;
  Index pad_bottom = 0;
  Index pad_left = 0;
  Index pad_right = 0;

  bool operator==(const PoolGeometry&) const = default;

  constexpr Index in_pixels() const { return batch * in_height * in_width; }
  constexpr Index out_pixels() const { return batch * out_height * out_width; }
  constexpr Index input_numel() const { return in_pixels() * channels; }
  constexpr Index output_numel() const { return out_pixels() * channels; }
  constexpr Sizes4 input_sizes() const { return {batch, in_height, in_width, channels}; }
  constexpr Sizes4 output_sizes() const { return {batch, out_height, out_width, channels}; }
};

/// Output size of pooling; below 1 when the window does not fit.
constexpr Index pool_output_size(Index input, Index kernel, Index stride, Index dilation, PaddingPair padding,
                                 bool ceil_mode) {
  const Index room = input + padding.begin + padding.end - effective_kernel(kernel, dilation);
  if (room < 0) return 0;
  const Index output = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  const bool starts_in_padding = ceil_mode && (output - 1) * stride >= input + padding.begin;
  return starts_in_padding ? output - 1 : output;
}

namespace detail {

/// Every window must touch the image, so that a maximum exists: padding at most half of the extent.
inline void check_pool_padding(std::string_view who, PaddingPair padding, Index kernel, Index dilation) {
  const Index largest = effective_kernel(kernel, dilation) / 2;
  require<ValueError>(std::max(padding.begin, padding.end) <= largest, who,
                      ": padding must be at most half of the kernel; padding ", std::max(padding.begin, padding.end),
                      ", kernel ", kernel, dilation > 1 ? text(" with dilation ", dilation) : std::string());
}

}  // namespace detail

/// Checks everything about a pooling of `input` [N,H,W,C] and resolves its sizes. Throws ShapeError or ValueError.
inline PoolGeometry pool2d_geometry(std::string_view who, const Sizes4& input, const PoolOptions& options) {
  const auto [batch, height, width, channels] = input;
  const auto& [kernel, stride_option, padding, dilation, ceil_mode] = options;
  const Pair stride = stride_option == Pair(0) ? kernel : stride_option;
  detail::check_image(who, "input", input);
  detail::check_window(who, kernel, stride, padding, dilation, 1);
  const PaddingPair rows = padding.rows(height, kernel.height, stride.height, dilation.height);
  const PaddingPair columns = padding.columns(width, kernel.width, stride.width, dilation.width);
  detail::check_pool_padding(who, rows, kernel.height, dilation.height);
  detail::check_pool_padding(who, columns, kernel.width, dilation.width);
  const PoolGeometry g{
      .batch = batch,
      .in_height = height,
      .in_width = width,
      .channels = channels,
      .out_height = pool_output_size(height, kernel.height, stride.height, dilation.height, rows, ceil_mode),
      .out_width = pool_output_size(width, kernel.width, stride.width, dilation.width, columns, ceil_mode),
      .kernel = kernel,
      .stride = stride,
      .dilation = dilation,
      .pad_top = rows.begin,
      .pad_bottom = rows.end,
      .pad_left = columns.begin,
      .pad_right = columns.end};
  require<ShapeError>(g.out_height >= 1 && g.out_width >= 1, who, ": the window ", kernel, " exceeds the padded input ",
                      height + rows.begin + rows.end, "x", width + columns.begin + columns.end, "; input ",
                      detail::sizes_text(input));
  detail::checked_numel(who, "input", input);
  detail::checked_numel(who, "output", g.output_sizes());
  return g;
}

}  // namespace kashi::inline v0::kernels
