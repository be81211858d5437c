/// All maps of one picture, and the sheets that show them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <kashi/explain/metrics.hpp>
#include <kashi/io/image.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/heatmap.hpp>

#include "cam/explainers.hpp"

namespace cam {

/// A picture, the class that is explained, and the map of each explainer.
struct PictureMaps {
  const examples::Photo* photo = nullptr;
  Tensor<float> input{};  ///< [H,W,3], as the network takes it
  Index class_index = 0;
  double probability = 0;
  std::vector<explain::Map<float>> maps{};
  std::vector<double> seconds{};
};

inline PictureMaps explain_picture(const examples::Photo& photo, examples::PhotoNetwork& network,
                                   const std::vector<Explainer>& explainers, Index target) {
  PictureMaps out{.photo = &photo, .input = models::normalize_for(photo.pixels, network.preset)};
  const NoGrad no_grad;
  const Tensor<float> probabilities =
      softmax(network.net(Variable<float>(explain::detail::as_batch(out.input)))).value();
  require(target < probabilities.size(1), "there is no class ", target, "; the network knows ", probabilities.size(1));
  out.class_index = target >= 0 ? target : argmax(probabilities, 1)(0);
  out.probability = static_cast<double>(probabilities(0, out.class_index));
  for (const Explainer& explainer : explainers) {
    const auto start = std::chrono::steady_clock::now();
    out.maps.push_back(explainer.map(network.net, out.input, out.class_index));
    out.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return out;
}

inline std::string format(const char* how, double value) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, how, value);
  return buffer;
}

inline std::string time_of(double seconds) {
  return seconds < 1 ? format("%.0f ms", 1000 * seconds) : format("%.1f s", seconds);
}

/// The picture with a map over it. A map of the picture's own resolution, which is made of single pixels, is blurred to
/// be seen.
inline plot::Image overlay_of(const PictureMaps& picture, const explain::Map<float>& map) {
  const Tensor<float>& pixels = picture.photo->pixels;
  const Index height = pixels.size(0), width = pixels.size(1);
  Tensor<float> shown = map.shown();
  if (shown.size(0) == height) {
    const Index radius = std::max<Index>(1, height / 40);
    shown = explain::Map<float>{explain::blurred(map.positive().reshape(Shape{height, width, 1}),
                                                 static_cast<double>(radius) / 2, radius)
                                    .reshape(Shape{height, width})}
                .shown();
  }
  return plot::overlay(io::to_bytes(pixels), shown, {.opacity = 0.6f, .map = plot::ColorMap::inferno});
}

inline std::string caption_of(const PictureMaps& picture, const examples::PhotoNetwork& network) {
  return network.name_of(picture.class_index) + "\n" + format("%.1f %%", 100 * picture.probability);
}

/// One picture with all its maps.
inline plot::Image picture_sheet(const PictureMaps& picture, const std::vector<Explainer>& explainers,
                                 const examples::PhotoNetwork& network) {
  std::vector<plot::Image> cells{io::to_bytes(picture.photo->pixels)};
  std::vector<std::string> captions{caption_of(picture, network)};
  for (std::size_t m = 0; m < explainers.size(); ++m) {
    if (explainers[m].is_baseline) continue;
    cells.push_back(overlay_of(picture, picture.maps[m]));
    captions.push_back(explainers[m].name + "\n" + time_of(picture.seconds[m]));
  }
  return plot::contact_sheet(cells, captions,
                             {.title = "What speaks for " + network.name_of(picture.class_index),
                              .columns = static_cast<int>(std::min<std::size_t>(cells.size(), 5)),
                              .cell = 224});
}

/// A row for each picture: the picture, then its maps.
inline plot::Image folder_sheet(const std::vector<PictureMaps>& pictures, const std::vector<Explainer>& explainers,
                                const examples::PhotoNetwork& network) {
  std::vector<plot::Image> cells;
  std::vector<std::string> captions;
  const auto methods = std::count_if(explainers.begin(), explainers.end(),
                                     [](const Explainer& explainer) { return !explainer.is_baseline; });
  for (const PictureMaps& picture : pictures) {
    cells.push_back(io::to_bytes(picture.photo->pixels));
    captions.push_back(caption_of(picture, network));
    for (std::size_t m = 0; m < explainers.size(); ++m) {
      if (explainers[m].is_baseline) continue;
      cells.push_back(overlay_of(picture, picture.maps[m]));
      captions.push_back(explainers[m].name);
    }
  }
  return plot::contact_sheet(
      cells, captions,
      {.title = "Maps of " + network.model, .columns = static_cast<int>(methods + 1), .cell = 128, .text_size = 12});
}

}  // namespace cam
