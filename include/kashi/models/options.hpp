/// What all named networks have in common: their options, and small pieces that they are built from.
///
/// The networks are nn::Sequentials whose parameters have the names of the files in which such networks travel
/// (torchvision's, where it has the network), so that a state dict loads without renaming.
#pragma once

#include <array>
#include <cmath>

#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>

namespace kashi::inline v0::models {

/// Where a convolution with a stride puts its zeros: alike on all sides, as PyTorch's networks do, or as TensorFlow's
/// `SAME`, the odd row and column at the end. At stride 1 both are the same. Weights fit only the one they learnt with.
enum class StridePadding {
  usual,      ///< what the network's first publication has
  symmetric,  ///< (kernel - 1) / 2 on every side
  same        ///< nn::same
};

/// Options of every network here.
struct ModelOptions {
  Index classes = 0;  ///< outputs; 0: the network's usual number
  Index in = 3;       ///< channels of the input
  StridePadding padding = StridePadding::usual;
  double dropout = -1;  ///< before the head; negative: the network's usual
  double eps = 0;       ///< of the batch norms in MobileNets and EfficientNets; 0: the usual
};

namespace detail {

inline Index classes_or(const ModelOptions& options, Index usual) {
  require(options.classes >= 0, "models: .classes can't be negative; got ", options.classes);
  return options.classes > 0 ? options.classes : usual;
}

inline double dropout_or(const ModelOptions& options, double usual) {
  return options.dropout < 0 ? usual : options.dropout;
}

inline double eps_or(const ModelOptions& options, double usual) { return options.eps > 0 ? options.eps : usual; }

/// The padding of a network whose usual one is given.
inline Padding padding_of(StridePadding wanted, StridePadding usual, Index kernel, Index dilation = 1) {
  const StridePadding chosen = wanted == StridePadding::usual ? usual : wanted;
  return chosen == StridePadding::same ? Padding(nn::same) : Padding(dilation * (kernel - 1) / 2);
}

/// First weights of convolutions and linear layers as torchvision's networks have them: He's normal numbers by the
/// number of outputs (He et al. 2015), no bias; linear layers with a standard deviation of 0.01 if asked.
template <class T>
void init_weights(nn::Module<T>& net, bool linear_too = false) {
  for (auto& [name, module] : net.named_modules()) {
    if (auto* conv = dynamic_cast<nn::Conv2d<T>*>(module)) {
      nn::init::kaiming_normal(conv->weight(), 0.0, nn::init::FanMode::fan_out);
      if (conv->bias().defined()) nn::init::constant(conv->bias(), 0.0);
    } else if (auto* linear = dynamic_cast<nn::Linear<T>*>(module); linear != nullptr && linear_too) {
      nn::init::normal(linear->weight(), 0.0, 0.01);
      if (linear->bias().defined()) nn::init::constant(linear->bias(), 0.0);
    }
  }
}

/// The whole number nearest to channels * width that is divisible by 8 and not under 90 % of it (Sandler et al. 2018).
inline Index scaled_channels(Index channels, double width) {
  constexpr Index step = 8;
  const double wanted = static_cast<double>(channels) * width;
  const auto rounded = std::max<Index>(step, static_cast<Index>(wanted + static_cast<double>(step) / 2) / step * step);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + step : rounded;
}

}  // namespace detail

}  // namespace kashi::inline v0::models
