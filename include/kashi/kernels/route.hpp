/// Which kernel computes a convolution: by shape, or forced.
#pragma once

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <type_traits>

#include <kashi/kernels/conv_geometry.hpp>

namespace kashi::inline v0::kernels {

/// What a caller may ask for. `winograd` (F(4x4, 3x3)) and `winograd2` (F(2x2, 3x3), as exact as direct) fall back to
/// direct where they do not fit: they need float, 3x3, stride 1, no dilation.
enum class ConvAlgorithm { automatic, direct, winograd, winograd2 };

/// The kernels.
enum class ConvRoute { direct, winograd2, winograd4 };

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

/// 3x3, stride 1, no dilation.
inline bool winograd_fits(const ConvGeometry& g) {
  return g.kernel == Pair(3) && g.stride == Pair(1) && g.dilation == Pair(1);
}

/// Whether F(4x4) is quicker than direct: enough channels to sum over, and tiles that are not mostly border.
inline bool winograd_pays(const ConvGeometry& g) {
  return std::min(g.group_in_channels(), g.group_out_channels()) >= 16 && std::min(g.out_height, g.out_width) >= 6;
}

}  // namespace detail

/// The algorithm in use: `automatic`, unless KASHI_CONV or force_conv_algorithm() chose another.
inline ConvAlgorithm conv_algorithm() { return detail::current_conv_algorithm().load(std::memory_order_relaxed); }

/// Uses `algorithm` from now on. Workspaces and packed weights made before must not be used any more.
inline void force_conv_algorithm(ConvAlgorithm algorithm) { detail::current_conv_algorithm() = algorithm; }

/// The kernel that computes `g` in any of the three directions.
template <class T>
ConvRoute conv_route(const ConvGeometry& g) {
  const ConvAlgorithm algorithm = conv_algorithm();
  if (!std::is_same_v<T, float> || algorithm == ConvAlgorithm::direct || !detail::winograd_fits(g)) {
    return ConvRoute::direct;
  }
  if (algorithm == ConvAlgorithm::winograd) return ConvRoute::winograd4;
  if (algorithm == ConvAlgorithm::winograd2) return ConvRoute::winograd2;
  return detail::winograd_pays(g) ? ConvRoute::winograd4 : ConvRoute::direct;
}

}  // namespace kashi::inline v0::kernels
