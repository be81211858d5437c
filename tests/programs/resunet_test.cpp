#include <catch2/catch.hpp>

#include <fstream>

#include <kashi/data/synthetic_teeth.hpp>

#include "programs/training_program.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

/// Folders images/ and masks/ with generated pictures.
const std::filesystem::path& teeth() {
  static const TemporaryFolder folder;
  static const bool made = [] {
    std::filesystem::create_directories(folder / "images");
    std::filesystem::create_directories(folder / "masks");
    const auto generated = data::synthetic_teeth({.count = 15, .height = 64, .width = 96, .seed = 3});
    for (Index i = 0; i < 15; ++i) {
      const auto example = generated.dataset.get(i);
      io::save_png(folder / "images" / (example.name + ".png"), io::to_bytes(example.image));
      io::save_png(folder / "masks" / (example.name + ".png"), io::to_bytes(example.target));
    }
    return true;
  }();
  REQUIRE(made);
  return folder.path();
}

TrainingProgram resunet(const std::string& noise) {
  return {.name = "resunet",
          .arguments = {"--data", teeth().string(), "--epochs", "2", "--batch", "6", "--crops", "2", "--crop", "32",
                        "--folds", "2", "--noise", noise, "--threads", "2"},
          .figures = {"train_dice", "val_dice", "test_dice", "test_iou", "test_dice_of_marked_images", "threshold",
                      "images_per_second", "parameters", "epochs"},
          .pictures = {"curves.png", "dice.png", "overlays.png", "precision_recall.png"}};
}

const std::filesystem::path& whole_run(const std::string& noise) {
  static const TemporaryFolder folder;
  const std::filesystem::path out = folder / noise;
  static std::map<std::string, std::filesystem::path> runs;
  if (runs.count(noise) == 0) {
    const Ending ending = run_into(resunet(noise), out);
    INFO(ending.errors);
    REQUIRE(ending.exit_code == 0);
    runs[noise] = out;
  }
  return runs[noise];
}

}  // namespace

TEST_CASE("a training of masks writes report, page, pictures and weights") {
  const TemporaryFolder folder;
  TrainingProgram one = resunet("weights");
  one.arguments.back() = "1";
  const Ending ending = run_into(one, folder / "out");
  check_outputs(one, ending, folder / "out");
  check_same_results(folder / "out", whole_run("weights"));
  check_finished_run_stays(one, folder / "out");
  CHECK(lines_of(read_whole(folder / "out/audit.csv")).size() >= 10);
}

TEST_CASE("a killed training of masks goes on with the same bits") {
  check_kill_and_resume(resunet("correct"), whole_run("correct"), 1, 20);
  check_kill_and_resume(resunet("co_teaching"), whole_run("co_teaching"), 2, 0);
  check_interrupt_and_resume(resunet("weights"), whole_run("weights"), SIGINT);
}

