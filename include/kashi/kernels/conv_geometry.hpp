/// The geometry of convolutions: output sizes, resolved padding, dilation, groups, and the sizes of transposed ones.
///
/// This is the one place where they are computed and checked; operations, summaries and receptive fields ask here.
/// Pooling windows stand in pool_geometry.hpp. Conventions are PyTorch's; `same` is explained in padding.hpp.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <kashi/kernels/padding.hpp>

namespace kashi::inline v0::kernels {

/// Four sizes: an image batch [N,H,W,C] or a weight [O,KH,KW,C/G].
using Sizes4 = std::array<Index, 4>;

/// Options of a convolution, in PyTorch's order.
struct ConvOptions {
  Pair stride = 1;
  Padding padding = 0;
  Pair dilation = 1;
  Index groups = 1;
};

/// Options of a transposed convolution, in PyTorch's order. `output_padding` rows and columns are added to the output's
/// size at the bottom and right: they choose among the sizes that the convolution would map to this input.
struct ConvTransposeOptions {
  Pair stride = 1;
  Padding padding = 0;
  Pair output_padding = 0;
  Index groups = 1;
  Pair dilation = 1;
};

/// A checked convolution x [N,H,W,C] * weight [O,KH,KW,C/G] -> y [N,OH,OW,O]. Made by conv2d_geometry().
///
/// A transposed convolution is described by the convolution whose backward-data it is: its input is y, its output x.
struct ConvGeometry {
  Index batch = 0;
  Index in_height = 0;
  Index in_width = 0;
  Index in_channels = 0;
  Index out_height = 0;
  Index out_width = 0;
  Index out_channels = 0;
  Pair kernel;
  Pair stride;
  Pair dilation;
  Index pad_top = 0;
  Index pad_bottom = 0;
  Index pad_left = 0;
  Index pad_right = 0;
  Index groups = 1;

  bool operator==(const ConvGeometry&) const = default;

  constexpr Index taps() const { return kernel.height * kernel.width; }
  constexpr Index group_in_channels() const { return in_channels / groups; }
  constexpr Index group_out_channels() const { return out_channels / groups; }
  constexpr Index in_pixels() const { return batch * in_height * in_width; }
  constexpr Index out_pixels() const { return batch * out_height * out_width; }
  constexpr Index input_numel() const { return in_pixels() * in_channels; }
  constexpr Index output_numel() const { return out_pixels() * out_channels; }
  constexpr Index weight_numel() const { return out_channels * taps() * group_in_channels(); }
  /// Multiply-adds of the direct method, padding counted as if it were data (the usual convention).
  constexpr Index macs() const { return out_pixels() * weight_numel(); }

