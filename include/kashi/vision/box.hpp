/// Boxes in pictures: overlap, non-maximum suppression, and the success curve by which trackers and matchers are
/// measured.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::vision {

/// A rectangle in pixels: upper left corner, width, height; [x, x + width) by [y, y + height).
struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  bool operator==(const Box&) const = default;

  double area() const { return width > 0 && height > 0 ? width * height : 0; }
};

/// A found box: how sure, and of which template or class.
struct Detection {
  Box box;
  double score = 0;
  Index class_index = 0;
};

/// Area of the intersection over that of the union, 0..1; 0 if both are empty.
inline double iou(const Box& a, const Box& b) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  const double common = width > 0 && height > 0 ? width * height : 0, all = a.area() + b.area() - common;
  return all > 0 ? common / all : 0;
}

struct NmsOptions {
  double iou = 0.5;       ///< a box that overlaps a better one by more than this is dropped (exactly this much is kept)
  bool by_class = false;  ///< only boxes of the same class drop each other
};

namespace detail {

inline void check_scores(std::span<const Detection> detections) {
  for (const Detection& detection : detections) require(!std::isnan(detection.score), "nms: a score is not a number");
}

/// Positions by falling score; equal ones keep their order.
inline std::vector<std::size_t> by_score(std::span<const Detection> detections) {
  std::vector<std::size_t> order(detections.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return detections[a].score > detections[b].score; });
  return order;
}

}  // namespace detail

/// Non-maximum suppression: the best box is kept and drops those that overlap it too much, then the best of the rest,
/// and so on. Best first. Throws ValueError for a score that is not a number.
template <class = void>
inline std::vector<Detection> nms(std::span<const Detection> detections, const NmsOptions& options = {}) {
  detail::check_scores(detections);
  std::vector<Detection> kept;
  for (const std::size_t i : detail::by_score(detections)) {
    const Detection& next = detections[i];
    const bool dropped = std::any_of(kept.begin(), kept.end(), [&](const Detection& better) {
      return (!options.by_class || better.class_index == next.class_index) && iou(better.box, next.box) > options.iou;
    });
    if (!dropped) kept.push_back(next);
  }
  return kept;
}

struct SoftNmsOptions {
  double sigma = 0.5;    ///< the smaller, the more an overlap costs
  double least = 0.001;  ///< boxes whose score falls below are dropped
  bool by_class = false;
};

/// Soft non-maximum suppression (Bodla et al. 2017): an overlap with a better box costs the factor exp(-IoU^2 / sigma)
/// instead of the box. Best first, with the lowered scores. Throws ValueError for a score that is not a number.
template <class = void>
inline std::vector<Detection> soft_nms(std::span<const Detection> detections, const SoftNmsOptions& options = {}) {
  detail::check_scores(detections);
  require(options.sigma > 0, "soft_nms: .sigma must be positive; got ", options.sigma);
  std::vector<Detection> rest(detections.begin(), detections.end()), kept;
  while (!rest.empty()) {
    const auto best = std::max_element(rest.begin(), rest.end(),
                                       [](const Detection& a, const Detection& b) { return a.score < b.score; });
    const Detection chosen = *best;
    rest.erase(best);
    if (chosen.score < options.least) break;
    kept.push_back(chosen);
    for (Detection& other : rest) {
      if (options.by_class && other.class_index != chosen.class_index) continue;
      const double overlap = iou(chosen.box, other.box);
      other.score *= std::exp(-overlap * overlap / options.sigma);
    }
  }
  return kept;
}

/// The success curve: for the thresholds 0, 0.05, ..., 1 the share of overlaps that reach it (by 1e-6, so that 0 counts
/// as a miss).
template <class = void>
inline std::vector<double> success_curve(std::span<const double> overlaps) {
  std::vector<double> out;
  for (int i = 0; i <= 20; ++i) {
    const double threshold = i / 20.0 + 1e-6;
    const auto reached =
        std::count_if(overlaps.begin(), overlaps.end(), [&](double overlap) { return overlap >= threshold; });
    out.push_back(overlaps.empty() ? 0 : static_cast<double>(reached) / static_cast<double>(overlaps.size()));
  }
  return out;
}

/// The area under the success curve: its mean over the thresholds below 1 (Wu et al. 2013, as template matching papers
/// have it).
inline double success_auc(std::span<const double> overlaps) {
  const std::vector<double> curve = success_curve(overlaps);
  return std::accumulate(curve.begin(), curve.end() - 1, 0.0) / static_cast<double>(curve.size() - 1);
}

}  // namespace kashi::inline v0::vision
