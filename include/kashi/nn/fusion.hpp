/// The rule by which neighbouring layers run in one pass.
///
/// A container goes through its modules and hands each of them a Tail: what comes next and may be done before results
/// are stored. A module joins a tail if it can (Module::join): in eval mode without gradients an activation, a batch
/// norm, dropout; with gradients an activation; in training max pooling behind batch norm and ReLU. The module in front
/// gets the input and the tail (Module::forward_with): convolutions and linear layers fold the batch norm into their
/// weights, add the residual and cut at 0 as they store; batch norm in training does the same in its own pass, forward
/// and backward. All others compute, then apply the tail. Residual turns its shortcut into the tail of its body. A
/// module with hooks joins nothing and is called as it is, so that its hooks see what they would see without fusion;
/// all are, while operations are observed. Results differ from those of single layers by rounding.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <kashi/ops/activation.hpp>
#include <kashi/ops/norm.hpp>
#include <kashi/ops/pool.hpp>
#include <kashi/ops/prepared_conv.hpp>

namespace kashi::inline v0::nn {

/// Activations that can be fused.
enum class Activation { none, relu, relu6 };

/// What is done to a module's result in the same pass: batch norm, + residual, activation, in this order.
template <class T>
struct Tail {
  std::shared_ptr<const NormNumbers<T>> norm;  ///< null: none
  Variable<T> residual;                        ///< undefined: none
  Activation activation = Activation::none;
  std::optional<MaxPool2dOptions> pool{};  ///< after ReLU alone
  Shape poolable{};                        ///< of the result, [N,H,W,C], if max pooling may join; else rank 0

  bool empty() const { return norm == nullptr && !residual.defined() && activation == Activation::none; }

  /// Puts `next` behind this one; false, and nothing changed, where the order of the steps forbids it.
  bool append(const Tail& next) {
    if (next.empty()) return true;
    if (pool.has_value() || activation != Activation::none || (next.norm != nullptr && !empty()) ||
        (next.residual.defined() && residual.defined()))
      return false;
    if (next.norm != nullptr) norm = next.norm;
    if (next.residual.defined()) residual = next.residual;
    activation = next.activation;
    return true;
  }

  /// Puts max pooling behind the rest; false, and nothing changed, unless only ReLU comes before and the windows lie
  /// side by side without padding.
  bool append(const MaxPool2dOptions& windows) {
    const bool is_plain = (windows.stride == kernels::Pair(0) || windows.stride == windows.kernel) &&
                          windows.padding == kernels::Padding(0) && windows.dilation == kernels::Pair(1) &&
                          !windows.ceil_mode && windows.kernel.height > 0 && windows.kernel.width > 0;
    if (!is_plain || poolable.rank() != 4 || poolable[1] < windows.kernel.height ||
        poolable[2] < windows.kernel.width || activation != Activation::relu || norm != nullptr || residual.defined() ||
        pool.has_value())
      return false;
    pool = windows;
    return true;
  }

  /// The steps as operations of their own.
  Variable<T> apply(Variable<T> y) const {
    if (norm != nullptr) {
      y = batch_norm(y, variable(norm->weight), variable(norm->bias), norm->mean, norm->variance, {.eps = norm->eps});
    }
    if (residual.defined()) {
      require<ShapeError>(y.shape() == residual.shape(), "Residual: the body gives ", y.shape(), ", the shortcut ",
                          residual.shape());
      if (activation == Activation::relu) return add_relu(y, residual);
      y = add(y, residual);
    }
    if (activation == Activation::relu) y = relu(y);
    if (activation == Activation::relu6) y = relu6(y);
    return pool.has_value() ? max_pool2d(y, *pool) : y;
  }

  /// Throws ShapeError unless the steps fit a result of this shape.
  void check(const Shape& result) const {
    const auto fits = [&](const Tensor<T>& values) {
      return values.numel() == 0 || values.shape() == Shape{result[-1]};
    };
    require<ShapeError>(
        norm == nullptr || (fits(norm->weight) && fits(norm->bias) && norm->mean.shape() == Shape{result[-1]} &&
                            norm->variance.shape() == Shape{result[-1]}),
        "batch_norm: the statistics do not fit; input ", result);
    require<ShapeError>(!residual.defined() || residual.shape() == result, "Residual: the body gives ", result,
                        ", the shortcut ", residual.shape());
  }

  /// The steps as a convolution does them; the norm is folded into its weights.
  ConvEnd<T> conv_end() const {
    return {.residual = residual.defined() ? &residual.value() : nullptr,
            .relu = activation != Activation::none,
            .most = activation == Activation::relu6 ? T{6} : std::numeric_limits<T>::infinity()};
  }

 private:
  static Variable<T> variable(const Tensor<T>& value) { return value.numel() > 0 ? Variable<T>(value) : Variable<T>(); }
};

/// x through modules one after the other (a range of pairs of a name and a pointer), then `outer`.
template <class T, class Modules>
Variable<T> run_fused(const Modules& modules, const Variable<T>& x, Tail<T> outer) {
  const bool is_observed = kashi::detail::record_observer<T>() != nullptr;
  Variable<T> value = x;
  for (auto next = modules.begin(); next != modules.end();) {
    const auto& head = *(next++)->second;
    if (head.has_hooks() || is_observed) {
      value = head(value);
      continue;
    }
    Tail<T> tail;
    if (head.can_pool(value)) tail.poolable = value.shape();
    while (next != modules.end() && !next->second->has_hooks() && next->second->join(tail)) ++next;
    if (next == modules.end() && tail.append(outer)) outer = {};
    value = head.call_with(value, tail);
  }
  return outer.apply(value);
}

}  // namespace kashi::inline v0::nn
