/// Training: the trainer with its callbacks, checkpoints, and the same loop written out.
#include <kashi/kashi.hpp>

#include <cstdio>
#include <filesystem>

using namespace kashi;

nn::Sequential<float> network() {
  manual_seed(42);
  return nn::Sequential{nn::BatchNorm2d(3),
                        nn::Conv2d({.in = 3, .out = 16, .kernel = 3, .stride = 2, .padding = 1}),
                        nn::BatchNorm2d(16),
                        nn::ReLU(),
                        nn::GlobalAvgPool2d(),
                        nn::Dropout(0.1),
                        nn::Linear({.in = 16, .out = 4})};
}

/// Trains for `epochs` epochs, going on from the checkpoint if there is one.
nn::StateDict<float> train_for(Index epochs, const std::string& checkpoint, const data::Dataset& digits) {
  auto net = network();
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 5e-3}), nn::CrossEntropyLoss());
  const train::FitResult result =
      trainer.fit(digits, {.epochs = epochs, .batch = 32, .checkpoint = checkpoint, .resume = true});
  std::printf("%s: %ld epochs done, %ld of them now\n", result.resumed ? "resumed" : "fresh",
              static_cast<long>(result.epochs), static_cast<long>(result.epochs_run));
  return net.to_state_dict();
}

bool same_weights(const nn::StateDict<float>& a, const nn::StateDict<float>& b) {
  for (const auto& [name, value] : a)
    if (!equal(value, b.at(name))) return false;
  return true;
}

int main() {
  const data::Dataset digits = data::handwritten_digits({.count = 320, .size = 32});
  const auto [learning, validation] = data::split(digits, {.train = 0.8});

  // Callbacks watch the training and may steer it.
  auto net = network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1, .momentum = 0.9, .nesterov = true}),
                         nn::CrossEntropyLoss({.label_smoothing = 0.05}));
  trainer.set_metrics({std::make_shared<train::Accuracy>(), std::make_shared<train::TopKAccuracy>(2)});
  const auto schedule =
      std::make_shared<optim::CosineAnnealingLR>(trainer.optimizer(), optim::CosineAnnealingLROptions{.T_max = 3});
  const auto best = std::make_shared<train::BestModel>(
      train::BestModelOptions{.metric = "val_accuracy", .goal = train::Goal::maximize});
  const train::FitResult result = trainer.fit(
      learning,
      {.epochs = 3,
       .batch = 32,
       .transform = data::Compose({data::RandomAffine({.degrees = 10}), data::ColorJitter({.brightness = 0.2})}),
       .validation = validation,
       .clip_norm = 5,
       .callbacks = {std::make_shared<train::Schedule>(schedule, train::Every::epoch), best,
                     std::make_shared<train::EarlyStopping>(train::EarlyStoppingOptions{.patience = 5}),
                     std::make_shared<train::CsvLog>("log.csv"), std::make_shared<train::ProgressBar>()}});
  for (const auto& [name, value] : result.history.back().values()) std::printf("%s ", name.c_str());
  std::printf("\nbest epoch is one of 3: %s\n", best->epoch() >= 1 && best->epoch() <= 3 ? "yes" : "no");

  // Stopped after two epochs and resumed, or trained in one go: the same bits.
  std::filesystem::remove("one_go.safetensors");
  std::filesystem::remove("two_goes.safetensors");
  const auto one_go = train_for(4, "one_go.safetensors", digits);
  train_for(2, "two_goes.safetensors", digits);
  const auto two_goes = train_for(4, "two_goes.safetensors", digits);
  std::printf("the weights are %s\n", same_weights(one_go, two_goes) ? "the same bits" : "different");

  // The loop itself, for when the trainer is in the way.
  auto plain = network();
  optim::Adam adam(plain.parameters(), {.lr = 1e-2});
  optim::StepLR step(adam, {.step_size = 2, .gamma = 0.5});
  const data::Loader loader(learning, {.batch = 32, .shuffle = true});
  const nn::CrossEntropyLoss loss_of;
  double first = 0, last = 0;
  for (Index epoch = 0; epoch < 4; ++epoch) {
    double sum_of_losses = 0;
    for (const data::Batch& batch : loader.epoch(epoch)) {
      adam.zero_grad();
      const Variable<float> loss = loss_of(plain(batch.images), batch.labels);
      loss.backward();
      optim::clip_grad_norm(plain.parameters(), 5.0);
      adam.step();
      sum_of_losses += static_cast<double>(loss.item());
    }
    step.step();
    (epoch == 0 ? first : last) = sum_of_losses;
  }
  std::printf("the loss went %s, the learning rate is %g\n", last < first ? "down" : "up", adam.lr());
}
