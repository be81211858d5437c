#include <catch2/catch.hpp>

#include <kashi/optim/adam.hpp>
#include <kashi/train/early_stopping.hpp>

#include "train/support.hpp"

using namespace kashi;

TEST_CASE("a small convolutional network learns bars from squares") {
  manual_seed(1);
  auto net = toy_network(8);
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 0.02}), nn::CrossEntropyLoss());
  const auto best = std::make_shared<train::BestModel>();
  const auto result =
      trainer.fit(toy_images(180), {.epochs = 15, .batch = 30, .validation = toy_images(60, 2), .callbacks = {best}});
  CHECK(result.history.back().at("train_loss") < 0.5 * result.history.front().at("train_loss"));
  CHECK(trainer.evaluate(toy_images(180)).at("accuracy") >= 0.95);
  CHECK(trainer.evaluate(toy_images(150, 3)).at("accuracy") >= 0.95);
}

TEST_CASE("a linear layer can't learn it, so the task is not trivial") {
  manual_seed(1);
  auto net = linear_network();
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 0.02}), nn::CrossEntropyLoss());
  trainer.fit(toy_images(180), {.epochs = 15, .batch = 30});
  CHECK(trainer.evaluate(toy_images(150, 3)).at("accuracy") < 0.6);
}
