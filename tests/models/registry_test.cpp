/// Networks by name: their sizes, and the names of their parameters.
#include <catch2/catch.hpp>

#include <kashi/models/registry.hpp>

using namespace kashi;

namespace {

Index count_parameters(const nn::Module<float>& net) {
  Index count = 0;
  for (const auto& parameter : net.parameters()) count += parameter.numel();
  return count;
}

}  // namespace

TEST_CASE("Networks have as many parameters as torchvision's") {
  const auto [name, parameters] = GENERATE(table<std::string, Index>({{"resnet18", 11689512},
                                                                      {"resnet50", 25557032},
                                                                      {"resnext50_32x4d", 25028904},
                                                                      {"squeezenet1_0", 1248424},
                                                                      {"squeezenet1_1", 1235496},
                                                                      {"mobilenet_v2", 3504872}}));
  CAPTURE(name);
  CHECK(count_parameters(models::make(name)) == parameters);
}

TEST_CASE("Parameters of a ResNet have torchvision's names") {
  const auto net = models::make("resnet50", {.classes = 5});
  const auto state = net.to_state_dict();
  CHECK(state.at("layer1.0.conv1.weight").shape() == Shape{64, 1, 1, 64});
  CHECK(state.at("layer2.0.downsample.0.weight").shape() == Shape{512, 1, 1, 256});
  CHECK(state.at("layer4.2.bn3.running_var").shape() == Shape{2048});
  CHECK(state.at("fc.weight").shape() == Shape{5, 2048});
  CHECK(state.find("layer1.1.downsample.0.weight") == nullptr);
}

TEST_CASE("A layer in a block without a name of its own is named in errors") {
  auto net = models::make("resnet18", {.classes = 3});
  net.find("layer1.0.conv2").register_forward_pre_hook([](const auto&, const Variable<float>&) {
    return Variable<float>(Tensor<float>::zeros({1, 4, 4, 7}));
  });
  CHECK_THROWS_WITH(net(Tensor<float>::zeros({1, 32, 32, 3})), Catch::Matchers::Contains("(layer \"layer1.0.conv2\")"));
}

TEST_CASE("Training mode reaches every layer of a block") {
  auto net = models::make("resnet18", {.classes = 3});
  net.eval();
  for (const auto& [name, module] : net.named_modules()) {
    CAPTURE(name, module->kind());
    CHECK_FALSE(module->is_training());
  }
}

TEST_CASE("A name that is not known is told with those that are") {
  CHECK_THROWS_WITH(models::make("resnet19"),
                    Catch::Matchers::Contains("there is no network \"resnet19\"; there are: resnet18, "));
}

TEST_CASE("Zeros stand at the end only when asked for") {
  Tensor<float> image = Tensor<float>::zeros({2, 64, 64, 3});
  for (Index i = 0; i < image.numel(); ++i) image.mutable_data()[i] = static_cast<float>(i % 17) / 17;
  auto symmetric = models::make("mobilenet_v2", {.classes = 4, .dropout = 0});
  auto same = models::make("mobilenet_v2", {.classes = 4, .padding = models::StridePadding::same, .dropout = 0});
  same.load_state_dict(symmetric.to_state_dict());
  CHECK_FALSE(allclose(symmetric(image).value(), same(image).value(), 1e-2, 1e-6));
}
