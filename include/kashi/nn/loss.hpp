/// Losses as objects, for the trainer: they hold their options and are called with the output and what was wanted.
///
/// Losses of labels take [N] (or [N,H,W]); losses of targets take a Tensor of the output's shape.
#pragma once

#include <kashi/ops/binary_loss.hpp>
#include <kashi/ops/cross_entropy.hpp>
#include <kashi/ops/lovasz_loss.hpp>
#include <kashi/ops/noisy_loss.hpp>
#include <kashi/ops/region_loss.hpp>
#include <kashi/ops/regression_loss.hpp>

namespace kashi::inline v0::nn {

/// Cross entropy of logits [N,K] with labels [N], or of [N,H,W,K] with [N,H,W].
class CrossEntropyLoss {
 public:
  explicit CrossEntropyLoss(CrossEntropyOptions options = {}) : options_(std::move(options)) {}

  template <Differentiable X>
  VariableOf<X> operator()(const X& logits, const Tensor<Index>& labels) const {
    return cross_entropy(logits, labels, options_);
  }

 private:
  CrossEntropyOptions options_;
};

/// Binary cross entropy of logits with targets in [0, 1].
template <class T = float>
class BCEWithLogitsLoss {
 public:
  explicit BCEWithLogitsLoss(BinaryCrossEntropyOptions<T> options = {}) : options_(std::move(options)) {}

  Variable<T> operator()(const Variable<T>& logits, const Tensor<T>& target) const {
    return binary_cross_entropy_with_logits(logits, target, options_);
  }

 private:
  BinaryCrossEntropyOptions<T> options_;
};

// A loss of logits or numbers and targets: its class, its options' type, and the operation that it calls.
#define KASHI_TARGET_LOSS(Name, Options, operation)                                      \
  class Name {                                                                           \
   public:                                                                               \
    explicit Name(Options options = Options{}) : options_(std::move(options)) {}         \
    template <Differentiable X>                                                          \
    VariableOf<X> operator()(const X& output, const Tensor<ScalarOf<X>>& target) const { \
      return operation(output, target, options_);                                        \
    }                                                                                    \
                                                                                         \
   private:                                                                              \
    Options options_;                                                                    \
  };

/// Focal loss of logits with targets in [0, 1] (Lin et al. 2017).
KASHI_TARGET_LOSS(FocalLoss, FocalLossOptions, focal_loss)
/// Soft Dice loss of logits with masks in [0, 1].
KASHI_TARGET_LOSS(DiceLoss, DiceLossOptions, dice_loss)
/// Tversky loss of logits with masks in [0, 1] (Salehi et al. 2017).
KASHI_TARGET_LOSS(TverskyLoss, TverskyLossOptions, tversky_loss)
/// Lovasz hinge of logits with masks of 0 and 1 (Berman et al. 2018).
KASHI_TARGET_LOSS(LovaszHingeLoss, LovaszHingeOptions, lovasz_hinge)
/// Generalised cross entropy of logits with targets of 0 and 1 (Zhang and Sabuncu 2018).
KASHI_TARGET_LOSS(GeneralizedCrossEntropyLoss, GeneralizedCrossEntropyOptions, generalized_cross_entropy)
/// Symmetric cross entropy of logits with targets of 0 and 1 (Wang et al. 2019).
KASHI_TARGET_LOSS(SymmetricCrossEntropyLoss, SymmetricCrossEntropyOptions, symmetric_cross_entropy)
/// Bootstrapped cross entropy of logits with targets of 0 and 1 (Reed et al. 2015).
KASHI_TARGET_LOSS(BootstrapLoss, BootstrapLossOptions, bootstrap_loss)
/// Mean squared difference.
KASHI_TARGET_LOSS(MSELoss, Reduction, mse_loss)
/// Mean absolute difference.
KASHI_TARGET_LOSS(L1Loss, Reduction, l1_loss)

#undef KASHI_TARGET_LOSS

/// Squared below delta, linear beyond (Huber 1964).
class HuberLoss {
 public:
  explicit HuberLoss(double delta = 1.0, Reduction reduction = Reduction::mean)
      : delta_(delta), reduction_(reduction) {}
  template <Differentiable X>
  VariableOf<X> operator()(const X& output, const Tensor<ScalarOf<X>>& target) const {
    return huber_loss(output, target, reduction_, delta_);
  }

 private:
  double delta_;
  Reduction reduction_;
};

}  // namespace kashi::inline v0::nn
