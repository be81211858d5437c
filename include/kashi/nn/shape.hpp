/// Layers that move numbers: Flatten, Upsample, ZeroPad2d.
#pragma once

#include <kashi/nn/module.hpp>
#include <kashi/ops/resize.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0::nn {

/// [N,H,W,C] -> [N,H*W*C]. Features come in the order row, column, channel (PyTorch's is channel, row, column).
template <class T = float>
class Flatten : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) const override { return flatten(x); }
  std::string kind() const override { return "Flatten"; }
};

/// Images made larger by a whole factor, nearest or bilinear (half-pixel centres).
template <class T = float>
class Upsample : public Module<T> {
 public:
  explicit Upsample(Index factor, ResizeMode mode = ResizeMode::nearest) : factor_(factor), mode_(mode) {
    require(factor >= 1, "Upsample: the factor must be at least 1; got ", factor);
  }
  Variable<T> forward(const Variable<T>& x) const override {
    require<ShapeError>(x.rank() == 4, "Upsample: images [N,H,W,C] are needed; got ", x.shape());
    return resize(x, {x.size(1) * factor_, x.size(2) * factor_}, {.mode = mode_});
  }
  std::string kind() const override { return "Upsample"; }
  std::string to_string() const override {
    return text("Upsample(", factor_, mode_ == ResizeMode::nearest ? ", nearest)" : ", bilinear)");
  }

 private:
  Index factor_;
  ResizeMode mode_;
};

/// Zeros around images [N,H,W,C].
template <class T = float>
class ZeroPad2d : public Module<T> {
 public:
  explicit ZeroPad2d(kernels::Padding padding) : padding_(padding) {}
  Variable<T> forward(const Variable<T>& x) const override { return pad(x, padding_); }
  std::string kind() const override { return "ZeroPad2d"; }
  std::string to_string() const override { return text("ZeroPad2d(", padding_.to_string(), ")"); }

 private:
  kernels::Padding padding_;
};

KASHI_INSTANTIATE(class Flatten<float>)
KASHI_INSTANTIATE(class Upsample<float>)
KASHI_INSTANTIATE(class ZeroPad2d<float>)

}  // namespace kashi::inline v0::nn
