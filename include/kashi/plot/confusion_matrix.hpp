/// The picture of a confusion matrix: which class is taken for which.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
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

/// Counts [true class, predicted class] with the classes' names. A cell's colour is its share of its row, so that the
/// diagonal shows each class's recall, which also stands at the row's end. Throws ShapeError, ValueError.
inline Image confusion_matrix(const Tensor<std::int64_t>& counts, const std::vector<std::string>& names, const ConfusionOptions& options = {}) {
  require<ShapeError>(counts.rank() == 2 && counts.size(0) == counts.size(1) && counts.size(0) >= 1,
                      "confusion_matrix: counts are [classes,classes]; got ", counts.shape());
  const Index classes = counts.size(0);
  require(static_cast<Index>(names.size()) == classes, "confusion_matrix: ", classes, " classes need as many names; got ", names.size());
  const double size = options.text_size;

  double digits = 0;
  for (const std::int64_t count : counts.span()) digits = std::max(digits, text_width(std::to_string(count), size));
  const double name_width = std::min(detail::widest(names, size), 10 * size);
  const double wanted = std::max({4 * size, digits + size * 1.2, std::min(name_width + size * 0.8, 6 * size)});
  const double room = static_cast<double>(options.largest_side) - name_width - 9 * size;
  const double cell = std::floor(std::clamp(room / static_cast<double>(classes), 3.0, wanted));
  const bool has_counts = cell >= digits + 4, has_names = cell >= size * 1.1;
  const bool are_names_upright = has_names && detail::widest(names, size) > cell - 6;

  const double side = cell * static_cast<double>(classes);
  const double left = std::round(size * 3.2 + (has_names ? name_width + size * 0.8 : 0));
  const double names_height = !has_names ? 0 : are_names_upright ? name_width + size : size * 1.8;
  const double top = std::round(size * 1.4 + line_height(size * 1.3) + size * 1.9 + names_height);
  const double right_space = has_names ? size * 5 : size * 1.5;
  const double least_width = text_width(options.title, size * 1.3, true) + size * 3;
  Canvas canvas(static_cast<Index>(std::max(left + side + right_space, least_width)), static_cast<Index>(top + side + size * 1.5));
  draw_text(canvas, options.title, {size * 1.2, size * 1.2}, {.size = size * 1.3, .bold = true});
  draw_text(canvas, "predicted", {left + side / 2, top - names_height - size * 1.5},
            {.size = size, .color = colors::muted, .horizontal = Align::middle});
  draw_text(canvas, "true", {size * 1.2, top + side / 2}, {.size = size, .color = colors::muted, .horizontal = Align::middle, .upwards = true});
  if (has_names) {
    draw_text(canvas, "recall", {left + side + size * 0.8, top - size * 0.6}, {.size = size, .color = colors::muted, .vertical = Align::end});
  }
  for (Index row = 0; row < classes; ++row) {
    std::int64_t total = 0;
    for (Index column = 0; column < classes; ++column) total += counts.data()[row * classes + column];
    const double y = top + cell * static_cast<double>(row), middle = y + cell / 2;
    for (Index column = 0; column < classes; ++column) {
      const std::int64_t count = counts.data()[row * classes + column];
      const double share = total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0;
      // The square root lifts the few mistakes of a good network above the paper.
      const Color color = map_color(ColorMap::blues, std::sqrt(share));
      const double x = left + cell * static_cast<double>(column), gap = cell >= 12 ? 1 : 0;
      canvas.fill_rectangle({x, y, cell - gap, cell - gap}, color);
      if (!has_counts) continue;
      const Color ink = count == 0 ? Color{170, 178, 189} : brightness(color) > 0.55f ? colors::ink : colors::white;
      draw_text(canvas, std::to_string(count), {x + cell / 2, middle},
                {.size = size, .color = ink, .horizontal = Align::middle, .vertical = Align::middle});
    }
    if (!has_names) continue;
    const std::string name = fit_text(names[static_cast<std::size_t>(row)], name_width, size);
    draw_text(canvas, name, {left - size * 0.6, middle}, {.size = size, .horizontal = Align::end, .vertical = Align::middle});
    const double place = left + cell * (static_cast<double>(row) + 0.5);
    if (are_names_upright) {
      draw_text(canvas, name, {place, top - size * 0.5}, {.size = size, .vertical = Align::middle, .upwards = true});
    } else {
      draw_text(canvas, name, {place, top - size * 0.6}, {.size = size, .horizontal = Align::middle, .vertical = Align::end});
    }
    if (total == 0) continue;
    char recall[16];
    std::snprintf(recall, sizeof recall, "%.1f %%",
                  100 * static_cast<double>(counts.data()[row * classes + row]) / static_cast<double>(total));
    draw_text(canvas, recall, {left + side + size * 0.8, middle}, {.size = size, .color = colors::muted, .vertical = Align::middle});
  }
  return canvas.image();
}

}  // namespace kashi::inline v0::plot
