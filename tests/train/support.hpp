/// What the tests of training share: a toy task, a tiny network with everything that has a state, and helpers.
#pragma once

#include <string>

#include <catch2/catch.hpp>

#include <kashi/data/tensor_dataset.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/optim/sgd.hpp>
#include <kashi/train/trainer.hpp>

#include "io/temporary_folder.hpp"

/// Noisy [8,8,1] images of a horizontal bar, a vertical bar or a square, anywhere: classes 0, 1, 2 in turn.
inline kashi::data::Dataset toy_images(kashi::Index count, std::uint64_t seed = 1) {
  using namespace kashi;
  random::Generator generator(seed);
  Tensor<float> images = generator.normal<float>({count, 8, 8, 1}, 0.0, 0.2);
  const Tensor<float> places = generator.uniform<float>({count, 2}, 0.0, 4.99);
  Tensor<Index> labels = Tensor<Index>::empty({count});
  for (Index i = 0; i < count; ++i) {
    const Index kind = i % 3, height = kind == 0 ? 1 : kind == 1 ? 4 : 2, width = kind == 0 ? 4 : kind == 1 ? 1 : 2;
    labels.at(i) = kind;
    const auto top = static_cast<Index>(places(i, 0)), left = static_cast<Index>(places(i, 1));
    for (Index y = top; y < top + height; ++y)
      for (Index x = left; x < left + width; ++x) images.at(i, y, x, 0) += 1;
  }
  return data::tensor_dataset(images, labels, {"across", "down", "square"});
}

/// Convolutions, batch norm, dropout, linear; for toy_images.
inline kashi::nn::Sequential<float> toy_network(kashi::Index width = 4) {
  using namespace kashi;
  return nn::Sequential{nn::Conv2d({.in = 1, .out = width, .kernel = 3, .padding = 1}),
                        nn::BatchNorm2d(width),
                        nn::ReLU(),
                        nn::Conv2d({.in = width, .out = width, .kernel = 3, .padding = 1}),
                        nn::ReLU(),
                        nn::GlobalAvgPool2d(),
                        nn::Dropout(0.1),
                        nn::Linear({.in = width, .out = 3})};
}

/// One linear layer for toy_images: no state but its weights.
inline kashi::nn::Sequential<float> linear_network() {
  using namespace kashi;
  return nn::Sequential{nn::GlobalAvgPool2d(), nn::Linear({.in = 1, .out = 3})};
}

inline bool same_weights(const kashi::nn::StateDict<float>& a, const kashi::nn::StateDict<float>& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, value] : a) {
    const kashi::Tensor<float>* other = b.find(name);
    if (other == nullptr || !equal(value, *other)) return false;
  }
  return true;
}

/// A callback made of a function that is called after each step.
class AfterStep : public kashi::train::Callback {
 public:
  using Function = std::function<void(kashi::train::Trainer&, const kashi::train::StepLog&)>;
  explicit AfterStep(Function function) : function_(std::move(function)) {}
  void on_step(kashi::train::Trainer& trainer, const kashi::train::StepLog& log) override { function_(trainer, log); }

 private:
  Function function_;
};

inline std::shared_ptr<AfterStep> after_step(AfterStep::Function function) {
  return std::make_shared<AfterStep>(std::move(function));
}

/// A callback made of a function that is called at the end of each epoch.
class AfterEpoch : public kashi::train::Callback {
 public:
  using Function = std::function<void(kashi::train::Trainer&, kashi::train::EpochLog&)>;
  explicit AfterEpoch(Function function) : function_(std::move(function)) {}
  void on_epoch_end(kashi::train::Trainer& trainer, kashi::train::EpochLog& log) override { function_(trainer, log); }

 private:
  Function function_;
};

inline std::shared_ptr<AfterEpoch> after_epoch(AfterEpoch::Function function) {
  return std::make_shared<AfterEpoch>(std::move(function));
}
