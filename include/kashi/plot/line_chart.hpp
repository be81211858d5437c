/// Curves over a common axis: losses and accuracies by epoch, accuracy by noise, success by threshold.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/plot/axes.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/text.hpp>

namespace kashi::inline v0::plot {

/// One curve. A y that is NaN or infinite interrupts it.
struct Series {
  std::string name = {};
  std::vector<double> y = {};
  std::vector<double> x = {};  ///< empty: 1, 2, 3, ...
  bool dashed = false;
  std::optional<Color> color = {};
};

struct LineChartOptions {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  std::optional<double> y_low = {};  ///< otherwise from the data
  std::optional<double> y_high = {};
  bool log_y = false;  ///< a logarithmic axis; values that are not positive are left out
  Index width = 800;
  Index height = 480;
  double text_size = 16;
};

namespace detail {

/// The chart's area in pixels and the values at its edges.
struct PlotArea {
  Rectangle area;
  Range x;
  Range y;

  double pixel_x(double value) const { return area.x + (value - x.low) / (x.high - x.low) * area.width; }
  double pixel_y(double value) const { return area.y + area.height - (value - y.low) / (y.high - y.low) * area.height; }
};

template <class = void>
inline Range data_range(const std::vector<Series>& series, bool of_x, bool log_y) {
  Range out{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const Series& one : series) {
    for (std::size_t i = 0; i < one.y.size(); ++i) {
      const double x = one.x.empty() ? static_cast<double>(i + 1) : one.x[i];
      const double y = log_y ? std::log10(one.y[i]) : one.y[i];
      if (!std::isfinite(x) || !std::isfinite(y)) continue;
      out.low = std::min(out.low, of_x ? x : y);
      out.high = std::max(out.high, of_x ? x : y);
    }
  }
  if (!(out.low <= out.high)) return {0, 1};
  if (out.low == out.high) {
    const double pad = out.low == 0 ? 1 : std::abs(out.low) * 0.1;
    return {out.low - pad, out.high + pad};
  }
  return out;
}

/// The range of the y axis: a little more than the data take, and from 0 if they come near it.
template <class = void>
inline Range y_range(const std::vector<Series>& series, const LineChartOptions& options) {
  Range out = data_range(series, false, options.log_y);
  const double pad = (out.high - out.low) * 0.06;
  const bool starts_at_zero = !options.log_y && out.low >= 0 && out.low < (out.high - out.low) * 0.5;
  out = {starts_at_zero ? 0 : out.low - pad, out.high + pad};
  const auto axis = [&](double value) { return options.log_y ? std::log10(value) : value; };
  if (options.y_low) out.low = axis(*options.y_low);
  if (options.y_high) out.high = axis(*options.y_high);
  return out;
}

/// Ticks and labels of the y axis; a logarithmic one has its ticks at powers of ten, or at 1, 2, 5 if there are few.
inline std::pair<std::vector<double>, std::vector<std::string>> y_ticks(Range range, bool log_y) {
  if (!log_y) {
    const std::vector<double> ticks = round_ticks(range, 6);
    return {ticks, tick_labels(ticks)};
  }
  std::vector<double> ticks;
  std::vector<std::string> labels;
  const double span = range.high - range.low;
  const double stride = std::max(1.0, std::ceil(span / 8));
  for (double power = std::floor(range.low); power <= range.high; power += stride) {
    for (const double lead : {1.0, 2.0, 5.0}) {
      const double place = power + std::log10(lead);
      if ((lead > 1 && span > 3) || place < range.low || place > range.high) continue;
      char buffer[32];
      std::snprintf(buffer, sizeof buffer, "%.3g", lead * std::pow(10.0, power));
      ticks.push_back(place);
      labels.emplace_back(buffer);
    }
  }
  return {ticks, labels};
}

/// The curve's pieces between its gaps, in pixels.
template <class = void>
inline std::vector<Path> curve_paths(const Series& series, const PlotArea& plot, bool log_y) {
  std::vector<Path> out;
  bool is_open = false;
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    const double x = series.x.empty() ? static_cast<double>(i + 1) : series.x[i];
    const double y = log_y ? std::log10(series.y[i]) : series.y[i];
    const bool is_shown = std::isfinite(x) && std::isfinite(y);
    if (is_shown && !is_open) out.emplace_back();
    // A value far beyond the axis must not lead the line out of all bounds.
    const double slack = 10 * plot.area.height;
    if (is_shown)
      out.back().push_back({plot.pixel_x(x), std::clamp(plot.pixel_y(y), plot.area.y - slack, plot.area.y + slack)});
    is_open = is_shown;
  }
  return out;
}

template <class = void>
inline void draw_grid(Canvas& canvas, const PlotArea& plot, const LineChartOptions& options,
                      const std::vector<double>& x_ticks,
                      const std::pair<std::vector<double>, std::vector<std::string>>& y) {
  const double size = options.text_size, bottom = plot.area.y + plot.area.height;
  for (std::size_t i = 0; i < y.first.size(); ++i) {
    const double row = std::round(plot.pixel_y(y.first[i]));
    canvas.fill_rectangle({plot.area.x, row, plot.area.width, 1}, colors::grid);
    draw_text(canvas, y.second[i], {plot.area.x - size * 0.6, row},
              {.size = size, .color = colors::muted, .horizontal = Align::end, .vertical = Align::middle});
  }
  const std::vector<std::string> labels = tick_labels(x_ticks);
  for (std::size_t i = 0; i < x_ticks.size(); ++i) {
    const double column = std::round(plot.pixel_x(x_ticks[i]));
    canvas.fill_rectangle({column, bottom, 1, 5}, colors::muted);
    draw_text(canvas, labels[i], {column, bottom + size * 0.8},
              {.size = size, .color = colors::muted, .horizontal = Align::middle});
  }
  canvas.fill_rectangle({plot.area.x, bottom, plot.area.width, 1}, colors::muted);
  draw_text(canvas, options.x_label,
            {plot.area.x + plot.area.width / 2, static_cast<double>(canvas.height()) - size * 0.8},
            {.size = size, .color = colors::muted, .horizontal = Align::middle, .vertical = Align::end});
  draw_text(canvas, options.y_label, {size * 0.8, plot.area.y + plot.area.height / 2},
            {.size = size, .color = colors::muted, .horizontal = Align::middle, .upwards = true});
}

/// One curve; few points are marked.
template <class = void>
inline void draw_curve(Canvas& canvas, const Series& series, const PlotArea& plot, const LineChartOptions& options,
                       Color color) {
  const double size = options.text_size;
  const std::vector<Path> paths = curve_paths(series, plot, options.log_y);
  std::vector<Path> strokes;
  for (const Path& path : paths) {
    if (!series.dashed || path.size() == 1) strokes.push_back(path);
    if (series.dashed) std::ranges::copy(dashes(path, 7, 5), std::back_inserter(strokes));
  }
  canvas.stroke(strokes, size * 0.15, color);
  const bool is_sparse = series.y.size() <= 20;
  for (const Path& path : paths) {
    if (!is_sparse && path.size() > 1) continue;
    for (const Point point : path) canvas.fill_circle(point, size * 0.22, color);
  }
}

/// Copies the plot's area, and a little around it, from one canvas to another.
template <class = void>
inline void copy_area(Canvas& to, const Canvas& from, const Rectangle& area, double around) {
  const auto reach = static_cast<Index>(around);
  const Index begin_y = static_cast<Index>(area.y) - reach, end_y = static_cast<Index>(area.y + area.height) + reach;
  const Index begin_x = static_cast<Index>(area.x) - reach;
  const Index end_x = std::min(to.width(), static_cast<Index>(area.x + area.width) + reach + 1);
  for (Index y = begin_y; y < end_y; ++y) {
    const std::uint8_t* pixel = from.image().data() + (y * from.width() + begin_x) * 3;
    for (Index x = begin_x; x < end_x; ++x, pixel += 3) to.blend(x, y, {pixel[0], pixel[1], pixel[2]});
  }
}

}  // namespace detail

