/// The picture of a confusion matrix: which class is taken for which.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/plot/axes.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/colormap.hpp>
#include <kashi/plot/text.hpp>

namespace kashi::inline v0::plot {

struct ConfusionOptions {
  std::string title = "Confusion matrix";
  double text_size = 16;
  Index largest_side = 1400;  ///< with many classes the cells shrink to keep it, and lose their numbers and names
};

namespace detail {

/// Where the parts of the picture lie, in pixels.
struct ConfusionLayout {
  double size = 0;  ///< of text
  double cell = 0;
  double left = 0;  ///< of the cells
  double top = 0;
  double side = 0;  ///< of all cells
  double name_width = 0;
  double names_height = 0;
  bool has_counts = false;
  bool has_names = false;
  bool are_names_upright = false;
};

template <class = void>
inline ConfusionLayout plan_confusion(const Tensor<std::int64_t>& counts, const std::vector<std::string>& names,
                                      const ConfusionOptions& options) {
  const double size = options.text_size, classes = static_cast<double>(counts.size(0));
  double digits = 0;
  for (const std::int64_t count : counts.span()) digits = std::max(digits, text_width(std::to_string(count), size));
  ConfusionLayout out{.size = size};
  out.name_width = std::min(widest(names, size), 10 * size);
  const double wanted = std::max({4 * size, digits + size * 1.2, std::min(out.name_width + size * 0.8, 6 * size)});
  const double room = static_cast<double>(options.largest_side) - out.name_width - 9 * size;
  out.cell = std::floor(std::clamp(room / classes, 3.0, wanted));
  out.side = out.cell * classes;
  out.has_counts = out.cell >= digits + 4;
  out.has_names = out.cell >= size * 1.1;
  out.are_names_upright = out.has_names && widest(names, size) > out.cell - 6;
  out.names_height = !out.has_names ? 0 : out.are_names_upright ? out.name_width + size : size * 1.8;
  out.left = std::round(size * 3.2 + (out.has_names ? out.name_width + size * 0.8 : 0));
  out.top = std::round(size * 3.3 + line_height(size * 1.3) + out.names_height);
  return out;
}

template <class = void>
inline void draw_confusion_heading(Canvas& canvas, const ConfusionLayout& layout, const std::string& title) {
  const double size = layout.size;
  draw_text(canvas, title, {size * 1.2, size * 1.2}, {.size = size * 1.3, .bold = true});
  draw_text(canvas, "predicted", {layout.left + layout.side / 2, layout.top - layout.names_height - size * 1.5},
            {.size = size, .color = colors::muted, .horizontal = Align::middle});
  draw_text(canvas, "true", {size * 1.2, layout.top + layout.side / 2},
            {.size = size, .color = colors::muted, .horizontal = Align::middle, .upwards = true});
  if (!layout.has_names) return;
  draw_text(canvas, "recall", {layout.left + layout.side + size * 0.8, layout.top - size * 0.6},
            {.size = size, .color = colors::muted, .vertical = Align::end});
}

/// One true class: a cell for each predicted one. The square root lifts the few mistakes of a good network above the
/// paper.
template <class = void>
inline void draw_confusion_row(Canvas& canvas, const ConfusionLayout& layout, std::span<const std::int64_t> row,
                               std::int64_t total, double y) {
  const double gap = layout.cell >= 12 ? 1 : 0;
  double x = layout.left;
  for (const std::int64_t count : row) {
    const double share = total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0;
    const Color color = map_color(ColorMap::blues, std::sqrt(share));
    canvas.fill_rectangle({x, y, layout.cell - gap, layout.cell - gap}, color);
    const Color ink = count == 0 ? Color{170, 178, 189} : brightness(color) > 0.55f ? colors::ink : colors::white;
    if (layout.has_counts) {
      draw_text(canvas, std::to_string(count), {x + layout.cell / 2, y + layout.cell / 2},
                {.size = layout.size, .color = ink, .horizontal = Align::middle, .vertical = Align::middle});
    }
    x += layout.cell;
  }
}

/// A class's name at its row and at its column.
template <class = void>
inline void draw_confusion_name(Canvas& canvas, const ConfusionLayout& layout, const std::string& name, Index i) {
  const double size = layout.size, place = layout.cell * (static_cast<double>(i) + 0.5);
  const std::string shown = fit_text(name, layout.name_width, size);
  draw_text(canvas, shown, {layout.left - size * 0.6, layout.top + place},
            {.size = size, .horizontal = Align::end, .vertical = Align::middle});
  if (layout.are_names_upright) {
    draw_text(canvas, shown, {layout.left + place, layout.top - size * 0.5},
              {.size = size, .vertical = Align::middle, .upwards = true});
  } else {
    draw_text(canvas, shown, {layout.left + place, layout.top - size * 0.6},
              {.size = size, .horizontal = Align::middle, .vertical = Align::end});
  }
}

}  // namespace detail

/// Counts [true class, predicted class] with the classes' names. A cell's colour is its share of its row, so that the
/// diagonal shows each class's recall, which also stands at the row's end. Throws ShapeError, ValueError.
template <class = void>
inline Image confusion_matrix(const Tensor<std::int64_t>& counts, const std::vector<std::string>& names,
                              const ConfusionOptions& options = {}) {
  require<ShapeError>(counts.rank() == 2 && counts.size(0) == counts.size(1) && counts.size(0) >= 1,
                      "confusion_matrix: counts are [classes,classes]; got ", counts.shape());
  const Index classes = counts.size(0);
  require(static_cast<Index>(names.size()) == classes, "confusion_matrix: ", classes,
          " classes need as many names; got ", names.size());
  const detail::ConfusionLayout layout = detail::plan_confusion(counts, names, options);
  const double size = layout.size, right_space = layout.has_names ? size * 5 : size * 1.5;
  const double width =
      std::max(layout.left + layout.side + right_space, text_width(options.title, size * 1.3, true) + size * 3);
  Canvas canvas(static_cast<Index>(width), static_cast<Index>(layout.top + layout.side + size * 1.5));
  detail::draw_confusion_heading(canvas, layout, options.title);
  for (Index i = 0; i < classes; ++i) {
    const std::span<const std::int64_t> row =
        counts.span().subspan(static_cast<std::size_t>(i * classes), static_cast<std::size_t>(classes));
    const std::int64_t total = std::accumulate(row.begin(), row.end(), std::int64_t{0});
    const double y = layout.top + layout.cell * static_cast<double>(i);
    detail::draw_confusion_row(canvas, layout, row, total, y);
    if (!layout.has_names) continue;
    detail::draw_confusion_name(canvas, layout, names[static_cast<std::size_t>(i)], i);
    if (total == 0) continue;
    const double recall = 100 * static_cast<double>(row[static_cast<std::size_t>(i)]) / static_cast<double>(total);
    draw_text(canvas, detail::format_fixed(recall, 1) + " %",
              {layout.left + layout.side + size * 0.8, y + layout.cell / 2},
              {.size = size, .color = colors::muted, .vertical = Align::middle});
  }
  return canvas.image();
}

}  // namespace kashi::inline v0::plot
