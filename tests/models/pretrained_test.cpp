/// Networks that others trained, against the answers that PyTorch gave with the same weights. The weights are optional
/// data beside the project; without them the test says so.
#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include <kashi/io/file.hpp>
#include <kashi/models/presets.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/train/weights.hpp>

using namespace kashi;

namespace {

const std::filesystem::path folder = KASHI_SOURCE_DIR "/../shared/data/weights";

/// sin(0.05 (c + 1) y + 0.1 c) cos(0.03 (c + 1) x), of side n.
Tensor<float> recipe(Index n) {
  auto out = Tensor<float>::empty({1, n, n, 3});
  for (Index y = 0; y < n; ++y)
    for (Index x = 0; x < n; ++x)
      for (Index c = 0; c < 3; ++c) {
        const auto k = static_cast<double>(c);
        out.mutable_data()[(y * n + x) * 3 + c] =
            static_cast<float>(std::sin(0.05 * (k + 1) * static_cast<double>(y) + 0.1 * k) *
                               std::cos(0.03 * (k + 1) * static_cast<double>(x)));
      }
  return out;
}

}  // namespace

TEST_CASE("Pretrained networks answer as in PyTorch") {
  if (!std::filesystem::exists(folder / "selftest.json")) {
    WARN("skipped: there are no weights in " << folder);
    return;
  }
  const nlohmann::json tests = nlohmann::json::parse(std::ifstream(folder / "selftest.json"));
  const auto [name, padding] =
      GENERATE(table<std::string, models::StridePadding>({{"squeezenet1_1", models::StridePadding::usual},
                                                          {"mobilenet_v2", models::StridePadding::same},
                                                          {"resnet20_cifar10", models::StridePadding::usual}}));
  CAPTURE(name);
  auto net = models::make(name, {.padding = padding});
  CHECK(net.load_state_dict(train::load_weights(folder / (name + ".safetensors"))).is_complete());
  net.eval();

  const NoGrad no_grad;
  const auto& test = tests.at(name);
  const Tensor<float> logits = net(recipe(test.at("recipe_side").get<Index>())).value();
  const double largest = test.at("recipe").at("top5_logits").at(0).get<double>();
  const auto first = test.at("recipe").at("first10").get<std::vector<double>>();
  for (std::size_t i = 0; i < first.size(); ++i)
    CHECK(std::abs(static_cast<double>(logits(0, static_cast<Index>(i))) - first[i]) <= 2e-4 * largest);
  const auto best = test.at("recipe").at("top5").get<std::vector<Index>>();
  CHECK(argmax(logits)(0) == best[0]);
}

TEST_CASE("ResNet-20 sees in CIFAR-10 pictures what it sees there in PyTorch") {
  if (!std::filesystem::exists(folder / "cifar10_sample.bin")) {
    WARN("skipped: there is no cifar10_sample.bin in " << folder);
    return;
  }
  constexpr Index side = 32, plane = side * side, record = 1 + 3 * plane;
  const std::string bytes = io::read_text_file(folder / "cifar10_sample.bin");
  const auto count = static_cast<Index>(bytes.size()) / record;
  REQUIRE(count == 200);
  const auto byte = [&](Index i) {
    return static_cast<float>(static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]));
  };
  auto pictures = Tensor<float>::empty({count, side, side, 3});
  float* to = pictures.mutable_data();
  for (Index n = 0; n < count; ++n)
    for (Index i = 0; i < plane; ++i)
      for (Index c = 0; c < 3; ++c) *to++ = byte(n * record + 1 + c * plane + i) / 255;

  auto net = models::make("resnet20_cifar10");
  net.load_state_dict(train::load_weights(folder / "resnet20_cifar10.safetensors"));
  net.eval();
  const NoGrad no_grad;
  const Tensor<Index> guesses = argmax(net(models::normalize_for(pictures, models::preset("cifar"))).value());
  std::ifstream stream(folder / "resnet20_cifar10_predictions.txt");
  Index right = 0;
  for (Index n = 0; n < count; ++n) {
    Index wanted = -1;
    stream >> wanted;
    CAPTURE(n);
    CHECK(guesses(n) == wanted);
    right += guesses(n) == static_cast<Index>(byte(n * record)) ? 1 : 0;
  }
  CHECK(right == 181);
}
