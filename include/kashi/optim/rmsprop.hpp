/// RMSprop (Hinton, 2012; centered: Graves, 2013), as PyTorch's: eps is added outside the root.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include <kashi/optim/optimizer.hpp>

namespace kashi::inline v0::optim {

/// Options of RMSprop.
struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;  ///< how much of the mean square is kept
  double eps = 1e-8;
  double weight_decay = 0;  ///< an L2 term: weight_decay * p is added to the gradient
  double momentum = 0;
  bool centered = false;  ///< divide by the deviation instead of the root of the mean square
  bool maximize = false;  ///< climb instead of descend
};

inline void check_options(const RMSpropOptions& options, const std::string& who) {
  detail::require_not_negative(options.lr, who, "lr");
  detail::require_share(options.alpha, who, "alpha");
  detail::require_not_negative(options.eps, who, "eps");
  detail::require_not_negative(options.weight_decay, who, "weight_decay");
  detail::require_not_negative(options.momentum, who, "momentum");
}
inline double momentum_of(const RMSpropOptions& options) { return options.momentum; }

namespace detail {

/// The factors of one update.
template <class T>
struct RMSpropFactors {
  T lr, sign, weight_decay, alpha, take, eps, momentum;
};

/// p, the mean square v, the momentum buffer and the mean m (each null where unused) change, n numbers each.
template <class T>
void rmsprop_update(T* p, const T* gradient, T* v, T* buffer, T* m, Index n, const RMSpropFactors<T>& f) {
  for (Index i = 0; i < n; ++i) {
    const T g = f.sign * gradient[i] + f.weight_decay * p[i];
    v[i] = f.alpha * v[i] + f.take * g * g;
    T square = v[i];
    if (m != nullptr) {
      m[i] = f.alpha * m[i] + f.take * g;
      square -= m[i] * m[i];
      square = square < 0 ? T{0} : square;  // rounding; the root would be NaN
    }
    const T change = g / (std::sqrt(square) + f.eps);
    if (buffer != nullptr) buffer[i] = f.momentum * buffer[i] + change;
    p[i] -= f.lr * (buffer != nullptr ? buffer[i] : change);
  }
}

}  // namespace detail

/// v = alpha v + (1 - alpha) g^2; b = momentum b + g / (sqrt(v) + eps); p -= lr b, where g includes weight_decay p;
/// centered takes v - m^2 for v, with m = alpha m + (1 - alpha) g. Throws ValueError for options outside their ranges.
template <class T>
class RMSprop : public GroupedOptimizer<T, RMSpropOptions> {
  using Base = GroupedOptimizer<T, RMSpropOptions>;

 public:
  explicit RMSprop(std::vector<Variable<T>> parameters, RMSpropOptions options = {})
      : RMSprop(std::vector{typename Base::Group{std::move(parameters), options}}) {}
  explicit RMSprop(std::vector<ParameterGroup<T, RMSpropOptions>> groups) : Base("RMSprop", std::move(groups)) {}

 protected:
  std::vector<std::string> buffer_names() const override { return {"square_avg", "momentum_buffer", "grad_avg"}; }
  bool needs_buffer(Index group, std::size_t i) const override {
    return i == 0 || (i == 1 ? this->momentum(group) != 0 : this->options(group).centered);
  }

  void update(Slot<T>& slot) override {
    const RMSpropOptions& options = this->options(slot.group);
    const detail::RMSpropFactors<T> factors{.lr = static_cast<T>(this->lr(slot.group)),
                                            .sign = static_cast<T>(options.maximize ? -1 : 1),
                                            .weight_decay = static_cast<T>(options.weight_decay),
                                            .alpha = static_cast<T>(options.alpha),
                                            .take = static_cast<T>(1 - options.alpha),
                                            .eps = static_cast<T>(options.eps),
                                            .momentum = static_cast<T>(this->momentum(slot.group))};
    const T* gradient = slot.parameter.grad().data();
    T* p = slot.parameter.mutable_value().mutable_data();
    T* v = this->buffer(slot, 0);
    T* buffer = this->buffer(slot, 1);
    T* m = this->buffer(slot, 2);
    this->for_pieces(slot, [&](Index begin, Index n) {
      detail::rmsprop_update(p + begin, gradient + begin, v + begin, buffer == nullptr ? nullptr : buffer + begin,
                             m == nullptr ? nullptr : m + begin, n, factors);
    });
  }
};

KASHI_INSTANTIATE(class GroupedOptimizer<float, RMSpropOptions>)
KASHI_INSTANTIATE(class RMSprop<float>)

}  // namespace kashi::inline v0::optim
