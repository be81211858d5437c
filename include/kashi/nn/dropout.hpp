/// Dropout layers. Masks come from the default generator, in training mode only.
#pragma once

#include <kashi/nn/module.hpp>
#include <kashi/ops/dropout.hpp>

namespace kashi::inline v0::nn {

/// Sets each number to 0 with probability p in training and divides the others by 1 - p (Srivastava et al. 2014).
/// Throws ValueError for a p outside [0, 1].
template <class T = float>
class Dropout : public Module<T> {
 public:
  explicit Dropout(double p = 0.5) : p_(p) { require(p >= 0 && p <= 1, "Dropout: p must lie in [0, 1]; got ", p); }
  Variable<T> forward(const Variable<T>& x) const override { return dropout(x, p_, this->is_training()); }
  bool join(Tail<T>&) const override { return !this->is_training(); }
  std::string kind() const override { return "Dropout"; }
  std::string to_string() const override { return text("Dropout(", p_, ")"); }

 private:
  double p_;
};

/// The same for whole channels of images [N,H,W,C] (Tompson et al. 2015).
template <class T = float>
class Dropout2d : public Module<T> {
 public:
  explicit Dropout2d(double p = 0.5) : p_(p) { require(p >= 0 && p <= 1, "Dropout2d: p must lie in [0, 1]; got ", p); }
  Variable<T> forward(const Variable<T>& x) const override { return dropout2d(x, p_, this->is_training()); }
  bool join(Tail<T>&) const override { return !this->is_training(); }
  std::string kind() const override { return "Dropout2d"; }
  std::string to_string() const override { return text("Dropout2d(", p_, ")"); }

 private:
  double p_;
};

KASHI_INSTANTIATE(class Dropout<float>)
KASHI_INSTANTIATE(class Dropout2d<float>)

}  // namespace kashi::inline v0::nn
