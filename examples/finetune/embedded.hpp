/// What finetune learns from where nobody gives it pictures or weights: drawn shapes in ten textures. A small network
/// learns to tell many pictures of six shapes apart, then from few pictures four shapes that it has never seen.
#pragma once

#include <string>
#include <vector>

#include <kashi/data/textured_shapes.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/train/schedule.hpp>
#include <kashi/train/trainer.hpp>

#include "common/small_network.hpp"
#include "finetune/pictures.hpp"

namespace finetune {

inline constexpr Index shapes = 10, known_shapes = 6, textures = 10;

/// Drawings of the shapes from `first` to before `last`, as many of each shape in each texture.
inline data::Dataset drawn_shapes(Index first, Index last, Index of_each, std::uint64_t seed) {
  const data::Dataset all = data::textured_shapes(
      {.count = of_each * shapes * textures, .size = examples::small_preset().crop, .seed = seed});
  std::vector<Index> chosen;
  for (Index i = 0; i < all.size(); ++i)
    if (const Index shape = all.label(i) / textures; shape >= first && shape < last) chosen.push_back(i);
  return all.subset(chosen);
}

/// The small network after it learnt the known shapes in their textures, a class each.
inline kashi::nn::Sequential<float> network_of_known_shapes(std::uint64_t seed, Index of_each) {
  using namespace kashi;
  const models::Preset preset = examples::small_preset();
  nn::Sequential<float> net = examples::small_network(known_shapes * textures);
  const data::Dataset pictures =
      drawn_shapes(0, known_shapes, of_each, seed + 1).map([&](data::Example& example, data::RandomStream&) {
        example.image = models::normalize_for(example.image, preset);
      });
  constexpr Index epochs = 20, batch = 32;
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 5e-3}), nn::CrossEntropyLoss());
  const auto schedule = std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(),
      optim::OneCycleLROptions{
          .max_lr = {5e-3}, .epochs = epochs, .steps_per_epoch = (pictures.size() + batch - 1) / batch});
  trainer.fit(pictures, {.epochs = epochs,
                         .batch = batch,
                         .seed = seed,
                         .callbacks = {std::make_shared<train::Schedule>(schedule, train::Every::step)}});
  return net;
}

/// The unknown shapes, whatever their texture: few to learn from, many for the test.
inline Parts unknown_shapes(std::uint64_t seed, Index learning_of_each, Index test_of_each) {
  const std::vector<std::string> names(data::detail::shape_names.begin() + known_shapes,
                                       data::detail::shape_names.end());
  const auto draw = [&](Index of_each, std::uint64_t part) {
    const data::Dataset drawn = drawn_shapes(known_shapes, shapes, of_each, seed + part);
    const auto class_of = [drawn](Index i) { return drawn.label(i) / textures - known_shapes; };
    return data::Dataset(
        drawn.size(),
        [drawn, class_of](Index i) {
          data::Example example = drawn.get(i);
          example.label = class_of(i);
          return example;
        },
        class_of, names);
  };
  return {draw(learning_of_each, 2), draw(1, 3), draw(test_of_each, 4)};
}

}  // namespace finetune
