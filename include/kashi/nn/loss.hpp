/// Losses as objects, for the trainer: they hold their options and are called with the output and what was wanted.
#pragma once

#include <kashi/ops/cross_entropy.hpp>

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

}  // namespace kashi::inline v0::nn
