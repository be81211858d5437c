/// The program finetune as a process: what it learns and leaves alone, resuming, its errors.
#include <set>

#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/data/synthetic.hpp>
#include <kashi/io/load_tensors.hpp>

#include "programs/training_program.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

/// 48 small drawings of digits in four folders, made once.
const std::filesystem::path& pictures() {
  static const TemporaryFolder folder;
  static const std::filesystem::path path = [] {
    const data::Dataset digits = data::handwritten_digits({.count = 48, .size = 32, .seed = 5});
    for (Index i = 0; i < digits.size(); ++i) {
      const auto of_class = folder / ("digit" + std::to_string(digits.label(i) + 1));
      std::filesystem::create_directories(of_class);
      io::save_png(of_class / (std::to_string(i) + ".png"), io::to_bytes(digits.get(i).image));
    }
    return folder.path();
  }();
  return path;
}

/// Weights to start from, of a quick run without data and weights, made once.
const std::filesystem::path& start() {
  static const TemporaryFolder folder;
  static const Ending ending =
      run_program("finetune", {"--quick", "--epochs", "1", "--threads", "1", "--out", (folder / "out").string()});
  static const std::filesystem::path file = folder / "out/best.safetensors";
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Contains("no --weights given") && Contains("no --data given"));
  return file;
}

const TrainingProgram& finetune() {
  static const TrainingProgram program{
      .name = "finetune",
      .arguments = {"--data", pictures().string(), "--weights", start().string(), "--augment", "writing", "--epochs",
                    "4", "--batch", "8", "--threads", "1"},
      .figures = {"train_accuracy", "test_accuracy", "recall", "epochs", "best_epoch", "parameters",
                  "learning_parameters", "model", "cached_views"},
      .pictures = {"curves.png", "accuracy.png", "confusion.png", "mistakes.png"}};
  return program;
}

/// The folder of a whole run, made once.
const std::filesystem::path& whole_run() {
  static const TemporaryFolder folder;
  static const Ending ending = run_into(finetune(), folder / "out");
  static const std::filesystem::path out = folder / "out";
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  return out;
}

/// The names of the weights that differ between a run's result and what it started from.
std::set<std::string> changed(const std::filesystem::path& out) {
  const io::TensorFile before = io::load_safetensors(start()), after = io::load_safetensors(out / "best.safetensors");
  CHECK(after.size() == before.size());
  std::set<std::string> names;
  for (const auto& entry : after.entries())
    if (!equal(after.get<float>(entry.name), before.get<float>(entry.name))) names.insert(entry.name);
  return names;
}

nlohmann::json report_of(const std::filesystem::path& out) {
  return nlohmann::json::parse(read_whole(out / "report.json"));
}

}  // namespace

TEST_CASE("finetune writes report, page, pictures and weights; a frozen backbone keeps its numbers") {
  const TemporaryFolder folder;
  check_outputs(finetune(), run_into(finetune(), folder / "out"), folder / "out");
  check_same_results(folder / "out", whole_run());
  check_finished_run_stays(finetune(), folder / "out");
  const nlohmann::json report = report_of(whole_run());
  CHECK(report["model"] == "small");
  CHECK(report["classes"] == 4);
  CHECK(report["cached_views"] == 4);
  CHECK(report["learning_parameters"] == 64 * 4 + 4);
  CHECK(report["recall"].contains("digit3"));
  const auto log = lines_of(read_whole(whole_run() / "log.csv"));
  const auto loss = [&](std::size_t epoch) {
    std::istringstream words(log.at(epoch));
    std::string word;
    for (int column = 0; column < 4; ++column) std::getline(words, word, ',');
    return std::stod(word);
  };
  CHECK(loss(4) < loss(1));
  CHECK((changed(whole_run()) == std::set<std::string>{"fc.weight", "fc.bias"}));
}

