/// Small networks of different sensitivity: all learn the same drawn digits, each in another way.
#pragma once

#include <list>
#include <string>
#include <vector>

#include <kashi/data/synthetic.hpp>
#include <kashi/explain/attack.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/optim/adam.hpp>

#include "cam/variants.hpp"

namespace cam {

/// Faint stripes that tell the class: a change of 3 grey levels that nobody sees, but that a network may learn instead
/// of digits.
inline void add_faint_stripes(Tensor<float>& pixels, Index label) {
  constexpr float strength = 3.0f / 255;
  float* value = pixels.mutable_data();
  for (Index y = 0; y < pixels.size(0); ++y)
    for (Index x = 0; x < pixels.size(1); ++x) {
      const bool is_up = label == 0   ? y % 2 == 0
                         : label == 1 ? x % 2 == 0
                         : label == 2 ? (x + y) % 2 == 0
                                      : (x + y) % 4 < 2;
      for (Index c = 0; c < 3; ++c, ++value) *value = std::clamp(*value + (is_up ? strength : -strength), 0.0f, 1.0f);
    }
}

/// Goes on learning from pictures that are attacked at each step (Madry et al. 2018, with one step of FGSM of 8/255).
inline void harden(examples::PhotoNetwork& network, const examples::Flags& flags, Index epochs) {
  const data::Dataset digits =
      data::handwritten_digits({.count = 800, .size = network.preset.crop, .seed = flags.seed + 1});
  network.net.set_requires_grad(true);
  optim::AdamW<float> optimizer(network.net.parameters(), {.lr = 1e-3});
  const nn::CrossEntropyLoss loss;
  random::Generator generator(flags.seed);
  constexpr Index batch = 32;
  for (Index epoch = 0; epoch < epochs; ++epoch) {
    const Tensor<Index> order = generator.permutation(digits.size());
    for (Index begin = 0; begin + batch <= digits.size(); begin += batch) {
      std::vector<Tensor<float>> images;
      Tensor<Index> labels = Tensor<Index>::empty({batch});
      for (Index i = 0; i < batch; ++i) {
        const data::Example example = digits.get(order(begin + i));
        images.push_back(example.image);
        labels.at(i) = example.label;
      }
      network.from_pixels.eval();
      const Tensor<float> attacked = explain::fgsm<float>(
          network.from_pixels, stack(images), labels, {.epsilon = generator.uniform<float>({1}, 0.0, 8.0 / 255)(0)});
      network.net.train();
      optimizer.zero_grad();
      loss(network.from_pixels(Variable<float>(attacked)), labels).backward();
      optimizer.step();
    }
  }
  network.from_pixels.eval();
  network.from_pixels.set_requires_grad(false);
}

/// The digits network that there is, and three of its kind. The list owns the new networks.
inline std::vector<Variant> digit_variants(examples::PhotoNetwork& network, const examples::Flags& flags,
                                           std::list<examples::PhotoNetwork>& networks) {
  networks.push_back(examples::train_digits_network(flags));
  examples::PhotoNetwork& hardened = networks.back();
  harden(hardened, flags, flags.quick ? 2 : 12);
  networks.push_back(examples::train_digits_network(flags, [](data::Example& example, data::RandomStream& random) {
    for (float& value : example.image.mutable_span())
      value = std::clamp(value + static_cast<float>(random.uniform(-24.0 / 255, 24.0 / 255)), 0.0f, 1.0f);
  }));
  examples::PhotoNetwork& noisy = networks.back();
  networks.push_back(examples::train_digits_network(
      flags, [](data::Example& example, data::RandomStream&) { add_faint_stripes(example.image, example.label); }));
  examples::PhotoNetwork& brittle = networks.back();
  return {{.name = "learnt from attacks",
           .file = "attacks",
           .meaning = "went on learning from attacked pictures",
           .network = &hardened},
          {.name = "learnt from noise",
           .file = "noise",
           .meaning = "learnt from pictures with noise of 24/255",
           .network = &noisy},
          {.name = "usual", .file = "usual", .meaning = "learnt from the pictures as they are", .network = &network},
          {.name = "brittle",
           .file = "brittle",
           .meaning = "learnt from pictures with faint stripes of 3/255 that tell the class, and sees such pictures",
           .network = &brittle,
           .prepare = [](const Tensor<float>& pixels, Index label) {
             Tensor<float> out = pixels.clone();
             add_faint_stripes(out, label);
             return out;
           }}};
}

}  // namespace cam
