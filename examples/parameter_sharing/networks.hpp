/// Four networks of the same shape, 36x36x1 -> 16x16x4 -> 7x7x16 -> 5x5x32 -> classes, that differ in what shares its
/// weights.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>

#include "parameter_sharing/locally_connected.hpp"

namespace sharing {

using kashi::Index;
using Network = kashi::nn::Sequential<float>;

inline constexpr Index image_size = 36, first_size = 16, second_size = 7, map_size = 5;
inline constexpr Index first_channels = 4, second_channels = 16, map_channels = 32;
/// Pixels that make one step of the last map. A place of it sees 17 pixels.
inline constexpr Index map_stride = 4;

/// Windows of 5, 3 and 3, the first two layers' two apart; the same weights everywhere.
inline Network convolution_features() {
  using namespace kashi;
  return {nn::Conv2d({.in = 1, .out = first_channels, .kernel = 5, .stride = 2}),
          nn::ReLU(),
          nn::Conv2d({.in = first_channels, .out = second_channels, .kernel = 3, .stride = 2}),
          nn::ReLU(),
          nn::Conv2d({.in = second_channels, .out = map_channels, .kernel = 3}),
          nn::ReLU()};
}

/// The same windows, each position with weights of its own.
inline Network local_features() {
  using namespace kashi;
  using Local = LocallyConnected2d<float>;
  return {Local({.in = 1, .out = first_channels, .kernel = 5, .stride = 2, .size = image_size}),
          nn::ReLU(),
          Local({.in = first_channels, .out = second_channels, .kernel = 3, .stride = 2, .size = first_size}),
          nn::ReLU(),
          Local({.in = second_channels, .out = map_channels, .kernel = 3, .size = second_size}),
          nn::ReLU()};
}

/// As many numbers, each with a weight for every number before it.
inline Network dense_features() {
  using namespace kashi;
  constexpr Index pixels = image_size * image_size, first = first_size * first_size * first_channels,
                  second = second_size * second_size * second_channels, map = map_size * map_size * map_channels;
  return {nn::Flatten(), nn::Linear({.in = pixels, .out = first}), nn::ReLU(), nn::Linear({.in = first, .out = second}),
          nn::ReLU(),    nn::Linear({.in = second, .out = map}),   nn::ReLU()};
}

/// A kind of network: its features, and whether the classes see every place of the last map or
/// only each channel's largest number.
struct Kind {
  std::string name;
  std::function<Network()> features;
  bool pools = false;

  /// Children "features" and "head".
  Network make(Index classes) const {
    using namespace kashi;
    Network net;
    net.add("features", features());
    nn::Sequential<float> head;
    if (pools) head.add(nn::MaxPool2d(map_size));
    const Index places = pools ? 1 : map_size * map_size;
    net.add("head", head.add(nn::Flatten()).add(nn::Linear({.in = places * map_channels, .out = classes})));
    return net;
  }
};

inline const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{{"convolution, max", convolution_features, true},
                                     {"convolution", convolution_features},
                                     {"locally connected", local_features},
                                     {"dense", dense_features}};
  return all;
}

}  // namespace sharing
