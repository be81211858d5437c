/// MaskCurve: how well probabilities of pixels tell a mask, at every threshold.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>

namespace kashi::inline v0::train {

/// Gathers pixels of any number of images; all figures are pooled over them. Thresholds are the multiples of 1/1000.
class MaskCurve {
 public:
  static constexpr Index steps = 1000;

  /// Takes probabilities in [0,1] and a mask of the same shape (above 0.5: foreground). Throws ShapeError.
  void add(const Tensor<float>& probabilities, const Tensor<float>& mask) {
    require<ShapeError>(probabilities.shape() == mask.shape(), "MaskCurve: probabilities ", probabilities.shape(),
                        " and mask ", mask.shape(), " must have one shape");
    for (Index i = 0; i < mask.numel(); ++i) {
      const auto bin = static_cast<std::size_t>(std::clamp<Index>(
          static_cast<Index>(std::floor(probabilities.data()[i] * static_cast<float>(steps))), 0, steps));
      ++(mask.data()[i] > 0.5f ? foreground_ : background_)[bin];
    }
  }

  /// 2 TP / (2 TP + FP + FN) of the pixels at or above a threshold; 1 if there is no foreground and none is predicted.
  double dice(double threshold) const {
    const Counts c = counts(threshold);
    return c.predicted + c.truth == 0 ? 1.0
                                      : 2.0 * static_cast<double>(c.hits) / static_cast<double>(c.predicted + c.truth);
  }
  /// TP / (TP + FP + FN); 1 if there is no foreground and none is predicted.
  double iou(double threshold) const {
    const Counts c = counts(threshold);
    return c.predicted + c.truth == 0
               ? 1.0
               : static_cast<double>(c.hits) / static_cast<double>(c.predicted + c.truth - c.hits);
  }
  /// TP / (TP + FP); 1 if nothing is predicted.
  double precision(double threshold) const {
    const Counts c = counts(threshold);
    return c.predicted == 0 ? 1.0 : static_cast<double>(c.hits) / static_cast<double>(c.predicted);
  }
  /// TP / (TP + FN); 1 if there is no foreground.
  double recall(double threshold) const {
    const Counts c = counts(threshold);
    return c.truth == 0 ? 1.0 : static_cast<double>(c.hits) / static_cast<double>(c.truth);
  }
  /// The threshold of the largest Dice among 0.05, 0.06, ..., 0.95; the lowest of equals.
  double best_threshold() const {
    double best = 0.5, best_dice = -1;
    for (int percent = 5; percent <= 95; ++percent) {
      const double threshold = percent / 100.0, value = dice(threshold);
      if (value <= best_dice) continue;
      best = threshold;
      best_dice = value;
    }
    return best;
  }

 private:
  struct Counts {
    Index hits = 0, predicted = 0, truth = 0;
  };
  Counts counts(double threshold) const {
    const auto first = static_cast<Index>(std::llround(threshold * static_cast<double>(steps)));
    Counts out;
    for (Index bin = 0; bin <= steps; ++bin) {
      const auto at = static_cast<std::size_t>(bin);
      out.truth += foreground_[at];
      if (bin < first) continue;
      out.hits += foreground_[at];
      out.predicted += foreground_[at] + background_[at];
    }
    return out;
  }

  std::vector<Index> foreground_ = std::vector<Index>(steps + 1, 0), background_ = std::vector<Index>(steps + 1, 0);
};

}  // namespace kashi::inline v0::train
