#include <catch2/catch.hpp>

#include <fstream>

#include <kashi/core/random.hpp>

#include "programs/training_program.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

/// A folder like CIFAR-100's binary version, with a few random images of each class.
void write_cifar(const std::filesystem::path& file, Index images, std::uint64_t seed) {
  std::ofstream out(file, std::ios::binary);
  const random::Philox numbers(seed, 0);
  for (Index i = 0; i < images; ++i) {
    const Index fine = i % 100;
    out.put(static_cast<char>(fine / 5));
    out.put(static_cast<char>(fine));
    for (std::uint64_t k = 0; k < 3072; ++k)
      out.put(static_cast<char>(numbers.bits(static_cast<std::uint64_t>(i) * 3072 + k) % 200 +
                                static_cast<std::uint64_t>(fine) % 50));
  }
}

const std::filesystem::path& cifar() {
  static const TemporaryFolder folder;
  static const bool made = [] {
    write_cifar(folder / "train.bin", 300, 1);
    write_cifar(folder / "test.bin", 100, 2);
    return true;
  }();
  REQUIRE(made);
  return folder.path();
}

const TrainingProgram& resnext() {
  static const TrainingProgram program{
      .name = "resnext",
      .arguments = {"--data", cifar().string(), "--epochs", "2", "--batch", "50", "--validation", "100", "--mix",
                    "cutmix", "--threads", "2"},
      .figures = {"test_top1", "test_top5", "test_superclass", "images_per_second", "parameters", "epochs"},
      .pictures = {"curves.png", "accuracy.png", "rate.png", "confusion.png", "superclasses.png", "mistakes.png"}};
  return program;
}

const std::filesystem::path& whole_run() {
  static const TemporaryFolder folder;
  static const std::filesystem::path out = folder / "out";
  static const Ending ending = run_into(resnext(), out);
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  return out;
}

}  // namespace

TEST_CASE("a training of classes writes report, page, pictures and weights") {
  const TemporaryFolder folder;
  TrainingProgram one = resnext();
  one.arguments.back() = "1";
  const Ending ending = run_into(one, folder / "out");
  check_outputs(one, ending, folder / "out");
  check_same_results(folder / "out", whole_run());
  check_finished_run_stays(one, folder / "out");
}

TEST_CASE("a killed training of classes goes on with the same bits") {
  check_kill_and_resume(resnext(), whole_run(), 1, 30);
  check_kill_and_resume(resnext(), whole_run(), 2, 0);
  check_interrupt_and_resume(resnext(), whole_run(), SIGINT);
}

TEST_CASE("trained weights are measured alone, with the figures of the training") {
  const TemporaryFolder folder;
  const Ending ending = run_program("resnext", {"--evaluate", "--weights", (whole_run() / "best.safetensors").string(),
                                                "--data", cifar().string(), "--out", (folder / "out").string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  const auto report = nlohmann::json::parse(read_whole(folder / "out/report.json")),
             whole = nlohmann::json::parse(read_whole(whole_run() / "report.json"));
  for (const char* name : {"test_top1", "test_top5", "test_superclass", "parameters"})
    CHECK(report[name] == whole[name]);
}

TEST_CASE("a time limit ends the training early, schedule included") {
  const TemporaryFolder folder;
  const Ending ending =
      run_program("resnext", {"--data", cifar().string(), "--batch", "50", "--validation", "100", "--time-limit",
                              "0.02", "--tensorboard", "--out", (folder / "out").string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK(nlohmann::json::parse(read_whole(folder / "out/report.json"))["epochs"] < 50);
  CHECK(read_whole(folder / "out/tensorboard/events.out.tfevents.kashi").size() > 100);
}

TEST_CASE("what the training of classes can't do is one line") {
  const TemporaryFolder folder;
  const auto error_of = [&](std::vector<std::string> arguments) {
    return error_line(run_program("resnext", with(std::move(arguments), {"--out", (folder / "out").string()})));
  };
  CHECK_THAT(error_of({"--data", (folder / "none").string()}), Contains("none/train.bin"));
  CHECK_THAT(error_of({"--evaluate"}), Contains("--evaluate needs --weights FILE"));
  CHECK_THAT(error_of({"--weights", "x"}), Contains("--weights goes with --evaluate"));
  CHECK_THAT(error_of({"--data", cifar().string(), "--validation", "300"}),
             Contains("the validation part must have 100 to 299 images; got 300"));
  io::TensorFile other;
  other.add("fc.weight", Tensor<float>::ones({2, 2}));
  io::save_safetensors(folder / "a", other);
  CHECK_THAT(error_of({"--evaluate", "--weights", (folder / "a").string(), "--data", cifar().string()}),
             Contains("does not hold weights of this program"));
  CHECK(run_program("resnext", {"--model", "resnext3"}).exit_code == 2);
}
