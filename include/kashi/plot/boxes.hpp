/// Boxes with labels, for what was found in a picture.
#pragma once

#include <algorithm>
#include <string_view>

#include <kashi/plot/canvas.hpp>
#include <kashi/plot/text.hpp>

namespace kashi::inline v0::plot {

struct BoxStyle {
  Color color = series_color(1);
  double thickness = 2;
  double text_size = 14;
};

/// A frame around `area` and its label on a strip of the same colour: above the frame, or inside it at the upper edge.
template <class = void>
inline void draw_box(Canvas& canvas, const Rectangle& area, std::string_view label = {}, const BoxStyle& style = {}) {
  canvas.draw_rectangle(area, style.color, style.thickness);
  if (label.empty()) return;
  const double height = capital_height(style.text_size) + 8, width = text_width(label, style.text_size) + 10;
  const double y = area.y >= height ? area.y - height : area.y;
  const double x = std::clamp(area.x, 0.0, std::max(0.0, static_cast<double>(canvas.width()) - width));
  canvas.fill_rectangle({x, y, width, height}, style.color);
  const Color ink = brightness(style.color) > 0.6f ? colors::black : colors::white;
  draw_text(canvas, label, {x + 5, y + 4}, {.size = style.text_size, .color = ink});
}

}  // namespace kashi::inline v0::plot