  constexpr Sizes4 input_sizes() const { return {batch, in_height, in_width, in_channels}; }
  constexpr Sizes4 output_sizes() const { return {batch, out_height, out_width, out_channels}; }
  constexpr Sizes4 weight_sizes() const { return {out_channels, kernel.height, kernel.width, group_in_channels()}; }
};

/// floor((input + padding - effective kernel) / stride) + 1; below 1 when the window does not fit.
constexpr Index conv_output_size(Index input, Index kernel, Index stride, Index dilation, PaddingPair padding) {
  const Index room = input + padding.begin + padding.end - effective_kernel(kernel, dilation);
  return room < 0 ? 0 : room / stride + 1;
}

/// (input - 1) * stride + effective kernel - padding + output_padding: the size that a transposed convolution gives.
constexpr Index conv_transpose_output_size(Index input, Index kernel, Index stride, Index dilation, PaddingPair padding,
                                           Index output_padding) {
  return (input - 1) * stride + effective_kernel(kernel, dilation) - padding.begin - padding.end + output_padding;
}

/// Taps [first, last) of a window lie inside of an axis.
struct WindowTaps {
  Index first = 0;
  Index last = 0;
};

/// Clips a window that starts at position `start` (which may be negative), taps `dilation` apart, to `size` positions.
constexpr WindowTaps window_taps(Index start, Index kernel, Index dilation, Index size) {
  const Index first = start >= 0 ? 0 : std::min(kernel, (-start + dilation - 1) / dilation);
  const Index last = start >= size ? 0 : std::min(kernel, (size - start + dilation - 1) / dilation);
  return {first, std::max(first, last)};
}

namespace detail {

inline std::string sizes_text(const Sizes4& sizes) {
  return text("[", sizes[0], ",", sizes[1], ",", sizes[2], ",", sizes[3], "]");
}

/// Bounds under which no sum or product of two sizes overflows.
inline constexpr Index largest_size = Index{1} << 30;
inline constexpr Index largest_numel = Index{1} << 58;

/// The product of sizes, or ValueError where memory could never hold so many elements.
inline Index checked_numel(std::string_view who, std::string_view what, const Sizes4& sizes) {
  Index numel = 1;
  for (const Index size : sizes) {
    require<ValueError>(!__builtin_mul_overflow(numel, size, &numel) && numel <= largest_numel, who, ": the ", what,
                        " ", sizes_text(sizes), " has too many elements");
  }
  return numel;
}

inline void check_range(std::string_view who, std::string_view what, const Pair& pair, Index lowest) {
  require<ValueError>(std::min(pair.height, pair.width) >= lowest && std::max(pair.height, pair.width) <= largest_size,
                      who, ": ", what, " must be ", lowest == 0 ? "zero or more" : "positive", "; got ",
                      pair.to_string());
}

inline void check_padding(std::string_view who, const Padding& padding) {
  require<ValueError>(padding.smallest() >= 0 && padding.largest() <= largest_size, who,
                      ": padding must be zero or more; got ", padding.to_string());
}

inline void check_image(std::string_view who, std::string_view what, const Sizes4& sizes) {
  require<ShapeError>(sizes[0] >= 0, who, ": the batch must be zero or more; ", what, " ", sizes_text(sizes));
  for (int axis = 1; axis < 4; ++axis) {
    const Index size = sizes[static_cast<std::size_t>(axis)];
    require<ShapeError>(size >= 1 && size <= largest_size, who, ": height, width and channels must be positive; ", what,
                        " ", sizes_text(sizes));
  }
}

/// Checks that both convolutions share; `in` and `out` are the channels of the weight's two sides.
inline void check_window(std::string_view who, const Pair& kernel, const Pair& stride, const Padding& padding,
                         const Pair& dilation, Index groups) {
  check_range(who, "kernel", kernel, 1);
  check_range(who, "stride", stride, 1);
  check_range(who, "dilation", dilation, 1);
  check_padding(who, padding);
  require<ValueError>(groups >= 1, who, ": groups must be positive; got ", groups);
}

}  // namespace detail

/// Checks everything about a convolution and resolves its sizes.
/// `who` starts the error's text; `input` is [N,H,W,C], `weight` [O,KH,KW,C/G].
/// Throws ShapeError or ValueError with one line, e.g.
/// `conv2d: input channels 4 differ from the weight's 3; input [8,32,32,4], weight [32,3,3,3]`.
inline ConvGeometry conv2d_geometry(std::string_view who, const Sizes4& input, const Sizes4& weight,
                                    const ConvOptions& options = {}) {
  const auto [batch, height, width, channels] = input;
  const Pair kernel(weight[1], weight[2]);
  const std::string came = text("; input ", detail::sizes_text(input), ", weight ", detail::sizes_text(weight));
  const Index groups = options.groups;
  detail::check_image(who, "input", input);
  detail::check_window(who, kernel, options.stride, options.padding, options.dilation, groups);
  require<ShapeError>(weight[0] >= 1 && weight[3] >= 1, who, ": the weight's channels must be positive", came);
  require<ShapeError>(channels % groups == 0, who, ": input channels ", channels, " not divisible by groups ", groups,
                      came);
  require<ShapeError>(weight[0] % groups == 0, who, ": output channels ", weight[0], " not divisible by groups ",
                      groups, came);
  require<ShapeError>(channels / groups == weight[3], who, ": input channels ", channels, " differ from the weight's ",
                      weight[3], groups > 1 ? text(" times groups ", groups) : std::string(), came);

  const PaddingPair rows = options.padding.rows(height, kernel.height, options.stride.height, options.dilation.height);
  const PaddingPair columns =
      options.padding.columns(width, kernel.width, options.stride.width, options.dilation.width);
  ConvGeometry g{
      .batch = batch,
      .in_height = height,
      .in_width = width,
      .in_channels = channels,
      .out_height = conv_output_size(height, kernel.height, options.stride.height, options.dilation.height, rows),
      .out_width = conv_output_size(width, kernel.width, options.stride.width, options.dilation.width, columns),
      .out_channels = weight[0],
      .kernel = kernel,
      .stride = options.stride,
      .dilation = options.dilation,
      .pad_top = rows.begin,
      .pad_bottom = rows.end,
      .pad_left = columns.begin,
      .pad_right = columns.end,
      .groups = groups};
  const Pair extent(effective_kernel(kernel.height, options.dilation.height),
                    effective_kernel(kernel.width, options.dilation.width));
  require<ShapeError>(g.out_height >= 1 && g.out_width >= 1, who, ": the kernel's extent ", extent,
                      " exceeds the padded input ", height + rows.begin + rows.end, "x",
                      width + columns.begin + columns.end, came);
  detail::checked_numel(who, "input", input);
  detail::checked_numel(who, "weight", weight);
  detail::checked_numel(who, "output", g.output_sizes());
  detail::checked_numel(who, "padded input",
                        {batch, height + rows.begin + rows.end, width + columns.begin + columns.end, channels});
  return g;
}

/// The geometry of a transposed convolution of `input` [N,H,W,I] with `weight` [I,KH,KW,O/G], which is the
/// backward-data pass of the convolution that is returned: its y is this input, its x is this output
/// (`result.input_sizes()`). `same` gives an output of H * stride. Throws ShapeError or ValueError.
inline ConvGeometry conv_transpose2d_geometry(std::string_view who, const Sizes4& input, const Sizes4& weight,
                                              const ConvTransposeOptions& options = {}) {
  const auto [batch, height, width, channels] = input;
  const Pair kernel(weight[1], weight[2]);
  const auto& [stride, padding, output_padding, groups, dilation] = options;
  const std::string came = text("; input ", detail::sizes_text(input), ", weight ", detail::sizes_text(weight));
  detail::check_image(who, "input", input);
  detail::check_window(who, kernel, stride, padding, dilation, groups);
  detail::check_range(who, "output padding", output_padding, 0);
  require<ShapeError>(weight[3] >= 1 && weight[3] <= detail::largest_size / groups, who,
                      ": the weight's output channels must be positive", came);
  require<ShapeError>(channels == weight[0], who, ": input channels ", channels, " differ from the weight's ",
                      weight[0], came);
  require<ShapeError>(channels % groups == 0, who, ": input channels ", channels, " not divisible by groups ", groups,
                      came);
  require<ValueError>(output_padding.height < std::max(stride.height, dilation.height) &&
                          output_padding.width < std::max(stride.width, dilation.width),
                      who, ": output padding ", output_padding.to_string(),
                      " must be smaller than the stride or the dilation; stride ", stride.to_string(), ", dilation ",
                      dilation.to_string());
  require<ValueError>(!padding.is_same() || output_padding == Pair(0), who,
                      ": padding `same` fixes the output's size, so output padding must be 0; got ",
                      output_padding.to_string());

  const PaddingPair rows = padding.rows(height * stride.height, kernel.height, stride.height, dilation.height);
  const PaddingPair columns = padding.columns(width * stride.width, kernel.width, stride.width, dilation.width);
  const Index out_height = padding.is_same() ? height * stride.height
                                             : conv_transpose_output_size(height, kernel.height, stride.height,
                                                                          dilation.height, rows, output_padding.height);
  const Index out_width = padding.is_same() ? width * stride.width
                                            : conv_transpose_output_size(width, kernel.width, stride.width,
                                                                         dilation.width, columns, output_padding.width);
  require<ShapeError>(out_height >= 1 && out_width >= 1, who, ": the output would be ", out_height, "x", out_width,
                      ", padding ", padding.to_string(), came);
  const ConvGeometry g{.batch = batch,
                       .in_height = out_height,
                       .in_width = out_width,
                       .in_channels = weight[3] * groups,
                       .out_height = height,
                       .out_width = width,
                       .out_channels = channels,
                       .kernel = kernel,
                       .stride = stride,
                       .dilation = dilation,
                       .pad_top = rows.begin,
                       .pad_bottom = rows.end,
                       .pad_left = columns.begin,
                       .pad_right = columns.end,
                       .groups = groups};
  detail::checked_numel(who, "input", input);
  detail::checked_numel(who, "weight", weight);
  detail::checked_numel(who, "output", g.input_sizes());
  return g;
}

}  // namespace kashi::inline v0::kernels
