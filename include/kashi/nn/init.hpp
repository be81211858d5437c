/// First values of weights. Definitions are PyTorch's (torch.nn.init); numbers come from the default generator unless
/// another is given.
#pragma once

#include <cmath>

#include <kashi/autograd/variable.hpp>
#include <kashi/core/random.hpp>

namespace kashi::inline v0::nn::init {

/// How many inputs and outputs one weight of a layer connects.
struct Fans {
  Index in = 0;
  Index out = 0;
};

/// Of a weight [out, ..., in]: a linear layer's [out,in] or a convolution's [O,KH,KW,C/G].
inline Fans fans(const Shape& weight) {
  require<ShapeError>(weight.rank() >= 2, "init: fans need a weight of at least 2 axes; got ", weight);
  Index taps = 1;
  for (int axis = 1; axis + 1 < weight.rank(); ++axis) taps *= weight[axis];
  return {weight[-1] * taps, weight[0] * taps};
}

/// Fills with uniform numbers in [low, high).
template <class T>
void uniform(Variable<T>& weight, double low = 0.0, double high = 1.0,
             random::Generator& generator = default_generator()) {
  weight.mutable_value().copy_from(generator.uniform<T>(weight.shape(), low, high));
}

/// Fills with normal numbers.
template <class T>
void normal(Variable<T>& weight, double mean = 0.0, double standard_deviation = 1.0,
            random::Generator& generator = default_generator()) {
  weight.mutable_value().copy_from(generator.normal<T>(weight.shape(), mean, standard_deviation));
}

template <class T>
void constant(Variable<T>& weight, double value) {
  weight.mutable_value().fill(static_cast<T>(value));
}

/// Which side of a layer keeps its variance.
enum class FanMode { fan_in, fan_out };

namespace detail {
template <class T>
double fan(const Variable<T>& weight, FanMode mode) {
  const Fans both = fans(weight.shape());
  return static_cast<double>(std::max<Index>(1, mode == FanMode::fan_in ? both.in : both.out));
}
}  // namespace detail

/// He et al. 2015 for (leaky) ReLU: uniform in +- sqrt(6 / ((1 + slope^2) fan)).
template <class T>
void kaiming_uniform(Variable<T>& weight, double negative_slope = 0.0, FanMode mode = FanMode::fan_in,
                     random::Generator& generator = default_generator()) {
  const double bound = std::sqrt(6.0 / ((1.0 + negative_slope * negative_slope) * detail::fan(weight, mode)));
  uniform(weight, -bound, bound, generator);
}

/// He et al. 2015 for (leaky) ReLU: normal with variance 2 / ((1 + slope^2) fan).
template <class T>
void kaiming_normal(Variable<T>& weight, double negative_slope = 0.0, FanMode mode = FanMode::fan_in,
                    random::Generator& generator = default_generator()) {
  normal(weight, 0.0, std::sqrt(2.0 / ((1.0 + negative_slope * negative_slope) * detail::fan(weight, mode))),
         generator);
}

/// Glorot & Bengio 2010: uniform in +- gain sqrt(6 / (fan_in + fan_out)).
template <class T>
void xavier_uniform(Variable<T>& weight, double gain = 1.0, random::Generator& generator = default_generator()) {
  const Fans both = fans(weight.shape());
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(both.in + both.out));
  uniform(weight, -bound, bound, generator);
}

/// A new weight and bias as PyTorch's convolutions and linear layers start: uniform in +- 1 / sqrt(fan_in) for both.
template <class T>
Variable<T> default_parameter(const Shape& shape, Index fan_in) {
  const double bound = fan_in > 0 ? 1.0 / std::sqrt(static_cast<double>(fan_in)) : 0.0;
  return parameter(default_generator().uniform<T>(shape, -bound, bound));
}

}  // namespace kashi::inline v0::nn::init
