#include <catch2/catch.hpp>

#include <limits>

#include <kashi/core/memory.hpp>
#include <kashi/io/safetensors.hpp>
#include <kashi/train/trainer.hpp>

#include "thread_count.hpp"
#include "train/support.hpp"

using namespace kashi;
using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

namespace {

/// The weights of a linear network after training without randomness.
nn::StateDict<float> train_linear(const data::Dataset& images, train::FitOptions options) {
  manual_seed(5);
  auto net = linear_network();
  options.shuffle = false;
  train::Trainer(net, optim::SGD(net.parameters(), {.lr = 0.5}), nn::CrossEntropyLoss()).fit(images, options);
  return net.to_state_dict();
}

double distance(const nn::StateDict<float>& a, const nn::StateDict<float>& b) {
  double squares = 0;
  for (const auto& [name, value] : a) {
    const Tensor<float> difference = value - b.at(name);
    for (const float d : difference.span()) squares += static_cast<double>(d) * static_cast<double>(d);
  }
  return std::sqrt(squares);
}

/// Cross entropy that is multiplied by `factor` from step `from` on.
auto loss_that_breaks(Index from, float factor) {
  return [=, step = std::make_shared<Index>(0)](const Variable<float>& output, const Tensor<Index>& labels) {
    const Variable<float> loss = cross_entropy(output, labels);
    return (*step)++ < from ? loss : loss * factor;
  };
}

}  // namespace

TEST_CASE("accumulated gradients are those of the larger batch") {
  const data::Dataset images = toy_images(20);
  const auto whole = train_linear(images, {.epochs = 3, .batch = 20});
  const auto first = train_linear(images, {.epochs = 1, .batch = 20});
  CHECK(distance(whole, first) > 1e-3);
  // 20 images in batches of 6, 6, 6 and 2: every image has the same share.
  CHECK(distance(whole, train_linear(images, {.epochs = 3, .batch = 6, .accumulate = 4})) < 1e-6);
  CHECK(distance(whole, train_linear(images, {.epochs = 3, .batch = 6, .accumulate = 9})) < 1e-6);
  CHECK(distance(whole, train_linear(images, {.epochs = 3, .batch = 6})) > 1e-3);
}

TEST_CASE("clip_norm bounds the norm of what is trained") {
  const data::Dataset images = toy_images(12);
  auto net = linear_network();
  const auto before = net.to_state_dict();
  const auto step_length = [&](double clip) {
    net.load_state_dict(before);
    train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 1}), nn::CrossEntropyLoss());
    trainer.fit(images, {.epochs = 1, .batch = 12, .clip_norm = clip});
    return distance(net.to_state_dict(), before);
  };
  const double free_length = step_length(0);
  CHECK(step_length(free_length / 2) == Approx(free_length / 2).epsilon(1e-3));
  CHECK(step_length(free_length * 2) == Approx(free_length).epsilon(1e-6));
}

TEST_CASE("clip_norm leaves out parameters that the optimizer does not have") {
  auto net = toy_network();
  const auto before = net.to_state_dict();
  const auto train_head = [&](double clip) {
    net.load_state_dict(before);
    manual_seed(3);
    train::Trainer trainer(net, optim::SGD(net.find("7").parameters(), {.lr = 1}), nn::CrossEntropyLoss());
    trainer.fit(toy_images(12), {.epochs = 1, .batch = 12, .clip_norm = clip});
    return net.find("7").to_state_dict();
  };
  const auto start = net.find("7").to_state_dict(), unclipped = train_head(0);
  const double length = distance(unclipped, start);
  CHECK(same_weights(train_head(length * 1.01), unclipped));
  CHECK(distance(train_head(length / 2), start) == Approx(length / 2).epsilon(1e-3));
}

