#include <catch2/catch.hpp>

#include <kashi/train/early_stopping.hpp>
#include <kashi/train/weight_average.hpp>

#include "train/support.hpp"

using namespace kashi;

namespace {

/// A training with an average of the weights; what the network held at each joint.
struct Averaged {
  nn::Sequential<float> net;
  train::Trainer trainer;
  std::shared_ptr<train::WeightAverage> average;
  nn::StateDict<float> trained, judged;  ///< after the last step; when the last epoch's figures were known

  Averaged()
      : net(seeded_network()),
        trainer(net, optim::SGD(net.parameters(), {.lr = 0.3}), nn::CrossEntropyLoss()),
        average(make_average()) {}

  static nn::Sequential<float> seeded_network() {
    manual_seed(3);
    return toy_network();
  }
  std::shared_ptr<train::WeightAverage> make_average() const {
    return std::make_shared<train::WeightAverage>(net, optim::EMAOptions{.decay = 0.8});
  }
  train::FitResult fit(Index epochs, train::FitOptions options = {}) {
    options.epochs = epochs;
    options.batch = 8;
    options.workers = 0;
    options.validation = toy_images(12, 2);
    options.callbacks = {
        after_step([this](train::Trainer& t, const train::StepLog&) { trained = t.model().to_state_dict(); }), average,
        after_epoch([this](train::Trainer& t, train::EpochLog&) { judged = t.model().to_state_dict(); })};
    return trainer.fit(toy_images(24), options);
  }
};

}  // namespace

TEST_CASE("the averaged weights are judged and kept, the trained ones go on") {
  Averaged run;
  run.fit(2);
  // A loop by hand with the same average.
  nn::Sequential<float> net = Averaged::seeded_network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.3}), nn::CrossEntropyLoss());
  optim::EMA<float> average(net, {.decay = 0.8});
  trainer.fit(
      toy_images(24),
      {.epochs = 2, .batch = 8, .workers = 0, .callbacks = {after_step([&](train::Trainer&, const train::StepLog&) {
                                                average.update();
                                              })}});
  CHECK(same_weights(run.trained, net.to_state_dict()));
  const auto scope = average.swap();
  CHECK(same_weights(run.judged, net.to_state_dict()));
  CHECK(same_weights(run.net.to_state_dict(), run.judged));
  CHECK_FALSE(same_weights(run.judged, run.trained));
}

TEST_CASE("a resumed training has the same average") {
  const TemporaryFolder folder;
  Averaged whole;
  whole.fit(4);
  Averaged first;  // sets the seed of dropout again
  first.fit(2, {.checkpoint = folder.path() / "checkpoint.safetensors"});
  Averaged second;
  second.fit(4, {.checkpoint = folder.path() / "checkpoint.safetensors", .resume = true});
  CHECK(same_weights(second.net.to_state_dict(), whole.net.to_state_dict()));
  CHECK(same_weights(second.trained, whole.trained));
}
