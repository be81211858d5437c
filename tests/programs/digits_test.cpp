#include <catch2/catch.hpp>

#include <kashi/data/synthetic.hpp>

#include "io/image_files.hpp"
#include "programs/training_program.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

/// 40 small drawings of digits, "1_0000.png" and so on, made once.
const std::filesystem::path& pictures() {
  static const TemporaryFolder folder;
  static const std::filesystem::path path = [] {
    const data::Dataset digits = data::handwritten_digits({.count = 40, .size = 24, .seed = 5});
    for (Index i = 0; i < digits.size(); ++i) {
      char name[32];
      std::snprintf(name, sizeof name, "%d_%04d.png", static_cast<int>(digits.label(i) + 1), static_cast<int>(i));
      io::save_png(folder / name, io::to_bytes(digits.get(i).image));
    }
    return folder.path();
  }();
  return path;
}

const TrainingProgram& digits() {
  static const TrainingProgram program{
      .name = "digits",
      .arguments = {"--data", pictures().string(), "--epochs", "4", "--batch", "8", "--threads", "1"},
      .figures = {"train_accuracy", "test_accuracy", "recall", "epochs", "images_per_second", "parameters"},
      .pictures = {"curves.png", "accuracy.png", "confusion.png", "mistakes.png", "filters.png"}};
  return program;
}

/// The folder of a whole run, made once.
const std::filesystem::path& whole_run() {
  static const TemporaryFolder folder;
  static const Ending ending = run_into(digits(), folder / "out");
  static const std::filesystem::path out = folder / "out";
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  return out;
}

/// The error line of a training on the 40 pictures and one more file; nothing that was there before is changed.
std::string with_bad_file(const std::string& name, std::span<const std::byte> bytes) {
  const TemporaryFolder folder;
  const auto data = folder / "data", out = folder / "out";
  std::filesystem::copy(pictures(), data);
  io::write_atomically(data / name, bytes);
  std::filesystem::copy(whole_run(), out);
  const auto before = content_of(folder.path());
  const std::string line = error_line(
      run_program("digits", {"--data", data.string(), "--epochs", "1", "--threads", "1", "--out", out.string()}));
  CHECK(content_of(folder.path()) == before);
  CHECK_THAT(line, Contains((data / name).string()));
  return line;
}

std::string with_bad_file(const std::string& name, const std::string& bytes) {
  return with_bad_file(name, std::as_bytes(std::span(bytes)));
}

}  // namespace

TEST_CASE("a run writes report, page, pictures and weights, and names the folder last") {
  const TemporaryFolder folder;
  const Ending ending = run_into(digits(), folder / "out");
  check_outputs(digits(), ending, folder / "out");
  const nlohmann::json report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  CHECK(report["recall"].size() == 4);
  CHECK(report["recall"].contains("3"));
  CHECK(report["epochs"] == 4);
  CHECK(report["seed"] == 42);
  CHECK(report["threads"] == 1);
  CHECK(lines_of(read_whole(folder / "out" / "log.csv")).size() == 5);
  check_same_results(folder / "out", whole_run());
  check_finished_run_stays(digits(), folder / "out");
}

TEST_CASE("two threads give the same results as one, another seed others") {
  const TemporaryFolder folder;
  TrainingProgram two = digits();
  two.arguments.back() = "2";
  REQUIRE(run_into(two, folder / "two").exit_code == 0);
  check_same_results(folder / "two", whole_run());
  REQUIRE(run_into(digits(), folder / "seed", {"--seed", "7"}).exit_code == 0);
  CHECK(read_whole(folder / "seed/best.safetensors") != read_whole(whole_run() / "best.safetensors"));
}

TEST_CASE("a killed run goes on and ends with the same bits") {
  // Write 1 is at the start, 5 the last of four epochs.
  check_kill_and_resume(digits(), whole_run(), 0, 0);
  check_kill_and_resume(digits(), whole_run(), 0, 150);
  check_kill_and_resume(digits(), whole_run(), 1, 0);
  check_kill_and_resume(digits(), whole_run(), 2, 20);
  check_kill_and_resume(digits(), whole_run(), 3, 0);
  check_kill_and_resume(digits(), whole_run(), 4, 40);
  check_kill_and_resume(digits(), whole_run(), 5, 0);
  check_kill_and_resume(digits(), whole_run(), 5, 30);
}

TEST_CASE("Ctrl-C saves and ends with code 130; --resume goes on") {
  check_interrupt_and_resume(digits(), whole_run(), SIGINT);
  check_interrupt_and_resume(digits(), whole_run(), SIGTERM);
}

TEST_CASE("--resume without a checkpoint starts afresh and says so") {
  const TemporaryFolder folder;
  const Ending ending = run_into(digits(), folder / "out", {"--resume"});
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Contains("there is no checkpoint in " + (folder / "out").string() + ": starting afresh"));
  check_same_results(folder / "out", whole_run());
}

TEST_CASE("--resume of another training is refused and damages nothing") {
  const TemporaryFolder folder;
  std::filesystem::copy(whole_run(), folder / "out");
  const auto before = content_of(folder.path());
  CHECK_THAT(error_line(run_into(digits(), folder / "out", {"--resume", "--seed", "7"})),
             Contains("is of another training: its seed is 42; now it is 7"));
  CHECK_THAT(error_line(run_program("digits", {"--data", pictures().string(), "--batch", "4", "--threads", "1",
                                               "--resume", "--out", (folder / "out").string()})),
             Contains("is of another training: its batch is 8; now it is 4"));
  CHECK(content_of(folder.path()) == before);
  std::filesystem::resize_file(folder / "out/checkpoint.safetensors", 1000);
  CHECK_THAT(error_line(run_into(digits(), folder / "out", {"--resume"})), Contains("checkpoint.safetensors"));
}