TEST_CASE("a loss that is not finite stops the training and keeps the checkpoint") {
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  const TemporaryFolder folder;
  const data::Dataset images = toy_images(12);
  const auto checkpoint = folder / "checkpoint.safetensors";
  auto net = toy_network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), loss_that_breaks(7, bad));
  CHECK_THROWS_WITH(trainer.fit(images, {.epochs = 4, .batch = 4, .checkpoint = checkpoint}),
                    Equals(text("train: the loss is ", bad,
                                " in epoch 3, batch 2; the weights of that step were not "
                                "used (try a smaller learning rate, or clip_norm)")));
  CHECK(folder.file_count() == 1);

  auto again = toy_network();
  train::Trainer healthy(again, optim::SGD(again.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
  const auto result = healthy.fit(images, {.epochs = 4, .batch = 4, .checkpoint = checkpoint, .resume = true});
  CHECK(result.resumed);
  CHECK(result.epochs_run == 2);
}

TEST_CASE("weights that are not finite never get into a checkpoint") {
  const TemporaryFolder folder;
  const auto checkpoint = folder / "checkpoint.safetensors";
  auto net = toy_network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
  const auto breaker = after_step([](train::Trainer& t, const train::StepLog& log) {
    if (log.epoch == 2 && log.batch == log.batches)
      t.model().parameters().back().mutable_value().at(0) = std::numeric_limits<float>::infinity();
  });
  CHECK_THROWS_WITH(
      trainer.fit(toy_images(12), {.epochs = 4, .batch = 4, .callbacks = {breaker}, .checkpoint = checkpoint}),
      Equals("train: the weight \"7.bias\" is no longer finite in epoch 2, batch 3 (try a smaller learning rate, or "
             "clip_norm)"));
  const io::TensorFile file = io::load_safetensors(checkpoint);
  CHECK(file.get<Index>("position")(0) == 1);
  CHECK(std::isfinite(file.get<float>("model.7.bias")(0)));
}

TEST_CASE("a step's memory does not grow, and after the first nothing is asked of the system") {
  auto net = toy_network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1, .momentum = 0.9}), nn::CrossEntropyLoss());
  std::vector<std::size_t> peaks, requests;
  const auto watch = after_step([&](train::Trainer&, const train::StepLog&) {
    peaks.push_back(memory::stats().peak);
    requests.push_back(memory::stats().system_allocations);
    memory::reset_peak();
  });
  trainer.fit(toy_images(48), {.epochs = 3, .batch = 8, .workers = 0, .callbacks = {watch}});
  REQUIRE(peaks.size() == 18);
  for (std::size_t i = 2; i < peaks.size(); ++i) {
    INFO("step " << i);
    CHECK(peaks[i] <= peaks[1]);
    CHECK(requests[i] == requests[1]);
  }
}

TEST_CASE("the same weights for every number of threads and workers") {
  const data::Dataset images = toy_images(40);
  const auto train_with = [&](int threads, int workers) {
    const ThreadCount count(threads);
    manual_seed(9);
    auto net = toy_network(24);
    train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1, .momentum = 0.9}), nn::CrossEntropyLoss());
    trainer.fit(images, {.epochs = 2, .batch = 16, .workers = workers, .validation = images});
    return net.to_state_dict();
  };
  const auto expected = train_with(1, 0);
  CHECK(same_weights(train_with(1, 2), expected));
  CHECK(same_weights(train_with(2, 1), expected));
  CHECK(same_weights(train_with(3, 3), expected));
}

TEST_CASE("evaluate leaves the mode and the weights as they were") {
  auto net = toy_network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
  const auto before = net.to_state_dict();
  const train::Evaluation found = trainer.evaluate(toy_images(10), {.batch = 4});
  CHECK(net.is_training());
  CHECK(same_weights(net.to_state_dict(), before));
  CHECK(found.images == 10);
  CHECK(found.at("accuracy") == trainer.evaluate(toy_images(10), {.batch = 3}).at("accuracy"));
  CHECK(found.loss == Approx(trainer.evaluate(toy_images(10), {.batch = 10}).loss));
  CHECK_THAT(found.to_string(), StartsWith("10 images: loss ") && Contains(", accuracy 0."));
  CHECK_THROWS_WITH(found.at("dice"), Equals("Evaluation: there is no metric \"dice\""));

  const data::Dataset broken(3, [](Index) -> data::Example { throw IoError("a.png can't be read"); });
  CHECK_THROWS_WITH(trainer.evaluate(broken), Equals("a.png can't be read"));
  CHECK(net.is_training());
  net.eval();
  trainer.evaluate(toy_images(4));
  CHECK_FALSE(net.is_training());
}

