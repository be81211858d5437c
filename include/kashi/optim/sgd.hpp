/// Stochastic gradient descent with momentum, as PyTorch's: the learning rate stays outside the momentum buffer, and
/// the buffer begins as the first gradient, without dampening.
#pragma once

#include <utility>
#include <vector>

#include <kashi/kernels/elementwise.hpp>
#include <kashi/optim/optimizer.hpp>

namespace kashi::inline v0::optim {

/// Options of SGD.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;     ///< share of a later gradient that does not enter the buffer
  double weight_decay = 0;  ///< an L2 term: weight_decay * p is added to the gradient
  bool nesterov = false;    ///< needs momentum and no dampening
  bool maximize = false;    ///< climb instead of descend
};

inline void check_options(const SGDOptions& options, const std::string& who) {
  detail::require_not_negative(options.lr, who, "lr");
  detail::require_not_negative(options.momentum, who, "momentum");
  detail::require_not_negative(options.weight_decay, who, "weight_decay");
  require(std::isfinite(options.dampening), who, ": .dampening must be finite; got ", options.dampening);
  require(!options.nesterov || (options.momentum > 0 && options.dampening == 0), who,
          ": .nesterov needs a momentum above 0 and a dampening of 0; got ", options.momentum, " and ",
          options.dampening);
}
inline double momentum_of(const SGDOptions& options) { return options.momentum; }

/// g += weight_decay p; b = g at first, then b = momentum b + (1 - dampening) g; p -= lr b, with nesterov p -= lr (g +
/// momentum b). Throws ValueError for options outside their ranges.
template <class T>
class SGD : public GroupedOptimizer<T, SGDOptions> {
  using Base = GroupedOptimizer<T, SGDOptions>;

 public:
  explicit SGD(std::vector<Variable<T>> parameters, SGDOptions options = {})
      : SGD(std::vector{typename Base::Group{std::move(parameters), options}}) {}
  explicit SGD(std::vector<ParameterGroup<T, SGDOptions>> groups) : Base("SGD", std::move(groups)) {}

 protected:
  std::vector<std::string> buffer_names() const override { return {"momentum_buffer"}; }
  bool needs_buffer(Index group, std::size_t) const override { return this->momentum(group) != 0; }

  void update(Slot<T>& slot) override {
    const SGDOptions& options = this->options(slot.group);
    const bool is_first = !this->has_buffer(slot, 0);
    const double momentum = this->momentum(slot.group);
    const kernels::SgdFactors<T> factors{.lr = static_cast<T>(this->lr(slot.group)),
                                         .sign = static_cast<T>(options.maximize ? -1 : 1),
                                         .weight_decay = static_cast<T>(options.weight_decay),
                                         .keep = static_cast<T>(is_first ? 0 : momentum),
                                         .take = static_cast<T>(is_first ? 1 : 1 - options.dampening),
                                         .momentum = static_cast<T>(momentum),
                                         .nesterov = options.nesterov};
    const T* gradient = slot.parameter.grad().data();
    T* p = slot.parameter.mutable_value().mutable_data();
    T* buffer = this->buffer(slot, 0);
    kernels::sgd_update(slot.parameter.numel(), factors, gradient, p, buffer);
  }
};

KASHI_INSTANTIATE(class GroupedOptimizer<float, SGDOptions>)
KASHI_INSTANTIATE(class SGD<float>)

}  // namespace kashi::inline v0::optim
