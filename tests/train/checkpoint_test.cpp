#include <catch2/catch.hpp>

#include <csignal>

#include <sys/resource.h>

#include <kashi/io/file.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/step_lr.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/schedule.hpp>

#include "train/support.hpp"

using namespace kashi;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

/// Trains toy_network for some epochs with a checkpoint in the folder.
template <class Optimizer, class Options>
train::FitResult fit_with(const std::filesystem::path& path, Options options, train::FitOptions fit,
                          const data::Dataset& images = toy_images(12)) {
  manual_seed(2);
  auto net = toy_network();
  train::Trainer trainer(net, Optimizer(net.parameters(), options), nn::CrossEntropyLoss());
  fit.checkpoint = path;
  return trainer.fit(images, fit);
}

train::FitResult fit_sgd(const std::filesystem::path& path, train::FitOptions fit) {
  return fit_with<optim::SGD<float>>(path, optim::SGDOptions{.lr = 0.1, .momentum = 0.9}, std::move(fit));
}

/// The text of the error when a training of two epochs resumes under other options.
std::string refusal(train::FitOptions fit) {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors";
  fit_sgd(path, {.epochs = 2, .batch = 4});
  const auto before = io::read_text_file(path);
  std::string text = "nothing was thrown";
  try {
    fit.resume = true;
    fit_sgd(path, fit);
  } catch (const ValueError& error) {
    text = error.what();
  }
  CHECK(io::read_text_file(path) == before);
  const auto place = text.find(path.string());
  return place == std::string::npos ? text : text.replace(place, path.string().size(), "PATH");
}

/// Files of this process can't grow past `bytes` while it lives, as if the disk were full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace

TEST_CASE("a checkpoint under another plan is refused by name") {
  const std::string hint = " (use another output folder, or do not resume)";
  const std::string begin = "resume: the checkpoint 'PATH' is of another training: its ";
  CHECK(refusal({.epochs = 3, .batch = 6}) == begin + "batch is 4; now it is 6" + hint);
  CHECK(refusal({.epochs = 3, .batch = 4, .seed = 1}) == begin + "seed is 42; now it is 1" + hint);
  CHECK(refusal({.epochs = 3, .batch = 4, .accumulate = 2}) == begin + "accumulate is 1; now it is 2" + hint);
  CHECK(refusal({.epochs = 3, .batch = 4, .shuffle = false}) == begin + "shuffle is 1; now it is 0" + hint);
  CHECK(refusal({.epochs = 3, .batch = 4, .drop_last = true}) == begin + "drop_last is 0; now it is 1" + hint);
}

TEST_CASE("a checkpoint of other images is refused") {
  const TemporaryFolder folder;
  fit_sgd(folder / "c", {.epochs = 1, .batch = 4});
  CHECK_THROWS_WITH(fit_with<optim::SGD<float>>(folder / "c", optim::SGDOptions{.lr = 0.1, .momentum = 0.9},
                                                {.epochs = 2, .batch = 4, .resume = true}, toy_images(15)),
                    Contains("is of another training: its images is 12; now it is 15"));
}

TEST_CASE("more epochs than before go on, with other callbacks not") {
  const TemporaryFolder folder;
  fit_sgd(folder / "c", {.epochs = 1, .batch = 4});
  const auto longer = fit_sgd(folder / "c", {.epochs = 3, .batch = 4, .resume = true});
  CHECK(longer.epochs == 3);
  CHECK(longer.epochs_run == 2);
  const auto stopping = std::make_shared<train::EarlyStopping>(train::EarlyStoppingOptions{.metric = "train_loss"});
  CHECK_THROWS_WITH(fit_sgd(folder / "c", {.epochs = 4, .batch = 4, .callbacks = {stopping}, .resume = true}),
                    Contains("is of another training: TensorFile: there is no tensor \"callback.0.best\""));
}

TEST_CASE("a checkpoint of another network or optimizer is refused by name, and changes nothing") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors";
  fit_sgd(path, {.epochs = 1, .batch = 4});
  const auto resume = [&](auto& net, auto optimizer, std::vector<std::shared_ptr<train::Callback>> callbacks = {}) {
    train::Trainer trainer(net, std::move(optimizer), nn::CrossEntropyLoss());
    const auto weights = net.to_state_dict();
    const auto random = default_generator().state();
    std::string text = "nothing was thrown";
    try {
      trainer.fit(toy_images(12),
                  {.epochs = 2, .batch = 4, .callbacks = std::move(callbacks), .checkpoint = path, .resume = true});
    } catch (const ValueError& error) {
      text = error.what();
    }
    CHECK(same_weights(net.to_state_dict(), weights));
    CHECK(trainer.optimizer().steps() == 0);
    CHECK(default_generator().state().stream == random.stream);
    CHECK_THAT(text, StartsWith("resume: the checkpoint '" + path.string() + "' is of another training: "));
    return text;
  };
  auto wider = toy_network(8);
  CHECK_THAT(resume(wider, optim::SGD(wider.parameters(), {.lr = 0.1, .momentum = 0.9})),
             Contains("load_state_dict: shapes differ: 0.weight (file [4,3,3,1], network [8,3,3,1])"));
  auto other = linear_network();
  CHECK_THAT(resume(other, optim::SGD(other.parameters(), {.lr = 0.1, .momentum = 0.9})),
             Contains("load_state_dict: missing: 1.weight, 1.bias") || Contains("load_state_dict: shapes differ"));
  auto same = toy_network();
  CHECK_THAT(resume(same, optim::AdamW(same.parameters(), {.lr = 0.1})),
             Contains("AdamW: load_state: the state is of SGD"));
  CHECK_THAT(resume(same, optim::SGD(same.find("7").parameters(), {.lr = 0.1, .momentum = 0.9})),
             Contains("SGD: load_state: "));
}

