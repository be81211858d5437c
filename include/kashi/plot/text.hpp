/// Text in pictures, with the built-in typeface: printable ASCII, every other character is drawn as a box.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <kashi/plot/canvas.hpp>
#include <kashi/plot/font.hpp>

namespace kashi::inline v0::plot {

enum class Align { begin, middle, end };

/// How text looks and which point of it is given.
struct TextStyle {
  double size = 15;  ///< in pixels; capitals are two thirds of it high
  Color color = colors::ink;
  bool bold = false;
  Align horizontal = Align::begin;  ///< the given x is the left end, the middle or the right end
  Align vertical = Align::begin;    ///< the given y is the capitals' upper edge, their middle or the baseline
  bool upwards = false;             ///< turned by 90 degrees: it reads from bottom to top
};

namespace detail {

/// Characters of UTF-8 text; bytes that are not UTF-8 become U+FFFD.
template <class = void>
inline std::vector<char32_t> characters_of(std::string_view chars) {
  std::vector<char32_t> out;
  for (const char c : chars) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = (byte & 0xC0u) == 0x80u;
    if (!continues) out.push_back(byte < 0x80 ? char32_t{byte} : U'\uFFFD');
  }
  return out;
}

/// Pixels between two characters.
inline double letter_gap(double unit, bool bold) { return std::max(2.0, std::round((bold ? 2.4 : 2.0) * unit)); }

}  // namespace detail

/// Pixels from the first character's left edge to the last one's right edge, of one line.
inline double text_width(std::string_view line, double size, bool bold = false) {
  const double unit = size / 12, gap = detail::letter_gap(unit, bold);
  double out = 0;
  for (const char32_t character : detail::characters_of(line)) out += detail::make_glyph(character, unit).width + gap;
  return line.empty() ? 0 : out - gap + 1;
}

/// Pixels from the capitals' upper edge to the baseline.
inline double capital_height(double size) { return std::round(8 * size / 12) + 1; }

/// Pixels from one line to the next.
inline double line_height(double size) { return std::round(size * 1.35); }

/// Cuts a line with "..." to what fits into `width` pixels.
template <class = void>
inline std::string fit_text(std::string line, double width, double size) {
  if (text_width(line, size) <= width) return line;
  while (!line.empty() && text_width(line + "...", size) > width) {
    // A character of several bytes goes as a whole.
    while (line.size() > 1 && (static_cast<unsigned char>(line.back()) & 0xC0u) == 0x80u) line.pop_back();
    line.pop_back();
  }
  return line + "...";
}

/// Draws text; "\n" begins a new line below.
template <class = void>
inline void draw_text(Canvas& canvas, std::string_view chars, Point at, const TextStyle& style = {}) {
  const std::size_t break_at = chars.find('\n');
  if (break_at != std::string_view::npos) {
    draw_text(canvas, chars.substr(0, break_at), at, style);
    const double step = line_height(style.size);
    const Point next = style.upwards ? Point{at.x + step, at.y} : Point{at.x, at.y + step};
    return draw_text(canvas, chars.substr(break_at + 1), next, style);
  }
  const double unit = style.size / 12;
  const auto shift = [](Align align, double length) {
    return align == Align::begin ? 0 : align == Align::middle ? -length / 2 : -length;
  };
  double x = shift(style.horizontal, text_width(chars, style.size, style.bold));
  const double y = shift(style.vertical, capital_height(style.size));
  // Origin on whole pixels; turned text runs upwards from it.
  const double left = std::round(at.x + (style.upwards ? y : x)), top = std::round(at.y + (style.upwards ? -x : y));
  const double thickness = std::max(1.0, style.size * (style.bold ? 0.12 : 0.085)) + 0.15;
  x = 0;
  for (const char32_t character : detail::characters_of(chars)) {
    detail::Glyph glyph = detail::make_glyph(character, unit);
    for (Path& stroke : glyph.strokes) {
      for (Point& point : stroke) {
        const double right = x + point.x, down = point.y;
        // The middle of a pixel.
        point =
            style.upwards ? Point{left + down + 0.5, top - right - 0.5} : Point{left + right + 0.5, top + down + 0.5};
      }
    }
    canvas.stroke(glyph.strokes, thickness, style.color);
    x += glyph.width + detail::letter_gap(unit, style.bold);
  }
}

}  // namespace kashi::inline v0::plot
