/// The program classify as a process: its answers are the network's own, its report, its errors.
#include <catch2/catch.hpp>

#include <kashi/data/synthetic.hpp>
#include <kashi/io/image.hpp>
#include <kashi/models/presets.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/train/self_test.hpp>

#include <nlohmann/json.hpp>

#include "programs/training_program.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

/// A folder with twelve pictures, their true classes, and the weights of an untrained CIFAR network with a self-test.
class Files {
 public:
  Files() {
    manual_seed(3);
    net_ = models::make("resnet20_cifar10");
    net_.eval();
    const data::Dataset digits = data::handwritten_digits({.count = 12, .size = 40, .seed = 5});
    std::filesystem::create_directory(pictures());
    std::ofstream truth(folder_ / "truth.csv");
    truth << "file,name,class_index\n";
    for (Index i = 0; i < digits.size(); ++i) {
      const std::string name = "p" + std::to_string(10 + i) + ".png";
      io::save_png(pictures() / name, io::to_bytes(digits.get(i).image));
      guesses_.push_back(guess(io::load_image_float(pictures() / name, {.channels = 3})));
      // Every third is said to be something else, so that the accuracy is 8 of 12.
      truth << name << ",\"a name, with a comma\"," << (guesses_.back() + (i % 3 == 0 ? 1 : 0)) % 10 << "\n";
    }
    io::TensorFile file;
    file.metadata["network"] = "resnet20_cifar10";
    train::add_state(file, "", net_.to_state_dict().to_layout(nn::WeightLayout::channels_first));
    train::add_self_test(file, net_, random::Generator(1).uniform<float>({2, 32, 32, 3}));
    io::save_safetensors(weights(), file);
    // The same weights with another network's self-test.
    io::TensorFile other;
    other.metadata = file.metadata;
    for (const auto& entry : file.entries())
      other.add(entry.name,
                entry.name == "self_test.output" ? Tensor<float>::ones({2, 10}) : file.get<float>(entry.name));
    io::save_safetensors(folder_ / "other.safetensors", other);
  }

  std::filesystem::path pictures() const { return folder_ / "pictures"; }
  std::filesystem::path weights() const { return folder_ / "w.safetensors"; }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  const std::vector<Index>& guesses() const { return guesses_; }

 private:
  Index guess(const Tensor<float>& picture) const {
    const NoGrad no_grad;
    const models::Preset how = models::usual_preset("resnet20_cifar10");
    return argmax(net_(stack(std::vector{models::normalize_for(models::crop_for(picture, how), how)})).value())(0);
  }

  TemporaryFolder folder_;
  nn::Sequential<float> net_;
  std::vector<Index> guesses_;
};

const Files& files() {
  static const Files made;
  return made;
}

}  // namespace

