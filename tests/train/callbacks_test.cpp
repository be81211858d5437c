#include <catch2/catch.hpp>

#include <kashi/io/file.hpp>
#include <kashi/optim/step_lr.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/schedule.hpp>

#include "train/support.hpp"

using namespace kashi;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

namespace {

/// Adds the figure "score" of a list to each epoch's log. Stands before the callbacks that look at it.
std::shared_ptr<train::Callback> scores(std::vector<double> values) {
  return after_epoch([values](train::Trainer&, train::EpochLog& log) {
    log.set("score", values.at(static_cast<std::size_t>(log.epoch - 1)));
  });
}

/// A linear network and its trainer.
struct Training {
  nn::Sequential<float> net = linear_network();
  train::Trainer trainer{net, optim::SGD(net.parameters(), {.lr = 0.5}), nn::CrossEntropyLoss()};

  train::FitResult fit(Index epochs, std::vector<std::shared_ptr<train::Callback>> callbacks) {
    return trainer.fit(toy_images(8), {.epochs = epochs, .batch = 4, .workers = 0, .callbacks = std::move(callbacks)});
  }
};

Index epochs_until_stop(const std::vector<double>& values, train::EarlyStoppingOptions options) {
  options.metric = "score";
  const auto stopping = std::make_shared<train::EarlyStopping>(options);
  return Training().fit(static_cast<Index>(values.size()), {scores(values), stopping}).epochs;
}

std::string file_text(const std::filesystem::path& path) { return io::read_text_file(path); }

}  // namespace

TEST_CASE("early stopping waits for `patience` epochs without improvement") {
  CHECK(epochs_until_stop({5, 4, 4, 4, 1, 1}, {.patience = 2}) == 4);
  CHECK(epochs_until_stop({5, 4, 4, 3, 3, 3, 3}, {.patience = 3}) == 7);
  CHECK(epochs_until_stop({5, 6, 1}, {.patience = 1}) == 2);
  CHECK(epochs_until_stop({1, 2, 3, 3, 3, 9}, {.goal = train::Goal::maximize, .patience = 2}) == 5);
  CHECK(epochs_until_stop({5, 4.95, 4.9, 4.85, 1}, {.patience = 2, .min_delta = 0.2}) == 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(epochs_until_stop({5, nan, nan, 1}, {.patience = 2}) == 3);
  CHECK_THROWS_WITH(train::EarlyStopping({.patience = 0}),
                    Equals("EarlyStopping: .patience must be at least 1; got 0"));
}

TEST_CASE("a figure that nobody logs is an error that names those that there are") {
  CHECK_THROWS_WITH(Training().fit(1, {std::make_shared<train::EarlyStopping>()}),
                    Equals("train: no figure \"val_loss\" is logged; there are: train_loss, lr"));
}

TEST_CASE("callbacks begin anew with each fit") {
  Training training;
  const auto stopping =
      std::make_shared<train::EarlyStopping>(train::EarlyStoppingOptions{.metric = "score", .patience = 2});
  const auto best = std::make_shared<train::BestModel>(train::BestModelOptions{.metric = "score"});
  CHECK(training.fit(4, {scores({1, 2, 3, 0}), stopping, best}).epochs == 3);
  CHECK(training.fit(4, {scores({9, 8, 7, 7}), stopping, best}).epochs == 4);
  CHECK(best->best() == 7);
  CHECK(best->epoch() == 3);
}

TEST_CASE("the best epoch's weights come back at the end, and stand in a file") {
  const TemporaryFolder folder;
  const auto path = folder / "best.safetensors";
  Training training;
  std::vector<nn::StateDict<float>> after;
  const auto keep =
      after_epoch([&](train::Trainer& t, train::EpochLog&) { after.push_back(t.model().to_state_dict()); });
  const auto best = std::make_shared<train::BestModel>(train::BestModelOptions{
      .metric = "score", .goal = train::Goal::maximize, .path = path, .metadata = {{"classes", "a\nb"}}});
  training.fit(4, {scores({1, 3, 3, 2}), keep, best});
  CHECK(best->epoch() == 2);
  CHECK(best->best() == 3);
  CHECK(same_weights(training.net.to_state_dict(), after[1]));
  CHECK_FALSE(same_weights(after[3], after[1]));
  CHECK(same_weights(train::load_weights(path).to_layout(nn::WeightLayout::channels_last), after[1]));
  CHECK(io::load_safetensors(path).metadata.at("classes") == "a\nb");
}

TEST_CASE("schedules step with the optimizer or with the epochs") {
  const auto rates = [](train::Every every) {
    Training training;
    const auto steps = std::make_shared<optim::StepLR>(training.trainer.optimizer(),
                                                       optim::StepLROptions{.step_size = 2, .gamma = 0.5});
    std::vector<double> out;
    for (const auto& log : training.fit(3, {std::make_shared<train::Schedule>(steps, every)}).history)
      out.push_back(log.at("lr"));
    return out;
  };
  // Two steps an epoch.
  CHECK(rates(train::Every::step) == std::vector<double>{0.25, 0.125, 0.0625});
  CHECK(rates(train::Every::epoch) == std::vector<double>{0.5, 0.5, 0.25});
  CHECK_THROWS_WITH(train::Schedule(nullptr), Equals("Schedule: the scheduler is null"));
}

TEST_CASE("the rate falls when a figure stays where it is") {
  Training training;
  const auto plateau = std::make_shared<optim::ReduceLROnPlateau>(
      training.trainer.optimizer(), optim::ReduceLROnPlateauOptions{.factor = 0.5, .patience = 1});
  const auto callback = std::make_shared<train::PlateauSchedule>(plateau, "score");
  const auto result = training.fit(5, {scores({4, 3, 3, 3, 3}), callback});
  CHECK(result.history[3].at("lr") == 0.5);
  CHECK(result.history[4].at("lr") == 0.25);
  CHECK_THROWS_WITH(train::PlateauSchedule(nullptr), Equals("PlateauSchedule: the scheduler is null"));
}

TEST_CASE("the CSV log has a row for each epoch and begins anew with each fit") {
  const TemporaryFolder folder;
  const auto path = folder / "log.csv";
  Training training;
  const auto log = std::make_shared<train::CsvLog>(path);
  training.fit(3, {scores({0.5, 0.25, 0.125}), log});
  const std::string text = file_text(path);
  CHECK_THAT(text, StartsWith("epoch,seconds,images_per_second,train_loss,lr,score\n1,"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
  CHECK(text.find(",0.5,0.125\n") != std::string::npos);
  training.fit(1, {scores({0.75}), log});
  const std::string again = file_text(path);
  CHECK(std::count(again.begin(), again.end(), '\n') == 2);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a CSV log that can't be written stops the training with its reason") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(Training().fit(1, {std::make_shared<train::CsvLog>(folder / "none" / "log.csv")}),
                    StartsWith("cannot write file '") && Catch::Matchers::EndsWith("': No such file or directory"));
}

TEST_CASE("progress into a file is one line an epoch") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  Training().fit(2, {scores({0.5, 0.001}), std::make_shared<train::ProgressBar>(file)});
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  CHECK_THAT(text, StartsWith("epoch 1/2  train_loss "));
  CHECK(text.find("score 1.00e-03") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find('\r') == std::string::npos);
}
