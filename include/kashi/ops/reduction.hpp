/// How a loss becomes one number.
#pragma once

#include <kashi/ops/reduce.hpp>

namespace kashi::inline v0 {

/// mean and sum give rank 0; none keeps one loss for each element (or each row of class scores).
enum class Reduction { mean, sum, none };

/// The losses reduced as asked.
template <class T>
Variable<T> reduce_loss(const Variable<T>& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::mean ? mean(losses) : sum(losses);
}

}  // namespace kashi::inline v0