/// A line chart [H,W,3]. Throws ValueError if a series has x of another length than y, or the picture is too small.
template <class = void>
inline Image line_chart(const std::vector<Series>& series, const LineChartOptions& options = {}) {
  for (const Series& one : series) {
    require(one.x.empty() || one.x.size() == one.y.size(), "line_chart: series \"", one.name, "\" has ", one.x.size(),
            " x and ", one.y.size(), " y");
  }
  const double size = options.text_size;
  const double width = static_cast<double>(options.width), height = static_cast<double>(options.height);
  require(width >= 16 * size && height >= 14 * size, "line_chart: ", options.width, "x", options.height,
          " pixels are too few for text of ", size);
  const Range x = detail::data_range(series, true, options.log_y), y = detail::y_range(series, options);
  require(y.low < y.high, "line_chart: y_low must be below y_high");
  const auto y_ticks = detail::y_ticks(y, options.log_y);

  Canvas canvas(options.width, options.height);
  std::vector<Color> curve_colors;
  std::vector<detail::LegendEntry> legend;
  for (const Series& one : series) {
    curve_colors.push_back(one.color.value_or(series_color(static_cast<Index>(curve_colors.size()))));
    legend.push_back({one.name, curve_colors.back(), one.dashed});
  }
  const double label_space = options.y_label.empty() ? 0 : size * 1.4;
  const double left = std::round(size * 1.6 + detail::widest(y_ticks.second, size) + label_space);
  const double top = std::round(detail::draw_heading(canvas, options.title, size, legend, left) + size * 0.5);
  const double right = width - size * 1.8, bottom = height - std::round(size * (options.x_label.empty() ? 2.4 : 4.0));
  const detail::PlotArea plot{{left, top, right - left, bottom - top}, x, y};
  std::vector<double> x_ticks = round_ticks(x, static_cast<int>(plot.area.width / (size * 6)));
  const auto is_counted = [](const Series& one) { return one.x.empty(); };
  // Epochs are whole.
  if (std::all_of(series.begin(), series.end(), is_counted)) {
    std::erase_if(x_ticks, [](double tick) { return tick != std::round(tick); });
  }
  detail::draw_grid(canvas, plot, options, x_ticks, y_ticks);

  // Curves that leave the axis are cut at the area's edge: they are drawn on a copy, of which the area is taken.
  Canvas curves(canvas.image());
  for (std::size_t i = 0; i < series.size(); ++i) detail::draw_curve(curves, series[i], plot, options, curve_colors[i]);
  if (std::all_of(series.begin(), series.end(), [](const Series& one) { return one.y.empty(); })) {
    draw_text(curves, "no data yet", {(left + right) / 2, (top + bottom) / 2},
              {.size = size, .color = colors::muted, .horizontal = Align::middle, .vertical = Align::middle});
  }
  detail::copy_area(canvas, curves, plot.area, size * 0.3);
  return canvas.image();
}

}  // namespace kashi::inline v0::plot
