/// Every method on pretrained networks against PyTorch: tests/golden/make_golden_explain.py computes the maps from the
/// formulas.
#include <catch2/catch.hpp>

#include <filesystem>

#include <kashi/explain/explain.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/train/weights.hpp>

#include "golden/golden.hpp"

using namespace kashi;

namespace {

constexpr Index explained_class = 130;

Tensor<double> recipe(Index side) {
  Tensor<double> out = Tensor<double>::empty({side, side, 3});
  for (Index y = 0; y < side; ++y)
    for (Index x = 0; x < side; ++x)
      for (Index c = 0; c < 3; ++c) {
        const double k = static_cast<double>(c + 1);
        out.at(y, x, c) =
            std::sin(0.05 * k * static_cast<double>(y) + 0.1 * (k - 1)) * std::cos(0.03 * k * static_cast<double>(x));
      }
  return out;
}

/// The largest difference over the golden map's largest magnitude; maps of the input's size at every eighth place.
template <class T>
double difference(const Tensor<T>& map, const std::vector<double>& golden) {
  const Index step = map.numel() == static_cast<Index>(golden.size()) ? 1 : 8;
  double largest = 0, apart = 0;
  std::size_t i = 0;
  for (Index y = 0; y < map.size(0); y += step)
    for (Index x = 0; x < map.size(1); x += step, ++i) {
      largest = std::max(largest, std::abs(golden.at(i)));
      apart = std::max(apart, std::abs(static_cast<double>(map(y, x)) - golden.at(i)));
    }
  REQUIRE(i == golden.size());
  return apart / largest;
}

template <class T>
void check_methods(const std::string& model, Index side, double tolerance,
                   const std::vector<explain::Method>& methods) {
  const std::filesystem::path weights =
      std::filesystem::path(KASHI_SOURCE_DIR) / "../shared/data/weights" / (model + ".safetensors");
  if (!std::filesystem::exists(weights)) {
    WARN("skipped: there is no " << weights.string());
    return;
  }
  auto net = models::make<T>(
      model, {.padding = model == "mobilenet_v2" ? models::StridePadding::same : models::StridePadding::usual});
  nn::StateDict<T> state;
  const auto stored = train::load_weights(weights.string());
  state.set_layout(stored.layout());
  for (const auto& [name, value] : stored) state.set(name, value.template to<T>());
  net.load_state_dict(state);
  const Tensor<T> image = recipe(side).to<T>();
  explain::ExplainOptions options;
  options.shap_cam.exact = true;
  options.smooth_grad = {.samples = 1, .noise = 0};
  for (const explain::Method method : methods) {
    const std::string layer = method == explain::Method::cam && model == "squeezenet1_1" ? "classifier.2" : "features";
    const double got = difference(explain::explain(method, net, layer, image, explained_class, options).raw,
                                  golden_line("explain.txt", model + "/" + explain::name_of(method)));
    INFO(model << " " << explain::name_of(method) << ": " << got);
    CHECK(got < tolerance);
  }
}

// Gradients of the input jump where rounding moves a ReLU's input across 0 (see input_gradient.hpp), so they are
// compared in double.
const std::vector<explain::Method> of_layers{
    explain::Method::cam,          explain::Method::grad_cam,  explain::Method::grad_cam_plus_plus,
    explain::Method::hires_cam,    explain::Method::xgrad_cam, explain::Method::layer_cam,
    explain::Method::ablation_cam, explain::Method::eigen_cam, explain::Method::shap_cam};

}  // namespace

TEST_CASE("Maps of SqueezeNet 1.1 are PyTorch's") { check_methods<float>("squeezenet1_1", 64, 1e-4, of_layers); }

TEST_CASE("Maps of MobileNetV2 are PyTorch's") { check_methods<float>("mobilenet_v2", 96, 1e-4, of_layers); }

TEST_CASE("Gradients of the input are PyTorch's, in double") {
  check_methods<double>("squeezenet1_1", 64, 1e-8, {explain::Method::smooth_grad});
  check_methods<double>("mobilenet_v2", 96, 1e-8, {explain::Method::smooth_grad});
}

TEST_CASE("So are those that take many passes", "[.slow]") {
  check_methods<float>("squeezenet1_1", 64, 1e-4, {explain::Method::score_cam});
  check_methods<float>("mobilenet_v2", 96, 1e-4, {explain::Method::score_cam});
  check_methods<double>("squeezenet1_1", 64, 1e-8, {explain::Method::integrated_gradients});
  check_methods<double>("mobilenet_v2", 96, 1e-8, {explain::Method::integrated_gradients});
}
