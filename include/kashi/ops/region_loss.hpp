/// Differentiable losses of overlapping regions: soft Dice and Tversky, for segmentation with few positives.
///
/// Scores z are logits, p = sigmoid(z); targets y lie in [0, 1] and have the scores' shape. By default all elements are
/// one region: sums over the whole batch are steadier for small objects than one region an image.
#pragma once

#include <kashi/ops/activation.hpp>
#include <kashi/ops/reduction.hpp>

namespace kashi::inline v0 {

/// Options of dice_loss.
struct DiceLossOptions {
  double smooth = 1.0;       ///< added above and below, so that two empty regions agree
  bool squared = false;      ///< p^2 and y^2 in the denominator (Milletari et al. 2016)
  bool per_image = false;    ///< one region for each entry of the first axis, averaged
  bool per_channel = false;  ///< one region for each entry of the last axis, averaged
  Reduction reduction = Reduction::mean;
};

/// Options of tversky_loss. Equal weights of a half make it the Dice loss.
struct TverskyLossOptions {
  double fp_weight = 0.3;  ///< weight of false positives
  double fn_weight = 0.7;  ///< weight of false negatives; above fp_weight favours recall
  double smooth = 1.0;
  double power = 1.0;  ///< exponent of each region's loss; 0.75 is the focal Tversky loss (Abraham and Khan 2019)
  bool per_image = false;
  bool per_channel = false;
  Reduction reduction = Reduction::mean;
};

namespace detail {

/// Sums elements region by region.
struct RegionSum {
  Axes axes;
  bool is_single = false;

  RegionSum(const char* who, const Shape& scores, const Shape& targets, bool per_image, bool per_channel) {
    require<ShapeError>(scores == targets, who, ": scores ", scores, " and targets ", targets, " must have one shape");
    require<ShapeError>(scores.rank() >= (per_image ? 1 : 0) + (per_channel ? 1 : 0), who,
                        ": too few axes for regions by image or channel; scores ", scores);
    const int first = per_image ? 1 : 0, last = scores.rank() - (per_channel ? 1 : 0);
    for (int axis = first; axis < last; ++axis) axes.push_back(axis);
    is_single = axes.empty() && (per_image || per_channel);
  }

  template <class T>
  Variable<T> operator()(const Variable<T>& x) const {
    return is_single ? x : sum(x, axes);
  }
};

}  // namespace detail

/// 1 - (2 sum(p y) + smooth) / (sum(p) + sum(y) + smooth). Throws ShapeError if shapes do not fit.
template <Differentiable X, Differentiable Y>
VariableOf<X> dice_loss(const X& scores, const Y& targets, const DiceLossOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> z = as_variable(scores), y = as_variable(targets);
  const detail::RegionSum total("dice_loss", z.shape(), y.shape(), options.per_image, options.per_channel);
  require(options.smooth >= 0.0, "dice_loss: smooth can't be negative; got ", options.smooth);
  const Variable<T> p = sigmoid(z);
  const Variable<T> overlap = add(mul(2, total(mul(p, y))), options.smooth);
  const Variable<T> sizes = options.squared ? add(total(square(p)), total(square(y))) : add(total(p), total(y));
  return reduce_loss(sub(1, div(overlap, add(sizes, options.smooth))), options.reduction);
}

/// (1 - (TP + smooth) / (TP + fp_weight FP + fn_weight FN + smooth))^power with TP = sum(p y), FP = sum(p (1 - y)),
/// FN = sum((1 - p) y) (Salehi et al. 2017). Throws ShapeError if shapes do not fit, ValueError for negative options.
template <Differentiable X, Differentiable Y>
VariableOf<X> tversky_loss(const X& scores, const Y& targets, const TverskyLossOptions& options = {}) {
  using T = ScalarOf<X>;
  const Variable<T> z = as_variable(scores), y = as_variable(targets);
  const detail::RegionSum total("tversky_loss", z.shape(), y.shape(), options.per_image, options.per_channel);
  require(options.fp_weight >= 0.0 && options.fn_weight >= 0.0, "tversky_loss: weights can't be negative; got ",
          options.fp_weight, " and ", options.fn_weight);
  require(options.smooth >= 0.0, "tversky_loss: smooth can't be negative; got ", options.smooth);
  require(options.power > 0.0, "tversky_loss: power must be positive; got ", options.power);
  const Variable<T> p = sigmoid(z), true_positive = total(mul(p, y));
  const Variable<T> false_positive = sub(total(p), true_positive), false_negative = sub(total(y), true_positive);
  const Variable<T> hit = add(true_positive, options.smooth);
  const Variable<T> losses =
      sub(1, div(hit, add(hit, add(mul(options.fp_weight, false_positive), mul(options.fn_weight, false_negative)))));
  return reduce_loss(options.power == 1.0 ? losses : pow(losses, options.power), options.reduction);
}

}  // namespace kashi::inline v0
