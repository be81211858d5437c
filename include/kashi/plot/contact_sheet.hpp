/// Many pictures on one sheet, each with its caption.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/pixels.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/resize.hpp>
#include <kashi/plot/text.hpp>

namespace kashi::inline v0::plot {

struct SheetOptions {
  std::string title = {};
  int columns = 0;   ///< 0: as many as make the sheet a little wider than high
  Index cell = 128;  ///< each picture's longer side, in pixels
  double text_size = 14;
  std::vector<Color> frames = {};    ///< a frame's colour for each picture, or empty
  Resize resize = Resize::bilinear;  ///< pictures that are magnified at least threefold keep their pixels visible
};

/// The pictures of a batch [N,H,W,C] with values 0..1. Throws ShapeError.
inline std::vector<Image> pictures_of(const Tensor<float>& batch) {
  require<ShapeError>(batch.rank() == 4, "pictures_of: a batch is [N,H,W,C]; got ", batch.shape());
  std::vector<Image> out;
  for (Index i = 0; i < batch.size(0); ++i) out.push_back(io::to_bytes(batch[i]));
  return out;
}

namespace detail {

/// The picture with its longer side at `cell` pixels.
inline Image fit_picture(const Image& picture, Index cell, Resize kind) {
  const Index longer = std::max(picture.size(0), picture.size(1));
  const auto scaled = [&](Index side) { return std::max(Index{1}, (2 * side * cell + longer) / (2 * longer)); };
  return resize(as_rgb(picture), scaled(picture.size(0)), scaled(picture.size(1)),
                cell >= 3 * longer ? Resize::nearest : kind);
}

inline Index lines_of(const std::string& caption) {
  return caption.empty() ? 0 : 1 + std::count(caption.begin(), caption.end(), '\n');
}

/// Each line cut to the width.
template <class = void>
inline std::string fit_lines(const std::string& caption, double width, double size) {
  std::string out;
  for (std::size_t begin = 0; begin <= caption.size();) {
    const std::size_t end = std::min(caption.find('\n', begin), caption.size());
    out += (begin > 0 ? "\n" : "") + fit_text(caption.substr(begin, end - begin), width, size);
    begin = end + 1;
  }
  return out;
}

}  // namespace detail

/// Pictures ([H,W] or [H,W,1..4], any sizes) in rows and columns with captions below ("\n" begins a new line; what is
/// too long is cut). `captions` may be empty. Throws ShapeError, ValueError.
template <class = void>
inline Image contact_sheet(const std::vector<Image>& pictures, const std::vector<std::string>& captions = {},
                           const SheetOptions& options = {}) {
  require(captions.empty() || captions.size() == pictures.size(), "contact_sheet: ", pictures.size(),
          " pictures need as many captions; got ", captions.size());
  require(options.frames.empty() || options.frames.size() == pictures.size(), "contact_sheet: ", pictures.size(),
          " pictures need as many frames; got ", options.frames.size());
  require(options.cell >= 8 && options.cell <= 4096 && options.columns >= 0,
          "contact_sheet: cell must be 8..4096, columns 0 or more; got ", options.cell, " and ", options.columns);
  const auto count = static_cast<Index>(pictures.size());
  std::vector<Image> fitted;
  Index cell_width = options.cell / 2, cell_height = 1, lines = 0;
  for (const Image& picture : pictures) {
    fitted.push_back(detail::fit_picture(picture, options.cell, options.resize));
    cell_width = std::max(cell_width, fitted.back().size(1));
    cell_height = std::max(cell_height, fitted.back().size(0));
  }
  for (const std::string& caption : captions) lines = std::max(lines, detail::lines_of(caption));

  const Index gap = std::max(Index{8}, options.cell / 10), margin = 2 * gap;
  const Index caption_height =
      lines == 0 ? 0 : static_cast<Index>(8 + static_cast<double>(lines) * line_height(options.text_size));
  const Index step_x = cell_width + gap, step_y = cell_height + caption_height + gap;
  const auto automatic =
      static_cast<Index>(std::ceil(std::sqrt(1.4 * static_cast<double>(count * step_y) / static_cast<double>(step_x))));
  const Index columns =
      std::clamp(options.columns > 0 ? Index{options.columns} : automatic, Index{1}, std::max(count, Index{1}));
  const Index rows = (count + columns - 1) / columns;
  const double title_size = options.text_size * 1.35;
  const Index title_height = options.title.empty() ? 0 : static_cast<Index>(2 * line_height(title_size));
  const Index title_width = static_cast<Index>(text_width(options.title, title_size, true));

  Canvas canvas(2 * margin + std::max(columns * step_x - gap, title_width),
                2 * margin + title_height + std::max(rows * step_y - gap, gap));
  draw_text(canvas, options.title, {static_cast<double>(margin), static_cast<double>(margin)},
            {.size = title_size, .bold = true});
  for (Index i = 0; i < count; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const Index cell_x = margin + i % columns * step_x, cell_y = margin + title_height + i / columns * step_y;
    const Index x = cell_x + (cell_width - fitted[k].size(1)) / 2, y = cell_y + (cell_height - fitted[k].size(0)) / 2;
    canvas.paste(fitted[k], x, y);
    if (!options.frames.empty()) {
      canvas.draw_rectangle({static_cast<double>(x - 3), static_cast<double>(y - 3),
                             static_cast<double>(fitted[k].size(1) + 6), static_cast<double>(fitted[k].size(0) + 6)},
                            options.frames[k], 3);
    }
    if (captions.empty()) continue;
    const Point below{static_cast<double>(cell_x) + static_cast<double>(cell_width) / 2,
                      static_cast<double>(cell_y + cell_height + 9)};
    draw_text(canvas, detail::fit_lines(captions[k], static_cast<double>(step_x - 4), options.text_size), below,
              {.size = options.text_size, .horizontal = Align::middle});
  }
  return canvas.image();
}

}  // namespace kashi::inline v0::plot