TEST_CASE("on shapes that the first task did not have, pretrained weights beat random ones") {
  const TemporaryFolder folder;
  const Ending ending = run_program("finetune", {"--quick", "--threads", "2", "--out", (folder / "out").string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.output, Contains("test accuracy from random weights 0."));
  const nlohmann::json report = report_of(folder / "out");
  const double chance = 0.25, pretrained = report["test_accuracy"], random = report["scratch_test_accuracy"];
  CHECK(pretrained > chance + 0.1);
  CHECK(pretrained > random + 0.05);
  CHECK_FALSE(report_of(whole_run()).contains("scratch_test_accuracy"));
}

TEST_CASE("finetune gives the same bits on two threads") {
  const TemporaryFolder folder;
  TrainingProgram two = finetune();
  two.arguments.back() = "2";
  REQUIRE(run_into(two, folder / "two").exit_code == 0);
  check_same_results(folder / "two", whole_run());
}

TEST_CASE("a killed or interrupted fine-tuning goes on and ends with the same bits") {
  check_kill_and_resume(finetune(), whole_run(), 1, 0);
  check_kill_and_resume(finetune(), whole_run(), 3, 5);
  check_interrupt_and_resume(finetune(), whole_run(), SIGINT);
}

TEST_CASE("what is frozen by name stays, batch norms' statistics too, and the rest learns") {
  const TemporaryFolder folder;
  REQUIRE(run_into(finetune(), folder / "all", {"--freeze", "none", "--views", "2"}).exit_code == 0);
  const std::set<std::string> all = changed(folder / "all");
  CHECK(all.contains("features.0.0.weight"));
  CHECK(all.contains("features.0.1.running_mean"));
  CHECK(report_of(folder / "all")["cached_views"] == 0);

  REQUIRE(run_into(finetune(), folder / "first", {"--freeze", "features.0", "features.1.1"}).exit_code == 0);
  const std::set<std::string> some = changed(folder / "first");
  for (const auto& name : some) CHECK_FALSE(name.starts_with("features.0."));
  CHECK(some.contains("features.1.0.weight"));
  CHECK_FALSE(some.contains("features.1.1.weight"));
  CHECK_FALSE(some.contains("features.1.1.running_mean"));
  CHECK(some.contains("features.2.1.running_mean"));
  CHECK(report_of(folder / "first")["cached_views"] > 0);
}

TEST_CASE("without room for what frozen layers find, they run in every epoch") {
  const TemporaryFolder folder;
  const Ending ending = run_into(finetune(), folder / "out", {"--cache", "0"});
  REQUIRE(ending.exit_code == 0);
  CHECK(report_of(folder / "out")["cached_views"] == 0);
  CHECK((changed(folder / "out") == std::set<std::string>{"fc.weight", "fc.bias"}));
}

TEST_CASE("the fine-tuned weights tell network, preset and classes, and classify pictures") {
  const auto weights = (whole_run() / "best.safetensors").string();
  const io::TensorFile file = io::load_tensors(weights);
  CHECK(file.metadata.at("network") == "small");
  CHECK(file.metadata.at("classes") == "digit1\ndigit2\ndigit3\ndigit4");
  const auto first = (pictures() / "digit1/0.png").string(), second = (pictures() / "digit2/1.png").string();
  const Ending ending = run_program("finetune", {"--predict", first, second, "--weights", weights});
  CHECK(ending.exit_code == 0);
  CHECK(ending.errors.empty());
  const auto lines = lines_of(ending.output);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with(first + "\tdigit"));
  CHECK(lines[1].starts_with(second + "\tdigit"));
}

TEST_CASE("what can't be fine-tuned is told in one line") {
  const TemporaryFolder folder;
  const auto error_of = [&](const std::vector<std::string>& more) {
    return error_line(run_into(finetune(), folder / "out", more));
  };
  CHECK_THAT(error_of({"--freeze", "layer9"}),
             Contains("no weight's name begins with \"layer9\"") && Contains("features.0"));
  CHECK_THAT(error_of({"--freeze", "backbone", "fc"}), Contains("nothing is left to learn"));
  CHECK_THAT(error_of({"--model", "resnet18"}), Contains("does not hold weights of resnet18"));
  CHECK_THAT(error_of({"--model", "resnet17"}), Contains("there is no network \"resnet17\""));
  CHECK_THAT(error_of({"--labels", "name"}),
             Contains("has no label") || Contains("split:") || Contains("of one class"));
  const auto run = [&](const std::vector<std::string>& arguments) {
    return error_line(run_program("finetune", arguments));
  };
  CHECK_THAT(run({"--model", "resnet18", "--out", (folder / "out").string()}),
             Contains("--model resnet18 needs --weights"));
  CHECK_THAT(run({"--predict", "a.png"}), Contains("--predict needs --weights FILE"));
  io::TensorFile other;
  other.add("fc.weight", Tensor<float>::ones({2, 2}));
  io::save_safetensors(folder / "other", other);
  CHECK_THAT(run({"--predict", "a.png", "--weights", (folder / "other").string()}),
             Contains("does not hold weights of squeezenet1_1"));
}

TEST_CASE("a fine-tuning with other settings is not gone on with") {
  const TemporaryFolder folder;
  std::filesystem::copy(whole_run(), folder / "out");
  const auto before = content_of(folder.path());
  CHECK_THAT(error_line(run_into(finetune(), folder / "out", {"--resume", "--views", "2"})),
             Contains("is of another training") && Contains("views 4") && Contains("views 2"));
  CHECK_THAT(error_line(run_into(finetune(), folder / "out", {"--resume", "--freeze", "none"})),
             Contains("is of another training"));
  CHECK(content_of(folder.path()) == before);
}
