/// Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019), with AMSGrad (Reddi et al., 2018), as PyTorch's:
/// eps is added after the bias correction, and AMSGrad takes the maximum of the uncorrected second moments.
#pragma once

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <kashi/kernels/elementwise.hpp>
#include <kashi/optim/optimizer.hpp>

namespace kashi::inline v0::optim {

/// Options of Adam.
struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas{0.9, 0.999};  ///< how much of the mean and of the mean square is kept
  double eps = 1e-8;
  double weight_decay = 0;  ///< an L2 term: weight_decay * p is added to the gradient
  bool amsgrad = false;     ///< divide by the largest mean square so far
  bool maximize = false;    ///< climb instead of descend
};

/// Options of AdamW.
struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas{0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;  ///< decoupled: each step takes the share lr * weight_decay off p
  bool amsgrad = false;
  bool maximize = false;
};

namespace detail {

template <class Options>
concept IsAdam = std::is_same_v<Options, AdamOptions> || std::is_same_v<Options, AdamWOptions>;

}  // namespace detail

template <detail::IsAdam Options>
void check_options(const Options& options, const std::string& who) {
  detail::require_not_negative(options.lr, who, "lr");
  detail::require_share(options.betas[0], who, "betas[0]");
  detail::require_share(options.betas[1], who, "betas[1]");
  detail::require_not_negative(options.eps, who, "eps");
  detail::require_not_negative(options.weight_decay, who, "weight_decay");
}
template <detail::IsAdam Options>
double momentum_of(const Options& options) {
  return options.betas[0];
}

namespace detail {

/// What Adam and AdamW share.
template <class T, IsAdam Options>
class AdamBase : public GroupedOptimizer<T, Options> {
 protected:
  using GroupedOptimizer<T, Options>::GroupedOptimizer;
  static constexpr bool is_decoupled = std::is_same_v<Options, AdamWOptions>;

  std::vector<std::string> buffer_names() const override { return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}; }
  bool needs_buffer(Index group, std::size_t i) const override { return i < 2 || this->options(group).amsgrad; }

  void update(Slot<T>& slot) override {
    const kernels::AdamFactors<T> factors = factors_of(slot);
    const T* gradient = slot.parameter.grad().data();
    T* p = slot.parameter.mutable_value().mutable_data();
    T* m = this->buffer(slot, 0);
    T* v = this->buffer(slot, 1);
    T* largest = this->buffer(slot, 2);
    kernels::adam_update(slot.parameter.numel(), factors, gradient, p, m, v, largest);
  }

 private:
  kernels::AdamFactors<T> factors_of(const Slot<T>& slot) const {
    const Options& options = this->options(slot.group);
    const double lr = this->lr(slot.group);
    const double beta1 = this->momentum(slot.group);
    const double beta2 = options.betas[1];
    const double steps = static_cast<double>(slot.steps);
    return {.sign = static_cast<T>(options.maximize ? -1 : 1),
            .l2 = static_cast<T>(is_decoupled ? 0 : options.weight_decay),
            .keep_weight = static_cast<T>(is_decoupled ? 1 - lr * options.weight_decay : 1),
            .beta1 = static_cast<T>(beta1),
            .take1 = static_cast<T>(1 - beta1),
            .beta2 = static_cast<T>(beta2),
            .take2 = static_cast<T>(1 - beta2),
            .root2 = static_cast<T>(std::sqrt(1 - std::pow(beta2, steps))),
            .eps = static_cast<T>(options.eps),
            .step = static_cast<T>(lr / (1 - std::pow(beta1, steps)))};
  }
};

}  // namespace detail

/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t)
/// + eps), where g includes weight_decay p. Throws ValueError for options outside their ranges.
template <class T>
class Adam : public detail::AdamBase<T, AdamOptions> {
 public:
  explicit Adam(std::vector<Variable<T>> parameters, AdamOptions options = {})
      : Adam(std::vector{ParameterGroup<T, AdamOptions>{std::move(parameters), options}}) {}
  explicit Adam(std::vector<ParameterGroup<T, AdamOptions>> groups)
      : detail::AdamBase<T, AdamOptions>("Adam", std::move(groups)) {}
};

/// First p *= 1 - lr weight_decay, then Adam's rule without weight decay in g.
/// Throws ValueError for options outside their ranges.
template <class T>
class AdamW : public detail::AdamBase<T, AdamWOptions> {
 public:
  explicit AdamW(std::vector<Variable<T>> parameters, AdamWOptions options = {})
      : AdamW(std::vector{ParameterGroup<T, AdamWOptions>{std::move(parameters), options}}) {}
  explicit AdamW(std::vector<ParameterGroup<T, AdamWOptions>> groups)
      : detail::AdamBase<T, AdamWOptions>("AdamW", std::move(groups)) {}
};

KASHI_INSTANTIATE(class GroupedOptimizer<float, AdamOptions>)
KASHI_INSTANTIATE(class GroupedOptimizer<float, AdamWOptions>)
KASHI_INSTANTIATE(class detail::AdamBase<float, AdamOptions>)
KASHI_INSTANTIATE(class detail::AdamBase<float, AdamWOptions>)
KASHI_INSTANTIATE(class Adam<float>)
KASHI_INSTANTIATE(class AdamW<float>)

}  // namespace kashi::inline v0::optim
