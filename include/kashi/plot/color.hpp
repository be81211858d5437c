/// Colours, and the palette of charts: distinguishable for colour-blind readers too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::plot {

/// sRGB, 0..255, and opacity 0..1.
struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  float alpha = 1;

  friend bool operator==(const Color&, const Color&) = default;
};

/// The colour with another opacity.
constexpr Color with_alpha(Color color, float alpha) {
  color.alpha = alpha;
  return color;
}

/// 0 (black) to 1 (white): how bright a colour looks (weights of ITU-R BT.709, without gamma).
constexpr float brightness(Color color) {
  return (0.2126f * static_cast<float>(color.red) + 0.7152f * static_cast<float>(color.green) +
          0.0722f * static_cast<float>(color.blue)) /
         255.0f;
}

namespace colors {
inline constexpr Color white{255, 255, 255};
inline constexpr Color black{0, 0, 0};
inline constexpr Color ink{33, 37, 41};       ///< text
inline constexpr Color muted{108, 117, 125};  ///< axis labels, captions
inline constexpr Color grid{228, 231, 235};   ///< lines behind the data
inline constexpr Color right{0, 158, 115};    ///< a correct answer
inline constexpr Color wrong{213, 94, 0};     ///< a wrong one
}  // namespace colors

/// The colour of the i-th series of a chart; repeats after seven. From M. Okabe and K. Ito, "Color Universal Design",
/// 2008, without the yellow that white paper swallows.
constexpr Color series_color(Index i) {
  constexpr std::array<Color, 7> palette = {Color{0, 114, 178},   Color{213, 94, 0},  Color{0, 158, 115},
                                            Color{204, 121, 167}, Color{230, 159, 0}, Color{86, 180, 233},
                                            Color{90, 90, 90}};
  return palette[static_cast<std::size_t>(i) % palette.size()];
}

}  // namespace kashi::inline v0::plot
