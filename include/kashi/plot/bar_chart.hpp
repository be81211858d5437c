/// Bars from left to right: values by name, side by side for several series.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/plot/axes.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/text.hpp>

namespace kashi::inline v0::plot {

/// The bars of one colour: one value for each label. NaN: no bar.
struct BarSeries {
  std::string name = {};
  std::vector<double> values = {};
  std::optional<Color> color = {};
};

struct BarChartOptions {
  std::string title = {};
  std::string x_label = {};
  Index width = 960;
  double text_size = 16;
  std::optional<double> low = {};   ///< of the axis; otherwise 0, or the smallest value
  std::optional<double> high = {};  ///< otherwise the largest value
  int decimals = 3;                 ///< of the numbers beside the bars; negative: no numbers
};

namespace detail {

inline Range bar_range(const std::vector<BarSeries>& series, const BarChartOptions& options) {
  Range out{0, 0};
  for (const BarSeries& one : series) {
    for (const double value : one.values) {
      if (!std::isfinite(value)) continue;
      out.low = std::min(out.low, value);
      out.high = std::max(out.high, value);
    }
  }
  if (out.low == out.high) out.high = out.low + 1;
  return {options.low.value_or(out.low), options.high.value_or(out.high)};
}

inline std::string format_fixed(double value, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  return buffer;
}

}  // namespace detail

/// A bar chart [H,W,3]; its height follows from the number of bars. Throws ValueError.
inline Image bar_chart(const std::vector<std::string>& labels, const std::vector<BarSeries>& series, const BarChartOptions& options = {}) {
  for (const BarSeries& one : series) {
    require(one.values.size() == labels.size(), "bar_chart: series \"", one.name, "\" has ", one.values.size(), " values for ", labels.size(),
            " labels");
  }
  const double size = options.text_size;
  require(static_cast<double>(options.width) >= 20 * size, "bar_chart: a width of ", options.width, " is too small for text of ", size);
  const Range range = detail::bar_range(series, options);
  require(range.low < range.high, "bar_chart: low must be below high");

  const double thickness = std::round(size * (series.size() > 1 ? 0.95 : 1.15));
  const double group = std::round(thickness * static_cast<double>(std::max<std::size_t>(series.size(), 1)) + size * 0.65);
  const double label_width = std::min(detail::widest(labels, size), static_cast<double>(options.width) * 0.35);
  const double left = std::round(label_width + size * 2.2);
  const double right_space = options.decimals < 0 ? size * 1.8 : text_width(detail::format_fixed(range.high, options.decimals), size) + size * 2;
  const double width = static_cast<double>(options.width) - left - right_space;
  const double bars_height = group * static_cast<double>(labels.size());
  // The heading's height is known once it is drawn, so it is drawn on a trial canvas first.
  ChartOptions heading{.title = options.title, .x_label = {}, .y_label = {}, .width = options.width, .height = 0, .text_size = size};
  std::vector<detail::LegendEntry> legend;
  const auto color_of = [&](std::size_t i) { return series[i].color.value_or(series_color(static_cast<Index>(i))); };
  for (std::size_t i = 0; i < series.size(); ++i) legend.push_back({series.size() > 1 ? series[i].name : "", color_of(i), false});
  Canvas trial(options.width, 1);
  const double top = std::round(detail::draw_heading(trial, heading, legend, left));
  const double bottom = top + bars_height;
  Canvas canvas(options.width, static_cast<Index>(bottom + size * (options.x_label.empty() ? 2.6 : 4.2)));
  detail::draw_heading(canvas, heading, legend, left);

  const auto pixel = [&](double value) { return std::round(left + (std::clamp(value, range.low, range.high) - range.low) / (range.high - range.low) * width); };
  const std::vector<double> ticks = round_ticks(range, static_cast<int>(std::max(2.0, width / (size * 6))));
  const std::vector<std::string> tick_texts = detail::tick_labels(ticks);
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    canvas.fill_rectangle({pixel(ticks[i]), top, 1, bars_height}, colors::grid);
    draw_text(canvas, tick_texts[i], {pixel(ticks[i]), bottom + size * 0.6}, {.size = size, .color = colors::muted, .horizontal = Align::middle});
  }
  draw_text(canvas, options.x_label, {left + width / 2, static_cast<double>(canvas.height()) - size * 0.8},
            {.size = size, .color = colors::muted, .horizontal = Align::middle, .vertical = Align::end});

  const double zero = pixel(std::clamp(0.0, range.low, range.high));
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const double y = top + group * static_cast<double>(row) + std::round(size * 0.32);
    const double middle = y + thickness * static_cast<double>(series.size()) / 2;
    draw_text(canvas, fit_text(labels[row], label_width, size), {left - size * 0.6, middle},
              {.size = size, .horizontal = Align::end, .vertical = Align::middle});
    for (std::size_t i = 0; i < series.size(); ++i) {
      const double value = series[i].values[row];
      if (!std::isfinite(value)) continue;
      const double bar_y = y + thickness * static_cast<double>(i), end = pixel(value);
      canvas.fill_rectangle({std::min(zero, end), bar_y, std::abs(end - zero), thickness - 1}, color_of(i));
      if (options.decimals < 0) continue;
      draw_text(canvas, detail::format_fixed(value, options.decimals), {std::max(zero, end) + size * 0.4, bar_y + thickness / 2},
                {.size = size * (series.size() > 1 ? 0.85 : 1), .color = colors::muted, .vertical = Align::middle});
    }
  }
  canvas.fill_rectangle({zero, top, 1, bars_height}, colors::muted);
  return canvas.image();
}

}  // namespace kashi::inline v0::plot
