/// Colour maps: numbers 0..1 as colours, straight lines between published control points.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/plot/color.hpp>

namespace kashi::inline v0::plot {

/// viridis: even steps look even, and it survives grey printing. inferno: the same on a dark ground, for heat maps.
/// blues: white to dark blue, for counts. blue_red: diverging, 0.5 is neutral, for signed values.
enum class ColorMap { viridis, inferno, blues, blue_red };

namespace detail {

// viridis, inferno: S. van der Walt and N. Smith, matplotlib (CC0). blues, blue_red: C. Brewer, ColorBrewer 2 ("Blues",
// "RdBu" reversed).
template <class = void>
inline std::span<const std::uint32_t> control_points(ColorMap map) {
  static constexpr std::array<std::uint32_t, 10> viridis = {0x440154, 0x482878, 0x3E4989, 0x31688E, 0x26828E,
                                                            0x1F9E89, 0x35B779, 0x6DCD59, 0xB4DE2C, 0xFDE725};
  static constexpr std::array<std::uint32_t, 10> inferno = {0x000004, 0x1B0C42, 0x4B0C6B, 0x781C6D, 0xA52C60,
                                                            0xCF4446, 0xED6925, 0xFB9A06, 0xF7D03C, 0xFCFFA4};
  static constexpr std::array<std::uint32_t, 9> blues = {0xF7FBFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6,
                                                         0x4292C6, 0x2171B5, 0x08519C, 0x08306B};
  static constexpr std::array<std::uint32_t, 11> blue_red = {0x053061, 0x2166AC, 0x4393C3, 0x92C5DE, 0xD1E5F0, 0xF7F7F7,
                                                             0xFDDBC7, 0xF4A582, 0xD6604D, 0xB2182B, 0x67001F};
  switch (map) {
    case ColorMap::viridis:
      return viridis;
    case ColorMap::inferno:
      return inferno;
    case ColorMap::blues:
      return blues;
    case ColorMap::blue_red:
      break;
  }
  return blue_red;
}

}  // namespace detail

/// The colour of a value 0..1; beyond is clamped, NaN is grey.
template <class = void>
inline Color map_color(ColorMap map, double value) {
  if (std::isnan(value)) return {128, 128, 128};
  const auto points = detail::control_points(map);
  const double place = std::clamp(value, 0.0, 1.0) * static_cast<double>(points.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(place), points.size() - 2);
  const double share = place - static_cast<double>(low);
  const auto channel = [&](int shift) {
    const double a = points[low] >> shift & 0xFF, b = points[low + 1] >> shift & 0xFF;
    return static_cast<std::uint8_t>(a + share * (b - a) + 0.5);
  };
  return {channel(16), channel(8), channel(0)};
}

/// Numbers [H,W] as a picture [H,W,3]: `low` and everything below gets the map's first colour, `high` the last.
/// Throws ShapeError, ValueError.
template <class = void>
inline Tensor<std::uint8_t> colorize(const Tensor<float>& values, ColorMap map = ColorMap::viridis, float low = 0,
                                     float high = 1) {
  require<ShapeError>(values.rank() == 2, "colorize: values are [H,W]; got ", values.shape());
  require(low < high, "colorize: low must be below high; got ", low, " and ", high);
  auto out = Tensor<std::uint8_t>::empty({values.size(0), values.size(1), 3});
  std::uint8_t* pixel = out.mutable_data();
  for (const float value : values.span()) {
    const Color color = map_color(map, (static_cast<double>(value) - low) / (static_cast<double>(high) - low));
    *pixel++ = color.red;
    *pixel++ = color.green;
    *pixel++ = color.blue;
  }
  return out;
}

}  // namespace kashi::inline v0::plot