TEST_CASE("trained masks are measured alone, on all pictures of a folder") {
  const TemporaryFolder folder;
  const Ending ending =
      run_program("resunet", {"--evaluate", "--weights", (whole_run("weights") / "best.safetensors").string(), "--data",
                              teeth().string(), "--out", (folder / "out").string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  const auto report = nlohmann::json::parse(read_whole(folder / "out/report.json")),
             whole = nlohmann::json::parse(read_whole(whole_run("weights") / "report.json"));
  for (const char* name : {"threshold", "parameters"}) CHECK(report[name] == whole[name]);
  CHECK(report["test_dice"] >= 0);
  CHECK(report["test_dice"] <= 1);
}

TEST_CASE("pictures of other sizes and kinds are measured too") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "images");
  std::filesystem::create_directories(folder / "masks");
  const auto generated = data::synthetic_teeth({.count = 4, .height = 70, .width = 133, .seed = 5});
  const auto layers = [](const Tensor<float>& grey, Index channels) {  // the last of four is alpha
    const Tensor<std::uint8_t> bytes = io::to_bytes(grey);
    auto out = Tensor<std::uint8_t>::full({grey.size(0), grey.size(1), channels}, 255);
    for (Index i = 0; i < grey.numel(); ++i)
      for (Index c = 0; c < std::min<Index>(3, channels); ++c) out.mutable_data()[i * channels + c] = bytes.data()[i];
    return out;
  };
  const auto picture = [&](Index i) { return generated.dataset.get(i).image; };
  const auto mask = [&](Index i) { return generated.dataset.get(i).target; };
  io::save_jpeg(folder / "images/a.JPG", layers(picture(0), 3));
  io::save_png(folder / "images/b.png", layers(picture(1), 4));
  io::save_jpeg(folder / "images/c.jpeg", io::to_bytes(picture(2)));
  const auto large = data::synthetic_teeth({.count = 1, .height = 600, .width = 900, .seed = 6}).dataset.get(0);
  io::save_png(folder / "images/d.png", io::to_bytes(large.image));
  io::save_png(folder / "masks/a.png", layers(mask(0), 4));
  io::save_jpeg(folder / "masks/b.jpg", io::to_bytes(mask(1)));
  Tensor<std::uint8_t> ones = io::to_bytes(mask(2));
  for (Index i = 0; i < ones.numel(); ++i) ones.mutable_data()[i] /= 255;
  io::save_png(folder / "masks/c.png", ones);
  io::save_png(folder / "masks/d.png", io::to_bytes(large.target));
  const auto evaluate = [&] {
    return run_program("resunet", {"--evaluate", "--weights", (whole_run("weights") / "best.safetensors").string(),
                                   "--data", folder.path().string(), "--out", (folder / "out").string()});
  };
  const Ending ending = evaluate();
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK(nlohmann::json::parse(read_whole(folder / "out/report.json")).contains("test_dice"));
  CHECK(io::load_image(folder / "out/overlays.png").numel() > 1000);

  io::save_png(folder / "masks/c.png", io::to_bytes(large.target));
  CHECK_THAT(error_line(evaluate()), Contains("picture and mask must have one size") && Contains("c.png"));
  for (const char* name : {"a.png", "b.jpg", "c.png", "d.png"}) std::filesystem::remove(folder / "masks" / name);
  for (const Index i : {0, 1, 2})
    io::save_png(folder / "masks" / (std::string(1, static_cast<char>('a' + i)) + ".png"),
                 Tensor<std::uint8_t>::zeros({70, 133, 1}));
  CHECK_THAT(error_line(evaluate()), Contains("has no mask of the same name") && Contains("d.png"));
  io::save_png(folder / "masks/d.png", Tensor<std::uint8_t>::zeros({600, 900, 1}));
  CHECK_THAT(error_line(evaluate()), Contains("are empty: no pixel is above 127"));
}

TEST_CASE("wrong masks among generated pictures are counted against the truth") {
  const TemporaryFolder folder;
  const Ending ending = run_program(
      "resunet", {"--quick", "--epochs", "2", "--crops", "1", "--folds", "2", "--corrupted", "0.25", "--noise", "audit",
                  "--pictures", "24", "--tensorboard", "--out", (folder / "out").string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  const auto report = nlohmann::json::parse(read_whole(folder / "out/report.json"));
  CHECK(report["corrupted"] == 6);
  for (const char* name : {"audit_recall", "audit_precision"}) CHECK(report.contains(name));
  CHECK(read_whole(folder / "out/tensorboard/events.out.tfevents.kashi").size() > 100);
}

TEST_CASE("what the training of masks can't do is one line") {
  const TemporaryFolder folder;
  const auto error_of = [&](std::vector<std::string> arguments) {
    return error_line(run_program("resunet", with(std::move(arguments), {"--out", (folder / "out").string()})));
  };
  CHECK_THAT(error_of({"--data", (folder / "none").string()}), Contains("none/images"));
  CHECK_THAT(error_of({"--evaluate"}), Contains("--evaluate needs --weights FILE and --data FOLDER"));
  CHECK_THAT(error_of({"--weights", "x"}), Contains("--weights goes with --evaluate"));
  CHECK_THAT(error_of({"--data", teeth().string(), "--corrupted", "0.1"}),
             Contains("--corrupted is for generated pictures"));
  std::filesystem::create_directories(folder / "few/images");
  std::filesystem::create_directories(folder / "few/masks");
  std::filesystem::copy(teeth() / "images/teeth_0.png", folder / "few/images/a.png");
  std::filesystem::copy(teeth() / "masks/teeth_1.png", folder / "few/masks/b.png");
  CHECK_THAT(error_of({"--data", (folder / "few").string()}), Contains("has no mask of the same name"));
  std::filesystem::copy(teeth() / "masks/teeth_0.png", folder / "few/masks/a.png");
  CHECK_THAT(error_of({"--data", (folder / "few").string()}), Contains("at least 10 pictures are needed"));
  CHECK(run_program("resunet", {"--loss", "hinge"}).exit_code == 2);
}