TEST_CASE("an old run's report does not stand beside a new run's weights") {
  const TemporaryFolder folder;
  const auto out = folder / "out";
  std::filesystem::copy(whole_run(), out);
  {
    Process process("digits", with(digits().arguments, {"--out", out.string()}));
    const auto before = std::filesystem::last_write_time(out / "checkpoint.safetensors");
    wait_until(process, [&] { return std::filesystem::last_write_time(out / "checkpoint.safetensors") != before; });
    process.send(SIGKILL);
    process.wait();
  }
  CHECK_FALSE(std::filesystem::exists(out / "report.html"));
  CHECK(run_into(digits(), out, {"--resume"}).exit_code == 0);
  check_same_results(out, whole_run());
}

TEST_CASE("predictions are file, label and probability, a line each") {
  const auto first = (pictures() / "1_0000.png").string(), second = (pictures() / "2_0001.png").string();
  const auto weights = (whole_run() / "best.safetensors").string();
  const Ending ending = run_program("digits", {"--predict", first, second, "--weights", weights});
  CHECK(ending.exit_code == 0);
  CHECK(ending.errors.empty());
  const auto lines = lines_of(ending.output);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with(first + "\t"));
  CHECK(lines[1].starts_with(second + "\t"));
  for (const auto& line : lines) {
    std::istringstream words(line.substr(line.find('\t') + 1));
    std::string label, probability;
    std::getline(words, label, '\t');
    std::getline(words, probability);
    CHECK((label == "1" || label == "2" || label == "3" || label == "4"));
    CHECK(std::stod(probability) >= 0.25);
    CHECK(std::stod(probability) <= 1);
  }
}

TEST_CASE("predictions that can't be made are one line each") {
  const TemporaryFolder folder;
  const auto picture = (pictures() / "1_0000.png").string();
  const auto weights = (whole_run() / "best.safetensors").string();
  const auto error_of = [&](const std::vector<std::string>& arguments) {
    return error_line(run_program("digits", arguments));
  };
  CHECK_THAT(error_of({"--predict", picture}), Contains("--predict needs --weights FILE"));
  CHECK_THAT(error_of({"--weights", weights, "--out", (folder / "out").string()}),
             Contains("--weights goes with --predict"));
  CHECK_THAT(error_of({"--predict", picture, "--weights", (folder / "none").string()}),
             Contains("No such file or directory"));
  CHECK_THAT(error_of({"--predict", picture, "--weights", picture}), Contains(picture) && Contains("safetensors"));
  CHECK_THAT(error_of({"--predict", (folder / "none.png").string(), "--weights", weights}), Contains("none.png"));

  io::TensorFile other;
  other.add("fc.weight", Tensor<float>::ones({2, 2}));
  io::save_safetensors(folder / "a", other);
  CHECK_THAT(error_of({"--predict", picture, "--weights", (folder / "a").string()}),
             Contains("does not hold weights of this program"));
  other.metadata["classes"] = "1\n2";
  io::save_safetensors(folder / "b", other);
  CHECK_THAT(error_of({"--predict", picture, "--weights", (folder / "b").string()}),
             Contains((folder / "b").string() + "' does not hold weights of this program: load_state_dict:"));
  io::save_png(folder / "dot.png", Tensor<std::uint8_t>::zeros({1, 1, 3}));
  CHECK_THAT(error_of({"--predict", (folder / "dot.png").string(), "--weights", weights}),
             Contains("dot.png' has 1x1"));
}

TEST_CASE("folders without use are told in one line") {
  const TemporaryFolder folder;
  const auto error_of = [&](const std::filesystem::path& data) {
    return error_line(
        run_program("digits", {"--data", data.string(), "--out", (folder / "out").string(), "--threads", "1"}));
  };
  CHECK_THAT(error_of(folder / "missing"), Contains("no such folder") && Contains("missing"));
  std::filesystem::create_directory(folder / "empty");
  CHECK_THAT(error_of(folder / "empty"), Contains("holds no PNG, JPEG or BMP image"));
  std::filesystem::create_directory(folder / "one_class");
  for (const char* name : {"img_1.png", "img_2.png", "img_3.png"})
    std::filesystem::copy_file(pictures() / "1_0000.png", folder / "one_class" / name);
  CHECK_THAT(error_of(folder / "one_class"), Contains("are all of one class, \"img\""));
  std::filesystem::create_directory(folder / "few");
  for (const char* name : {"1_0000.png", "2_0001.png"})
    std::filesystem::copy_file(pictures() / name, folder / "few" / name);
  CHECK_THAT(error_of(folder / "few"), Contains("split: "));
}

TEST_CASE("a picture without use stops before anything is written") {
  const std::string whole = read_whole(pictures() / "1_0000.png");
  CHECK_THAT(with_bad_file("photo.png", whole), Contains("the file has no label"));
  CHECK_THAT(with_bad_file("3_cut.png", whole.substr(0, whole.size() / 2)), Contains("3_cut.png"));
  CHECK_THAT(with_bad_file("3_text.png", std::string("no picture")), Contains("3_text.png"));
  CHECK_THAT(with_bad_file("3_empty.png", std::string()), Contains("3_empty.png"));
  CHECK_THAT(with_bad_file("3_dot.png", io::encode_png(Tensor<std::uint8_t>::zeros({1, 1, 3}))), Contains("has 1x1"));
  CHECK_THAT(with_bad_file("3_huge.png", image_files::make_png({.width = 60000, .height = 60000, .colour_type = 2})),
             Contains("60000"));
}