TEST_CASE("classify answers as the network does, and measures the accuracy over a folder") {
  const TemporaryFolder folder;
  const auto out = folder / "out";
  const Ending ending =
      run_program("classify", {"--weights", files().weights().string(), "--data", files().pictures().string(),
                               "--truth", (files() / "truth.csv").string(), "--verify", "--batch", "5", "--threads",
                               "1", "--out", out.string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Contains("resnet20_cifar10") && Contains("self-test passed"));
  CHECK_THAT(lines_of(ending.output).back(), Contains(out.string()) && Contains("top-1 66.7 %"));

  const auto predictions = lines_of(read_whole(out / "predictions.csv"));
  REQUIRE(predictions.size() == 13);
  CHECK(predictions[0] == "file,top1,top2,top3,top4,top5");
  for (std::size_t i = 0; i < 12; ++i)
    CHECK(predictions[i + 1].starts_with("p" + std::to_string(10 + i) + ".png," + std::to_string(files().guesses()[i]) +
                                         ","));

  const auto report = nlohmann::json::parse(read_whole(out / "report.json"));
  CHECK(report["images"] == 12);
  CHECK(report["model"] == "resnet20_cifar10");
  CHECK(report["preset"] == "cifar");
  CHECK(report["top1"].get<double>() == Approx(8.0 / 12));
  CHECK(report["top5"] >= report["top1"]);
  for (const char* name : {"ms_per_image", "seed", "threads", "seconds", "isa", "version"})
    CHECK(report.contains(name));
  CHECK(io::load_image(out / "sheet.png").numel() > 1000);
  CHECK_THAT(read_whole(out / "report.html"), Contains("</html>"));
}

TEST_CASE("classify names the five likeliest classes of pictures that are named") {
  const TemporaryFolder folder;
  std::ofstream(folder / "names.txt") << "n00000001 first, number one\nsecond\nc\nd\ne\nf\ng\nh\ni\nj\n";
  const auto picture = (files().pictures() / "p10.png").string();
  const Ending ending =
      run_program("classify", {"--weights", files().weights().string(), "--labels", (folder / "names.txt").string(),
                               "--out", (folder / "out").string(), picture});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  const auto lines = lines_of(ending.output);
  REQUIRE(lines.size() >= 6);
  CHECK(lines[0] == "p10.png");
  for (std::size_t i = 1; i <= 5; ++i) CHECK_THAT(lines[i], Contains(" %  "));
  CHECK(ending.output.find("number one") == std::string::npos);
}

TEST_CASE("classify works without data and weights, and says that its answers mean nothing") {
  const TemporaryFolder folder;
  const Ending ending =
      run_program("classify", {"--model", "resnet20_cifar10", "--quick", "--out", (folder / "out").string()});
  CHECK(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Contains("no --weights given") && Contains("drawn digits"));
}

TEST_CASE("classify tells in one line what it can't use") {
  const TemporaryFolder folder;
  const auto error_of = [&](const std::vector<std::string>& arguments) {
    return error_line(run_program("classify", with(arguments, {"--out", (folder / "out").string()})));
  };
  const std::string weights = files().weights().string(), pictures = files().pictures().string(),
                    one = (files().pictures() / "p10.png").string();
  CHECK_THAT(error_of({"--weights", (folder / "none").string(), one}), Contains("none"));
  CHECK_THAT(error_of({"--weights", one, one}), Contains("it is no file of weights"));
  CHECK_THAT(error_of({"--weights", weights, "--model", "resnet18", one}),
             Contains("does not hold weights of resnet18"));
  CHECK_THAT(error_of({"--weights", weights, "--model", "resnet17", one}),
             Contains("there is no network \"resnet17\""));
  CHECK_THAT(error_of({"--weights", weights, "--preset", "caffee", one}), Contains("there is no preset \"caffee\""));
  CHECK_THAT(error_of({"--weights", weights, (folder / "none.png").string()}), Contains("none.png"));
  CHECK_THAT(error_of({"--weights", weights, "--truth", (files() / "truth.csv").string()}),
             Contains("--truth FILE goes with --data FOLDER"));
  CHECK_THAT(error_line(run_program("classify", {"--weights", (files() / "other.safetensors").string(), "--verify", one,
                                                 "--out", (folder / "out").string()})),
             Contains("self-test"));
  std::ofstream(folder / "few.txt") << "a\nb\n";
  CHECK_THAT(error_of({"--weights", weights, "--labels", (folder / "few.txt").string(), one}),
             Contains("names 2 classes, the network has 10"));
  std::ofstream(folder / "bad.csv") << "file,class_index\np10.png,cat\n";
  CHECK_THAT(error_of({"--weights", weights, "--data", pictures, "--truth", (folder / "bad.csv").string()}),
             Contains("class_index must be a number"));
  std::filesystem::create_directory(folder / "empty");
  CHECK_THAT(error_of({"--weights", weights, "--data", (folder / "empty").string()}),
             Contains("holds no PNG, JPEG or BMP image"));
}