TEST_CASE("a last batch of one can be left out") {
  nn::Sequential net{nn::GlobalAvgPool2d(), nn::BatchNorm1d(1), nn::Linear({.in = 1, .out = 3})};
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
  CHECK_THROWS_WITH(trainer.fit(toy_images(13), {.epochs = 1, .batch = 4}),
                    StartsWith("batch_norm: more than one value per channel is needed in training"));
  const auto result = trainer.fit(toy_images(13), {.epochs = 1, .batch = 4, .drop_last = true});
  CHECK(result.epochs == 1);
  CHECK_THROWS_WITH(trainer.fit(toy_images(3), {.epochs = 1, .batch = 4, .drop_last = true}),
                    Equals("fit: .drop_last leaves no batch of 4 among 3 images"));
}

TEST_CASE("the history tells each epoch's figures") {
  auto net = toy_network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.25}), nn::CrossEntropyLoss());
  const auto result = trainer.fit(toy_images(12), {.epochs = 2, .batch = 8, .validation = toy_images(6, 2)});
  REQUIRE(result.history.size() == 2);
  const train::EpochLog& log = result.history[1];
  CHECK(log.epoch == 2);
  CHECK(log.at("lr") == 0.25);
  CHECK(log.contains("val_accuracy"));
  CHECK(log.at("val_loss") == Approx(trainer.evaluate(toy_images(6, 2)).loss));
  CHECK_THROWS_WITH(log.at("val_dice"), Equals("train: no figure \"val_dice\" is logged; there are: train_loss, lr, "
                                               "val_loss, val_accuracy"));
}

TEST_CASE("losses take labels, targets or the whole batch") {
  auto net = linear_network();
  const auto fit_with = [&](auto loss) {
    train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), loss);
    return trainer.fit(toy_images(6), {.epochs = 1, .batch = 6, .validation = toy_images(6)}).history.front();
  };
  CHECK(fit_with(nn::CrossEntropyLoss()).contains("val_accuracy"));
  const auto of_batch = [](const Variable<float>& output, const data::Batch& batch) {
    return cross_entropy(output, batch.labels);
  };
  CHECK_FALSE(fit_with(of_batch).contains("val_accuracy"));
  CHECK_THROWS_AS(fit_with(nn::MSELoss()), ShapeError);  // these images have no targets
}

TEST_CASE("fit refuses options that can't be") {
  auto net = linear_network();
  train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
  const auto refusal = [&](train::FitOptions options) {
    try {
      trainer.fit(toy_images(3), options);
    } catch (const ValueError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  CHECK(refusal({.epochs = 0}) == "fit: .epochs and .accumulate must be at least 1; got 0 and 1");
  CHECK(refusal({.accumulate = 0}) == "fit: .epochs and .accumulate must be at least 1; got 10 and 0");
  CHECK(refusal({.batch = 0}) == "Loader: batch must be at least 1; got 0");
  CHECK(refusal({.workers = -1}) == "Loader: workers can't be negative; got -1");
  CHECK(refusal({.clip_norm = -1}) == "fit: .clip_norm can't be negative; got -1");
  CHECK(refusal({.callbacks = {nullptr}}) == "fit: a callback is null");
  CHECK(refusal({.resume = true}) == "fit: .resume needs the file to go on from; .checkpoint is empty");
  CHECK_THROWS_WITH(trainer.fit(data::Dataset(), {}), Equals("fit: the dataset is empty"));
  CHECK_THROWS_WITH(trainer.evaluate(data::Dataset()), Equals("evaluate: the dataset is empty"));
}
