#include "common/small_network.hpp"

#include <kashi/data/synthetic.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/train/trainer.hpp>

namespace examples {

using namespace kashi;

nn::Sequential<float> small_network(Index classes) {
  const auto unit = [](Index in, Index out) {
    return nn::Sequential{nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = 2, .padding = 1, .bias = false}),
                          nn::BatchNorm2d(out), nn::ReLU()};
  };
  nn::Sequential<float> net, features{unit(3, 16), unit(16, 32), unit(32, 64)};
  net.add("features", features).add("pool", nn::GlobalAvgPool2d()).add("fc", nn::Linear({.in = 64, .out = classes}));
  return net;
}

models::Preset small_preset() {
  return {
      .name = small_network_name, .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}, .crop = 64, .shorter_side = 0};
}

nn::Sequential<float> learnt_small_network(std::uint64_t seed, const data::Transform& change) {
  const models::Preset preset = small_preset();
  nn::Sequential<float> net = small_network();
  const data::Dataset digits = data::handwritten_digits({.count = 800, .size = preset.crop, .seed = seed + 1})
                                   .map([&](data::Example& example, data::RandomStream& random) {
                                     if (change) change(example, random);
                                     example.image = models::normalize_for(example.image, preset);
                                   });
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 3e-3}), nn::CrossEntropyLoss());
  trainer.fit(digits, {.epochs = 24, .batch = 32, .seed = seed});
  return net;
}

}  // namespace examples
