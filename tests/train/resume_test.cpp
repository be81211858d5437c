#include <catch2/catch.hpp>

#include <csignal>

#include <kashi/data/transforms.hpp>
#include <kashi/io/file.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/cosine_lr.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/schedule.hpp>

#include "train/support.hpp"

using namespace kashi;

namespace {

struct Setup {
  int workers = 0;
  Index accumulate = 1;
  bool stops_early = false;
  bool adam = false;
};

constexpr Index images = 20, batch = 6, epochs = 4;

Index steps_an_epoch(const Setup& setup) {
  const Index batches = (images + batch - 1) / batch;
  return (batches + setup.accumulate - 1) / setup.accumulate;
}

/// What a training left: the network at its end, the checkpoint, the log.
struct Outcome {
  nn::StateDict<float> weights;
  io::TensorFile checkpoint;
  std::string log;
  train::FitResult result;
};

/// One sitting: everything is made anew, as in a new process, and Ctrl-C comes after `stop_after` steps (0: never).
Outcome sit(const std::filesystem::path& folder, const Setup& setup, Index stop_after, bool resume) {
  manual_seed(resume ? 1234 : 7);  // the checkpoint must bring back the first weights' seed and the dropout masks
  auto net = toy_network();
  const auto make_trainer = [&] {
    const nn::CrossEntropyLoss loss({.label_smoothing = 0.1});
    if (setup.adam) return train::Trainer(net, optim::AdamW(net.parameters(), {.lr = 0.01}), loss);
    return train::Trainer(net, optim::SGD(net.parameters(), {.lr = 0.05, .momentum = 0.9, .nesterov = true}), loss);
  };
  train::Trainer trainer = make_trainer();
  const auto cosine = std::make_shared<optim::CosineAnnealingLR>(
      trainer.optimizer(), optim::CosineAnnealingLROptions{.T_max = epochs * steps_an_epoch(setup)});
  const auto interrupt = after_step([stop_after, done = Index{0}](train::Trainer&, const train::StepLog&) mutable {
    if (++done == stop_after) std::raise(SIGINT);
  });
  const train::EarlyStoppingOptions stopping{.patience = 2, .min_delta = setup.stops_early ? 10.0 : 0.0};
  const train::InterruptGuard guard;
  Outcome out;
  out.result = trainer.fit(
      toy_images(images),
      {.epochs = epochs,
       .batch = batch,
       .seed = 11,
       .workers = setup.workers,
       .transform = data::Compose({data::RandomHorizontalFlip(), data::ColorJitter({.brightness = 0.2})}),
       .validation = toy_images(9, 2),
       .accumulate = setup.accumulate,
       .clip_norm = 1,
       .callbacks = {interrupt, std::make_shared<train::Schedule>(cosine, train::Every::step),
                     std::make_shared<train::BestModel>(train::BestModelOptions{.path = folder / "best.safetensors"}),
                     std::make_shared<train::EarlyStopping>(stopping),
                     std::make_shared<train::CsvLog>(folder / "log.csv")},
       .checkpoint = folder / "checkpoint.safetensors",
       .resume = resume});
  out.weights = net.to_state_dict();
  out.checkpoint = io::load_safetensors(folder / "checkpoint.safetensors");
  if (std::filesystem::exists(folder / "log.csv")) out.log = io::read_text_file(folder / "log.csv");
  return out;
}

/// Sittings until the training is finished; each but the last ends after `stop_after` steps.
Outcome sit_until_finished(const std::filesystem::path& folder, const Setup& setup, Index stop_after) {
  Outcome out = sit(folder, setup, stop_after, false);
  for (int sittings = 1; out.result.interrupted; ++sittings) {
    REQUIRE(sittings < 40);
    out = sit(folder, setup, stop_after, true);
    CHECK(out.result.resumed);
  }
  return out;
}

/// The log without seconds and rates.
std::vector<std::string> figures(const std::string& log) {
  std::vector<std::string> out;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(','), third = line.find(',', line.find(',', first + 1) + 1);
    out.push_back(line.substr(0, first) + line.substr(third));
  }
  return out;
}

bool same_bytes(const io::TensorValue& a, const io::TensorValue& b) {
  const auto x = io::detail::bytes_of(a), y = io::detail::bytes_of(b);
  return a.index() == b.index() && io::shape_of(a) == io::shape_of(b) &&
         std::equal(x.begin(), x.end(), y.begin(), y.end());
}

void check_same(const Outcome& found, const Outcome& expected) {
  CHECK(same_weights(found.weights, expected.weights));
  CHECK(figures(found.log) == figures(expected.log));
  REQUIRE(found.checkpoint.size() == expected.checkpoint.size());
  for (const auto& entry : expected.checkpoint.entries()) {
    if (entry.name == "history.seconds" || entry.name == "history.images_per_second") continue;
    INFO(entry.name);
    CHECK(same_bytes(found.checkpoint.at(entry.name), entry.value));
  }
}

}  // namespace

TEST_CASE("a training that is stopped after any step goes on bit for bit") {
  const Setup setup = GENERATE(Setup{}, Setup{.accumulate = 2}, Setup{.adam = true});
  const TemporaryFolder whole;
  const Outcome expected = sit(whole.path(), setup, 0, false);
  CHECK(expected.result.epochs == epochs);
  CHECK_FALSE(expected.result.interrupted);
  for (Index stop_after = 1; stop_after < epochs * steps_an_epoch(setup); ++stop_after) {
    INFO("stopped after " << stop_after << " steps, accumulate " << setup.accumulate);
    const TemporaryFolder folder;
    check_same(sit_until_finished(folder.path(), setup, stop_after), expected);
  }
}

