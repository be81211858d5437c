/// Lion: EvoLved Sign Momentum (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023).
/// Its learning rate is 3 to 10 times smaller and its weight decay as much larger than AdamW's.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include <kashi/optim/optimizer.hpp>

namespace kashi::inline v0::optim {

/// Options of Lion.
struct LionOptions {
  double lr = 1e-4;
  std::array<double, 2> betas{0.9, 0.99};  ///< how much of the mean is kept: in the step, and in memory
  double weight_decay = 0;                 ///< decoupled: each step takes the share lr * weight_decay off p
  bool maximize = false;                   ///< climb instead of descend
};

inline void check_options(const LionOptions& options, const std::string& who) {
  detail::require_not_negative(options.lr, who, "lr");
  detail::require_share(options.betas[0], who, "betas[0]");
  detail::require_share(options.betas[1], who, "betas[1]");
  detail::require_not_negative(options.weight_decay, who, "weight_decay");
}
inline double momentum_of(const LionOptions& options) { return options.betas[0]; }

namespace detail {

/// The factors of one update.
template <class T>
struct LionFactors {
  T lr, sign, keep_weight, beta1, take1, beta2, take2;
};

/// p and the mean m change, n numbers each.
template <class T>
void lion_update(T* p, const T* gradient, T* m, Index n, const LionFactors<T>& f) {
  for (Index i = 0; i < n; ++i) {
    const T g = f.sign * gradient[i];
    const T u = f.beta1 * m[i] + f.take1 * g;
    const T direction = static_cast<T>(static_cast<int>(u > 0) - static_cast<int>(u < 0));
    p[i] = f.keep_weight * p[i] - f.lr * direction;
    m[i] = f.beta2 * m[i] + f.take2 * g;
  }
}

}  // namespace detail

/// p *= 1 - lr weight_decay; p -= lr sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g.
/// Throws ValueError for options outside their ranges.
template <class T>
class Lion : public GroupedOptimizer<T, LionOptions> {
  using Base = GroupedOptimizer<T, LionOptions>;

 public:
  explicit Lion(std::vector<Variable<T>> parameters, LionOptions options = {})
      : Lion(std::vector{typename Base::Group{std::move(parameters), options}}) {}
  explicit Lion(std::vector<ParameterGroup<T, LionOptions>> groups) : Base("Lion", std::move(groups)) {}

 protected:
  std::vector<std::string> buffer_names() const override { return {"exp_avg"}; }
  bool needs_buffer(Index, std::size_t) const override { return true; }

  void update(Slot<T>& slot) override {
    const LionOptions& options = this->options(slot.group);
    const double lr = this->lr(slot.group);
    const double beta1 = this->momentum(slot.group);
    const detail::LionFactors<T> factors{.lr = static_cast<T>(lr),
                                         .sign = static_cast<T>(options.maximize ? -1 : 1),
                                         .keep_weight = static_cast<T>(1 - lr * options.weight_decay),
                                         .beta1 = static_cast<T>(beta1),
                                         .take1 = static_cast<T>(1 - beta1),
                                         .beta2 = static_cast<T>(options.betas[1]),
                                         .take2 = static_cast<T>(1 - options.betas[1])};
    const T* gradient = slot.parameter.grad().data();
    T* p = slot.parameter.mutable_value().mutable_data();
    T* m = this->buffer(slot, 0);
    this->for_pieces(
        slot, [&](Index begin, Index n) { detail::lion_update(p + begin, gradient + begin, m + begin, n, factors); });
  }
};

KASHI_INSTANTIATE(class GroupedOptimizer<float, LionOptions>)
KASHI_INSTANTIATE(class Lion<float>)

}  // namespace kashi::inline v0::optim
