/// The frame of a chart: title, legend, axes with round tick marks, and the way from values to pixels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <kashi/plot/canvas.hpp>
#include <kashi/plot/text.hpp>

namespace kashi::inline v0::plot {

/// A range of values.
struct Range {
  double low = 0;
  double high = 1;
};

/// Round numbers (1, 2 or 5 times a power of ten apart) in a range, about `count` of them.
template <class = void>
inline std::vector<double> round_ticks(Range range, int count) {
  if (!(range.high > range.low) || count < 1) return {range.low};
  const double raw = (range.high - range.low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double lead = raw / power;
  const double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
  std::vector<double> out;
  for (double k = std::ceil(range.low / step - 1e-9); k * step <= range.high + 1e-9 * step; ++k)
    out.push_back(k * step + 0.0);
  return out;
}

/// A number with the decimals that tell ticks `step` apart: 0.25, 100, 1e+06. Step 0: three digits.
inline std::string format_tick(double value, double step) {
  char buffer[32];
  const bool is_plain = std::abs(value) < 1e6 && step >= 1e-4;
  const int decimals = is_plain ? std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6) : 0;
  std::snprintf(buffer, sizeof buffer, is_plain ? "%.*f" : "%.*g", is_plain ? decimals : 3, value);
  return buffer;
}

namespace detail {

inline std::string format_fixed(double value, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  return buffer;
}

struct LegendEntry {
  std::string name;
  Color color;
  bool is_dashed = false;
};

/// Draws the title and the legend below it; returns the y where the chart may begin.
template <class = void>
inline double draw_heading(Canvas& canvas, const std::string& title, double size,
                           const std::vector<LegendEntry>& legend, double left) {
  double y = size * 1.2;
  if (!title.empty()) {
    draw_text(canvas, fit_text(title, static_cast<double>(canvas.width()) - left - size, size * 1.3), {left, y},
              {.size = size * 1.3, .bold = true});
    y += line_height(size * 1.3) + size * 0.2;
  }
  double x = left;
  bool has_entry = false;
  for (const LegendEntry& entry : legend) {
    if (entry.name.empty()) continue;
    const double width = size * 1.9 + text_width(entry.name, size);
    if (has_entry && x + width > static_cast<double>(canvas.width()) - size) {
      x = left;
      y += line_height(size);
    }
    has_entry = true;
    const double middle = y + std::floor(capital_height(size) / 2) + 0.5;
    const Path swatch{{x + 2, middle}, {x + size * 1.3, middle}};
    const std::vector<Path> strokes = entry.is_dashed ? dashes(swatch, 5, 4) : std::vector<Path>{swatch};
    canvas.stroke(strokes, entry.is_dashed ? 2.5 : 4, entry.color);
    draw_text(canvas, entry.name, {x + size * 1.9, y}, {.size = size, .color = colors::ink});
    x += width + size * 1.5;
  }
  return has_entry ? y + line_height(size) + size * 0.3 : y + size * 0.3;
}

/// Labels of ticks, all with the same number of decimals.
inline std::vector<std::string> tick_labels(const std::vector<double>& ticks) {
  std::vector<std::string> out;
  for (const double tick : ticks) out.push_back(format_tick(tick, ticks.size() > 1 ? ticks[1] - ticks[0] : 0));
  return out;
}

inline double widest(const std::vector<std::string>& labels, double size) {
  double out = 0;
  for (const std::string& label : labels) out = std::max(out, text_width(label, size));
  return out;
}

}  // namespace detail

}  // namespace kashi::inline v0::plot