TEST_CASE("a refused schedule changes nothing either") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors";
  const auto fit = [&](auto make_schedule, bool resume) {
    auto net = toy_network();
    train::Trainer trainer(net, optim::SGD(net.parameters(), {.lr = 0.1}), nn::CrossEntropyLoss());
    const auto weights = net.to_state_dict();
    const auto callback = std::make_shared<train::Schedule>(make_schedule(trainer.optimizer()));
    try {
      trainer.fit(toy_images(12),
                  {.epochs = 2, .batch = 4, .callbacks = {callback}, .checkpoint = path, .resume = resume});
    } catch (const ValueError& error) {
      CHECK(same_weights(net.to_state_dict(), weights));
      CHECK(trainer.optimizer().steps() == 0);
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  const auto step = [](optim::Optimizer<float>& o) {
    return std::make_shared<optim::StepLR>(o, optim::StepLROptions{.step_size = 1});
  };
  const auto exponential = [](optim::Optimizer<float>& o) {
    return std::make_shared<optim::ExponentialLR>(o, optim::ExponentialLROptions{.gamma = 0.9});
  };
  CHECK(fit(step, false) == "nothing was thrown");
  CHECK_THAT(fit(exponential, true), Contains("ExponentialLR: load_state: the state is of StepLR"));
}

TEST_CASE("a file that is no checkpoint, or a torn one, is told by its path") {
  const TemporaryFolder folder;
  const auto path = folder / "c.safetensors";
  train::save_weights(path, toy_network().to_state_dict());
  CHECK_THROWS_WITH(fit_sgd(path, {.epochs = 2, .batch = 4, .resume = true}),
                    StartsWith("resume: '" + path.string() + "' is not a checkpoint of a training"));
  std::filesystem::remove(path);
  fit_sgd(path, {.epochs = 1, .batch = 4});
  const auto bytes = io::read_file(path);
  for (const double share : {0.0, 0.001, 0.1, 0.5, 0.99, 0.9999}) {
    const auto length = static_cast<std::size_t>(share * static_cast<double>(bytes.size()));
    io::write_atomically(path, std::span(bytes).first(length));
    INFO("first " << length << " of " << bytes.size() << " bytes");
    try {
      fit_sgd(path, {.epochs = 2, .batch = 4, .resume = true});
      FAIL("a torn checkpoint was taken");
    } catch (const FormatError& error) {
      CHECK_THAT(error.what(), Contains(path.string()));
    }
  }
}

TEST_CASE("a full disk leaves the checkpoint of before whole") {
  const TemporaryFolder folder, whole;
  const auto path = folder / "c.safetensors";
  fit_sgd(whole / "c", {.epochs = 3, .batch = 4});
  fit_sgd(path, {.epochs = 1, .batch = 4});
  const auto before = io::read_text_file(path);
  for (const double share : {0.0, 0.3, 0.9}) {
    const FileSizeLimit full(static_cast<rlim_t>(share * static_cast<double>(before.size())));
    CHECK_THROWS_WITH(fit_sgd(path, {.epochs = 3, .batch = 4, .resume = true}),
                      StartsWith("cannot write weights '" + path.string() + "': ") && EndsWith("File too large"));
    CHECK(io::read_text_file(path) == before);
    CHECK(folder.file_count() == 1);
  }
  fit_sgd(path, {.epochs = 3, .batch = 4, .resume = true});
  const auto weights = [](const std::filesystem::path& file) {
    return train::get_state(io::load_safetensors(file), "model.");
  };
  CHECK(same_weights(weights(path), weights(whole / "c")));
}

TEST_CASE("a checkpoint that can't be written is told before the training begins") {
  const TemporaryFolder folder;
  Index steps = 0;
  const auto count = after_step([&](train::Trainer&, const train::StepLog&) { ++steps; });
  CHECK_THROWS_WITH(fit_sgd(folder / "none" / "c", {.epochs = 1, .batch = 4, .callbacks = {count}}),
                    StartsWith("cannot write weights '") && EndsWith("No such file or directory"));
  CHECK(steps == 0);
}

TEST_CASE("figures that only some epochs have are kept") {
  const TemporaryFolder folder;
  const auto sometimes = after_epoch([](train::Trainer&, train::EpochLog& log) {
    if (log.epoch % 2 == 0) log.set("even", static_cast<double>(log.epoch));
  });
  fit_sgd(folder / "c", {.epochs = 3, .batch = 4, .callbacks = {sometimes}});
  const auto history =
      fit_sgd(folder / "c", {.epochs = 4, .batch = 4, .callbacks = {sometimes}, .resume = true}).history;
  REQUIRE(history.size() == 4);
  CHECK(std::isnan(history[0].at("even")));
  CHECK(history[1].at("even") == 2);
  CHECK(std::isnan(history[2].at("even")));
  CHECK(history[3].at("even") == 4);
}

TEST_CASE("weights files hold what they were given and nothing of the machine") {
  const TemporaryFolder folder;
  const auto net = toy_network();
  train::save_weights(folder / "a", net.to_state_dict(), {{"classes", "1\n2"}});
  train::save_weights(folder / "b", net.to_state_dict(), {{"classes", "1\n2"}});
  CHECK(io::read_text_file(folder / "a") == io::read_text_file(folder / "b"));
  CHECK(
      same_weights(train::load_weights(folder / "a").to_layout(nn::WeightLayout::channels_last), net.to_state_dict()));
  CHECK_THROWS_AS(train::load_weights(folder / "none"), IoError);
}
