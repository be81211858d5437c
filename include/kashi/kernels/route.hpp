/// Which kernel computes a convolution: by shape, or forced.
#pragma once

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <type_traits>

#include <kashi/kernels/conv_geometry.hpp>
#include <kashi/kernels/isa.hpp>

namespace kashi::inline v0::kernels {

/// What a caller may ask for. `winograd` (F(4x4, 3x3)) and `winograd2` (F(2x2, 3x3), as exact as direct) fall back to
/// direct where they do not fit: they need float, 3x3, stride 1, no dilation, and more than the baseline of x86.
enum class ConvAlgorithm { automatic, direct, winograd, winograd2 };

/// The kernels: register tiles on pointers; the same for few input channels; dot products for few channels of a result;
/// groups of 1 or 4 channels that share vectors; Winograd with tiles of 2x2 or 4x4.
enum class ConvRoute { direct, stem, dot, lanes, winograd2, winograd4 };

namespace detail {

inline ConvAlgorithm parse_conv_algorithm(std::string_view name) {
  if (name == "automatic") return ConvAlgorithm::automatic;
  if (name == "direct") return ConvAlgorithm::direct;
  if (name == "winograd") return ConvAlgorithm::winograd;
  if (name == "winograd2") return ConvAlgorithm::winograd2;
  throw ValueError(text("KASHI_CONV: must be automatic, direct, winograd or winograd2; got \"", name, "\""));
}

inline std::atomic<ConvAlgorithm>& current_conv_algorithm() {
  static std::atomic<ConvAlgorithm> current = [] {
    const char* name = std::getenv("KASHI_CONV");
    return name == nullptr || *name == '\0' ? ConvAlgorithm::automatic : parse_conv_algorithm(name);
  }();
  return current;
}

/// 3x3, stride 1, no dilation, and a level that has these kernels.
inline bool winograd_fits(const ConvGeometry& g) {
  return has_wide_kernels() && g.kernel == Pair(3) && g.stride == Pair(1) && g.dilation == Pair(1);
}

/// Whether F(4x4) is quicker than direct, its packing counted: enough channels on both sides, and enough tiles to earn
/// the transform of the weights back. Measured for 12 to 512 channels.
inline bool winograd_pays(const ConvGeometry& g) {
  const Index tiles = g.batch * ((g.out_height + 3) / 4) * ((g.out_width + 3) / 4);
  return std::min(g.group_in_channels(), g.group_out_channels()) >= 12 && std::min(g.out_height, g.out_width) >= 4 &&
         tiles >= 12;
}

}  // namespace detail

/// The algorithm in use: `automatic`, unless KASHI_CONV or force_conv_algorithm() chose another.
inline ConvAlgorithm conv_algorithm() { return detail::current_conv_algorithm().load(std::memory_order_relaxed); }

/// Uses `algorithm` from now on. Workspaces and packed weights made before must not be used any more.
inline void force_conv_algorithm(ConvAlgorithm algorithm) { detail::current_conv_algorithm() = algorithm; }

namespace detail {

/// Limits of the tables that routes keep on the stack.
inline constexpr Index dot_most_taps = 256;
inline constexpr Index lane_most_rows = 64;

/// Few channels in one group, neighbours in a row: dilation 1 across, more than one column.
inline bool stem_fits(const ConvGeometry& g) {
  return g.groups == 1 && g.in_channels < 12 && g.dilation.width == 1 && g.kernel.width > 1;
}

/// 1 to 4 channels in one group, and enough channels of dy to fill the lanes.
inline bool dot_fits(const ConvGeometry& g) {
  return g.groups == 1 && g.in_channels <= 4 && g.out_channels >= 16 && g.taps() <= dot_most_taps;
}

/// As many outputs as inputs in each group, 1 or 4 of them, which must fit a vector of `lanes`.
inline bool lanes_fit(const ConvGeometry& g, Index lanes) {
  const Index depth = g.group_in_channels();
  return g.groups > 1 && depth == g.group_out_channels() && (depth == 1 || (depth == 4 && lanes >= 4)) &&
         g.kernel.height <= lane_most_rows;
}

/// Winograd if asked for and possible, or automatic and worth it; else `other`.
template <class T>
ConvRoute winograd_or(const ConvGeometry& g, ConvRoute other) {
  const ConvAlgorithm algorithm = conv_algorithm();
  if (!std::is_same_v<T, float> || algorithm == ConvAlgorithm::direct || !winograd_fits(g)) return other;
  if (algorithm == ConvAlgorithm::winograd) return ConvRoute::winograd4;
  if (algorithm == ConvAlgorithm::winograd2) return ConvRoute::winograd2;
  return winograd_pays(g) ? ConvRoute::winograd4 : other;
}

}  // namespace detail

/// The kernel for y = x * weight; `lanes` is the vector's width.
template <class T>
ConvRoute forward_route(const ConvGeometry& g, Index lanes) {
  if (detail::lanes_fit(g, lanes)) return ConvRoute::lanes;
  return detail::winograd_or<T>(g, detail::stem_fits(g) ? ConvRoute::stem : ConvRoute::direct);
}

/// The kernel for the gradient of x.
template <class T>
ConvRoute backward_data_route(const ConvGeometry& g, Index lanes) {
  if (detail::lanes_fit(g, lanes)) return ConvRoute::lanes;
  return detail::winograd_or<T>(g, detail::dot_fits(g) ? ConvRoute::dot : ConvRoute::direct);
}

/// The kernel for the gradient of the weight.
template <class T>
ConvRoute backward_weight_route(const ConvGeometry& g, Index lanes) {
  if (detail::lanes_fit(g, lanes)) return ConvRoute::lanes;
  const bool stem = detail::stem_fits(g) && g.out_channels % lanes == 0;
  return detail::winograd_or<T>(g, stem ? ConvRoute::stem : ConvRoute::direct);
}

}  // namespace kashi::inline v0::kernels
