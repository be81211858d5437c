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
  Index width = 800;
  double text_size = 16;
  std::optional<double> low = {};   ///< of the axis; otherwise 0, or the smallest value
  std::optional<double> high = {};  ///< otherwise the largest value
  int decimals = 3;                 ///< of the numbers beside the bars; negative: no numbers
};

namespace detail {

template <class = void>
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

/// Where the parts of a bar chart lie, in pixels.
struct BarLayout {
  Range range;
  double size = 0;  ///< of text
  double label_width = 0;
  double left = 0;   ///< of the bars
  double width = 0;  ///< of the bars' area
  double top = 0;
  double thickness = 0;  ///< of one bar
  double group = 0;      ///< from one label to the next
  double bars_height = 0;

  double pixel(double value) const {
    const double share = (std::clamp(value, range.low, range.high) - range.low) / (range.high - range.low);
    return std::round(left + share * width);
  }
  double zero() const { return pixel(0); }
};

inline Color bar_color(const BarSeries& series, std::size_t i) {
  return series.color.value_or(series_color(static_cast<Index>(i)));
}

template <class = void>
inline void draw_bar_axis(Canvas& canvas, const BarLayout& layout, const std::string& x_label) {
  const std::vector<double> ticks =
      round_ticks(layout.range, static_cast<int>(std::max(2.0, layout.width / (layout.size * 6))));
  const std::vector<std::string> labels = tick_labels(ticks);
  const double bottom = layout.top + layout.bars_height;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    canvas.fill_rectangle({layout.pixel(ticks[i]), layout.top, 1, layout.bars_height}, colors::grid);
    draw_text(canvas, labels[i], {layout.pixel(ticks[i]), bottom + layout.size * 0.6},
              {.size = layout.size, .color = colors::muted, .horizontal = Align::middle});
  }
  draw_text(canvas, x_label, {layout.left + layout.width / 2, static_cast<double>(canvas.height()) - layout.size * 0.8},
            {.size = layout.size, .color = colors::muted, .horizontal = Align::middle, .vertical = Align::end});
}

/// The bars of one label, with the label to their left and the numbers to their right.
template <class = void>
inline void draw_bar_group(Canvas& canvas, const BarLayout& layout, const std::string& label, std::size_t row,
                           const std::vector<BarSeries>& series, int decimals) {
  const double size = layout.size, zero = layout.zero();
  const double y = layout.top + layout.group * static_cast<double>(row) + std::round(size * 0.32);
  draw_text(canvas, fit_text(label, layout.label_width, size),
            {layout.left - size * 0.6, y + layout.thickness * static_cast<double>(series.size()) / 2},
            {.size = size, .horizontal = Align::end, .vertical = Align::middle});
  for (std::size_t i = 0; i < series.size(); ++i) {
    const double value = series[i].values[row];
    if (!std::isfinite(value)) continue;
    const double bar_y = y + layout.thickness * static_cast<double>(i), end = layout.pixel(value);
    canvas.fill_rectangle({std::min(zero, end), bar_y, std::abs(end - zero), layout.thickness - 1},
                          bar_color(series[i], i));
    if (decimals < 0) continue;
    draw_text(canvas, format_fixed(value, decimals), {std::max(zero, end) + size * 0.4, bar_y + layout.thickness / 2},
              {.size = size * (series.size() > 1 ? 0.85 : 1), .color = colors::muted, .vertical = Align::middle});
  }
}

}  // namespace detail

/// A bar chart [H,W,3]; its height follows from the number of bars. Throws ValueError.
template <class = void>
inline Image bar_chart(const std::vector<std::string>& labels, const std::vector<BarSeries>& series,
                       const BarChartOptions& options = {}) {
  for (const BarSeries& one : series) {
    require(one.values.size() == labels.size(), "bar_chart: series \"", one.name, "\" has ", one.values.size(),
            " values for ", labels.size(), " labels");
  }
  const double size = options.text_size, total_width = static_cast<double>(options.width);
  require(total_width >= 20 * size, "bar_chart: a width of ", options.width, " is too small for text of ", size);

  detail::BarLayout layout{.range = detail::bar_range(series, options), .size = size};
  require(layout.range.low < layout.range.high, "bar_chart: low must be below high");
  layout.label_width = std::min(detail::widest(labels, size), total_width * 0.35);
  layout.left = std::round(layout.label_width + size * 2.2);
  const std::string widest_number = detail::format_fixed(layout.range.high, std::max(options.decimals, 0));
  layout.width = total_width - layout.left - size * 2 - (options.decimals < 0 ? 0 : text_width(widest_number, size));
  layout.thickness = std::round(size * (series.size() > 1 ? 0.95 : 1.15));
  const auto bars_a_group = static_cast<double>(std::max<std::size_t>(series.size(), 1));
  layout.group = std::round(layout.thickness * bars_a_group + size * 0.65);
  layout.bars_height = layout.group * static_cast<double>(labels.size());

  std::vector<detail::LegendEntry> legend;
  for (std::size_t i = 0; i < series.size(); ++i) {
    legend.push_back({series.size() > 1 ? series[i].name : "", detail::bar_color(series[i], i), false});
  }
  // The heading's height is known once it is drawn, so it is drawn on a trial canvas first.
  Canvas trial(options.width, 1);
  layout.top = std::round(detail::draw_heading(trial, options.title, size, legend, layout.left));
  const double below = size * (options.x_label.empty() ? 2.6 : 4.2);
  Canvas canvas(options.width, static_cast<Index>(layout.top + layout.bars_height + below));
  detail::draw_heading(canvas, options.title, size, legend, layout.left);
  detail::draw_bar_axis(canvas, layout, options.x_label);
  for (std::size_t row = 0; row < labels.size(); ++row) {
    detail::draw_bar_group(canvas, layout, labels[row], row, series, options.decimals);
  }
  canvas.fill_rectangle({layout.zero(), layout.top, 1, layout.bars_height}, colors::muted);
  return canvas.image();
}

}  // namespace kashi::inline v0::plot