TEST_CASE("a resumed training may have another number of workers") {
  const TemporaryFolder whole;
  const Outcome expected = sit(whole.path(), {}, 0, false);
  for (const int workers : {1, 2}) {
    const TemporaryFolder folder;
    sit(folder.path(), {.workers = workers}, 6, false);
    check_same(sit(folder.path(), {.workers = 3 - workers}, 0, true), expected);
  }
}

TEST_CASE("early stopping counts over sittings") {
  const Setup setup{.stops_early = true};
  const TemporaryFolder whole;
  const Outcome expected = sit(whole.path(), setup, 0, false);
  CHECK(expected.result.epochs == 3);
  const TemporaryFolder folder;
  const Outcome found = sit_until_finished(folder.path(), setup, 3);
  CHECK(found.result.epochs == 3);
  check_same(found, expected);
  const Outcome again = sit(folder.path(), setup, 0, true);
  CHECK(again.result.epochs_run == 0);
  check_same(again, expected);
}

TEST_CASE("the log has no gap and no double after resuming") {
  const TemporaryFolder folder;
  const Outcome out = sit_until_finished(folder.path(), {}, 5);
  const auto rows = figures(out.log);
  REQUIRE(rows.size() == static_cast<std::size_t>(epochs) + 1);
  for (Index epoch = 1; epoch <= epochs; ++epoch)
    CHECK(rows[static_cast<std::size_t>(epoch)].starts_with(std::to_string(epoch) + ","));
  CHECK(out.result.history.size() == static_cast<std::size_t>(epochs));
  CHECK(out.result.history.front().at("train_loss") > 0);
}

TEST_CASE("a finished training is left as it is") {
  const TemporaryFolder folder;
  const Outcome expected = sit(folder.path(), {}, 0, false);
  const auto before = std::filesystem::last_write_time(folder / "checkpoint.safetensors");
  const Outcome found = sit(folder.path(), {}, 0, true);
  CHECK(found.result.epochs_run == 0);
  CHECK(found.result.resumed);
  check_same(found, expected);
  CHECK(std::filesystem::last_write_time(folder / "checkpoint.safetensors") == before);
}

TEST_CASE("without a checkpoint a resumed training starts afresh; a new one replaces an old checkpoint at once") {
  const TemporaryFolder folder;
  CHECK_FALSE(sit(folder.path(), {}, 3, true).result.resumed);
  const Outcome fresh = sit(folder.path(), {}, 1, false);
  CHECK(fresh.result.interrupted);
  CHECK(fresh.checkpoint.get<Index>("position").to_vector() == std::vector<Index>{0, 1, 6, 0});
}

TEST_CASE("the best weights survive a restart after their epoch") {
  const TemporaryFolder folder;
  const auto fit = [&](Index stop_after, nn::StateDict<float>& second_epoch) {
    auto net = linear_network();
    train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
    const auto score = after_epoch([&](train::Trainer&, train::EpochLog& log) {
      log.set("score", log.epoch == 2 ? 1 : 0);
      if (log.epoch == 2) second_epoch = net.to_state_dict();
    });
    const auto interrupt = after_step([stop_after, done = Index{0}](train::Trainer&, const train::StepLog&) mutable {
      if (++done == stop_after) std::raise(SIGINT);
    });
    const auto best =
        std::make_shared<train::BestModel>(train::BestModelOptions{.metric = "score", .goal = train::Goal::maximize});
    const train::InterruptGuard guard;
    trainer.fit(
        toy_images(images),
        {.epochs = 4, .batch = 10, .callbacks = {score, interrupt, best}, .checkpoint = folder / "c", .resume = true});
    return net.to_state_dict();
  };
  nn::StateDict<float> wanted, unused;
  fit(5, wanted);
  CHECK(same_weights(fit(0, unused), wanted));
}

TEST_CASE("rates are those of this sitting") {
  const TemporaryFolder folder;
  const auto fit = [&](Index stop_after, std::vector<train::StepLog>& steps) {
    auto net = linear_network();
    train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
    const auto watch = after_step([&](train::Trainer&, const train::StepLog& log) {
      steps.push_back(log);
      if (static_cast<Index>(steps.size()) == stop_after) std::raise(SIGINT);
    });
    const train::InterruptGuard guard;
    return trainer.fit(toy_images(images),
                       {.epochs = 1, .batch = 6, .callbacks = {watch}, .checkpoint = folder / "c", .resume = true});
  };
  std::vector<train::StepLog> before, after;
  fit(3, before);
  const auto history = fit(0, after).history;
  REQUIRE(after.size() == 1);
  CHECK(before.back().batches_run == 3);
  CHECK(after.front().batch == 4);
  CHECK(after.front().batches_run == 1);
  CHECK(after.front().images == 2);
  // Two images were trained on, not all twenty.
  CHECK(history.front().images_per_second * history.front().seconds < 10);
}

TEST_CASE("SIGTERM is an interrupt too, and the handlers of before come back") {
  static int seen = 0;
  const auto previous = std::signal(SIGTERM, [](int) { ++seen; });
  {
    const train::InterruptGuard guard;
    CHECK_FALSE(train::interrupt_requested());
    std::raise(SIGTERM);
    {
      const train::InterruptGuard inner;
      CHECK(train::interrupt_requested());
    }
    CHECK(train::interrupt_requested());
  }
  CHECK_FALSE(train::interrupt_requested());
  CHECK(seen == 0);
  std::raise(SIGTERM);
  CHECK(seen == 1);
  std::signal(SIGTERM, previous);
}
