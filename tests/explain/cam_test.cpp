/// Class activation maps on networks whose maps are known in closed form.
#include <catch2/catch.hpp>

#include <kashi/explain/explain.hpp>
#include <kashi/models/squeezenet.hpp>

using namespace kashi;
using explain::Method;

namespace {

Tensor<double> numbers(const Shape& shape, std::uint64_t seed, double low = -1, double high = 1) {
  return random::Generator(seed).uniform<double>(shape, low, high);
}

/// A convolution with ReLU, then an average and a linear layer: "features.1" is the last map.
nn::Sequential<double> average_net(Index channels = 4, Index classes = 3) {
  nn::Sequential<double> net,
      features{nn::Conv2d<double>({.in = 2, .out = channels, .kernel = 3, .padding = 1}), nn::ReLU<double>()};
  return net.add("features", features)
      .add("pool", nn::GlobalAvgPool2d<double>())
      .add("fc", nn::Linear<double>({.in = channels, .out = classes}));
}

void check_close(const Tensor<double>& got, const Tensor<double>& wanted, double tolerance = 1e-12) {
  REQUIRE(got.shape() == wanted.shape());
  for (Index i = 0; i < got.numel(); ++i) CHECK(got.data()[i] == Approx(wanted.data()[i]).margin(tolerance));
}

Tensor<double> scaled(const Tensor<double>& x, double factor) {
  Tensor<double> out = x.clone();
  for (double& value : out.mutable_span()) value *= factor;
  return out;
}

}  // namespace

TEST_CASE("On an average and a linear layer, gradient maps are CAM by the number of places") {
  manual_seed(3);
  auto net = average_net();
  const auto image = numbers({5, 4, 2}, 1);
  const double places = 20;
  const auto at = explain::layer_gradient(net, "features.1", image, 1);
  const auto cam = explain::explain(Method::cam, net, "features.1", image, 1);
  const auto& weight = dynamic_cast<nn::Linear<double>&>(net.find("fc")).weight().value();
  const auto& bias = dynamic_cast<nn::Linear<double>&>(net.find("fc")).bias().value();

  double direct = 0;
  for (Index k = 0; k < 4; ++k) direct += weight(1, k) * at.activation(2, 3, k);
  CHECK(cam.raw(2, 3) == Approx(direct).margin(1e-12));
  CHECK(mean(cam.raw).item() == Approx(cam.score - bias(1)).margin(1e-12));
  check_close(explain::grad_cam(at).raw, scaled(cam.raw, 1 / places));
  check_close(explain::hires_cam(at).raw, scaled(cam.raw, 1 / places));
  check_close(explain::xgrad_cam(at).raw, scaled(cam.raw, 1 / places));

  const Tensor<double> averages = mean(at.activation, {0, 1});
  double plus_plus = 0, layer = 0, ablation = 0;
  for (Index k = 0; k < 4; ++k) {
    const double w = weight(1, k), a = at.activation(2, 3, k);
    if (w > 0) plus_plus += w / (2 + w * averages(k)) * a;
    if (w > 0) layer += w * a / places;
    ablation += w * averages(k) * a;
  }
  CHECK(explain::grad_cam_plus_plus(at).raw(2, 3) == Approx(plus_plus).margin(1e-12));
  CHECK(explain::layer_cam(at).raw(2, 3) == Approx(layer).margin(1e-12));
  CHECK(explain::explain(Method::ablation_cam, net, "features.1", image, 1).raw(2, 3) ==
        Approx(ablation).margin(1e-12));
}

TEST_CASE("CAM of one class minus another's is CAM of the difference") {
  manual_seed(4);
  auto net = average_net();
  const auto image = numbers({4, 4, 2}, 2);
  const auto first = explain::cam(net, "features.1", image, 0), second = explain::cam(net, "features.1", image, 2);
  const auto difference = explain::cam(net, "features.1", image,
                                       [](const Variable<double>& y) { return select(y, 1, 0) - select(y, 1, 2); });
  check_close(difference.raw, first.raw - second.raw);
  CHECK(difference.class_index == -1);
}

TEST_CASE("Ablation-CAM behind an average takes no differences, and gives what differences give") {
  manual_seed(16);
  auto net = average_net();
  const auto image = numbers({4, 4, 2}, 17);
  const auto direct = explain::ablation_cam(net, "features.1", image, 2);
  const auto differences =
      explain::ablation_cam(net, "features.1", image, [](const Variable<double>& y) { return select(y, 1, 2); });
  check_close(direct.raw, differences.raw);
  CHECK(direct.score == Approx(differences.score));
}

TEST_CASE("On a flattened map with a linear layer HiResCAM sums to the score without the bias") {
  manual_seed(5);
  nn::Sequential<double> net{nn::Conv2d<double>({.in = 2, .out = 3, .kernel = 3, .padding = 1}), nn::ReLU<double>(),
                             nn::Flatten<double>(), nn::Linear<double>({.in = 36, .out = 3})};
  const auto image = numbers({4, 3, 2}, 3);
  const auto at = explain::layer_gradient(net, "1", image, 2);
  const double bias = dynamic_cast<nn::Linear<double>&>(net.find("3")).bias().value()(2);
  CHECK(sum(explain::hires_cam(at).raw).item() == Approx(at.score - bias).margin(1e-12));
  CHECK(sum(explain::xgrad_cam(at).raw).item() == Approx(at.score - bias).margin(1e-12));
  CHECK(std::abs(sum(explain::grad_cam(at).raw).item() - (at.score - bias)) > 1e-4);
  CHECK_THROWS_WITH(explain::cam(net, "1", image, 2), Catch::Matchers::Contains("global average"));
}

TEST_CASE("On SqueezeNet's head CAM is the class's own channel") {
  manual_seed(6);
  auto net = models::squeezenet1_1({.classes = 5});
  const Tensor<float> image = random::Generator(7).uniform<float>({64, 64, 3}, -1, 1);
  const auto at = explain::layer_gradient(net, "classifier.2", image, 3);
  const auto cam = explain::cam(net, "classifier.2", image, 3), grad_cam = explain::grad_cam(at);
  for (Index y = 0; y < cam.raw.size(0); ++y)
    for (Index x = 0; x < cam.raw.size(1); ++x) {
      CHECK(cam.raw(y, x) == Approx(at.activation(y, x, 3)).margin(1e-6));
      CHECK(grad_cam.raw(y, x) == Approx(at.activation(y, x, 3) / static_cast<float>(cam.raw.numel())).margin(1e-6));
    }
}

TEST_CASE("A layer inside a Residual is explained through hooks") {
  manual_seed(8);
  const nn::Conv2d<double> first({.in = 2, .out = 2, .kernel = 3, .padding = 1}),
      second({.in = 2, .out = 2, .kernel = 3, .padding = 1});
  nn::Sequential<double> net{nn::Residual<double>(nn::Sequential<double>{first, nn::ReLU<double>(), second}),
                             nn::GlobalAvgPool2d<double>(), nn::Linear<double>({.in = 2, .out = 2})};
  const auto image = numbers({4, 4, 2}, 9);
  const auto at = explain::layer_gradient(net, "0.body.1", image, 1);
  // Moving the layer's output along the gradient moves the score by its squared length.
  const double step = 1e-5;
  const auto moved = [&](double by) {
    HookHandle hook =
        net.find("0.body.1").register_forward_hook([&](const auto&, const auto&, const Variable<double>& y) {
          return Variable<double>(y.value() + scaled(at.gradient, by).reshape(y.shape()));
        });
    const double score = net(Variable<double>(image.reshape(Shape{1, 4, 4, 2}))).value()(0, 1);
    hook.remove();
    return score;
  };
  CHECK((moved(step) - moved(-step)) / (2 * step) == Approx(sum(at.gradient * at.gradient).item()).epsilon(1e-6));
  const auto exact = explain::shap_cam(net, "0.body.1", image, 1, {.exact = true});
  const auto sampled = explain::shap_cam(net, "0.body.1", image, 1, {.permutations = 2, .batch = 5});
  CHECK(sum(exact.raw).item() == Approx(sum(sampled.raw).item()).margin(1e-12));
  CHECK(net(Variable<double>(image.reshape(Shape{1, 4, 4, 2}))).value()(0, 1) == Approx(at.score));
}

TEST_CASE("Eigen-CAM finds the map that all channels share, with its sign") {
  nn::Sequential<double> net{nn::Identity<double>(), nn::GlobalAvgPool2d<double>()};
  const auto [height, channels] = GENERATE(table<Index, Index>({{3, 12}, {6, 2}}));
  const auto map = numbers({height, 3}, 10, 0.1, 1), factors = numbers({channels}, 11);
  Tensor<double> image = Tensor<double>::empty({height, 3, channels});
  double norm = 0;
  for (Index k = 0; k < channels; ++k) norm += factors(k) * factors(k);
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < 3; ++x)
      for (Index k = 0; k < channels; ++k) image.at(y, x, k) = map(y, x) * factors(k);
  check_close(explain::eigen_cam(net, "0", image).raw, scaled(map, std::sqrt(norm)), 1e-9);
}

TEST_CASE("Score-CAM gives equal channels equal weights") {
  nn::Sequential<double> net{nn::Conv2d<double>({.in = 1, .out = 4}), nn::GlobalAvgPool2d<double>()};
  auto& conv = dynamic_cast<nn::Conv2d<double>&>(net.find("0"));
  nn::init::constant(conv.weight(), 0.5);
  nn::init::constant(conv.bias(), 0.0);
  const auto image = numbers({3, 3, 1}, 12, 0, 1);
  const auto map = explain::score_cam(net, "0", image, 0, {.batch = 3});
  check_close(map.raw, scaled(image.reshape(Shape{3, 3}), 0.5));
}

TEST_CASE("A map without positive places is shown as zeros, and others up to one") {
  explain::Map<double> map{Tensor<double>({1, 3}, {-1, -2, 0})};
  check_close(map.shown(), Tensor<double>::zeros({1, 3}));
  map.raw = Tensor<double>({1, 3}, {-1, 4, 1});
  check_close(map.positive(), Tensor<double>({1, 3}, {0, 4, 1}));
  check_close(map.shown(), Tensor<double>({1, 3}, {0, 1, 0.25}));
  CHECK(map.shown(2, 6).shape() == Shape{2, 6});
}

TEST_CASE("The network has its mode back after an explanation, and unknown layers are told") {
  auto net = average_net();
  net.train();
  net.find("fc").eval();
  explain::explain(Method::grad_cam, net, "features.1", numbers({4, 4, 2}, 13));
  CHECK(net.is_training());
  CHECK(net.find("features.0").is_training());
  CHECK_FALSE(net.find("fc").is_training());
  CHECK_THROWS_WITH(explain::explain(Method::grad_cam, net, "features.9", numbers({4, 4, 2}, 13)),
                    Catch::Matchers::Contains("there is no layer"));
  CHECK_THROWS_WITH(explain::explain(Method::grad_cam, net, "pool", numbers({4, 4, 2}, 13)),
                    Catch::Matchers::Contains("must give a map"));
  CHECK_THROWS_WITH(explain::explain(Method::grad_cam, net, "features.1", numbers({4, 4, 2}, 13), 7),
                    Catch::Matchers::Contains("no class 7"));
  CHECK_THROWS_WITH(explain::method_named("gradcam"), Catch::Matchers::Contains("grad-cam"));
}

TEST_CASE("Without a class the most probable one is explained") {
  manual_seed(14);
  auto net = average_net();
  const auto image = numbers({4, 4, 2}, 15);
  const auto logits = net(Variable<double>(image.reshape(Shape{1, 4, 4, 2}))).value();
  const auto map = explain::explain(Method::grad_cam, net, "features.1", image);
  CHECK(map.class_index == argmax(logits, 1)(0));
  CHECK(map.score == Approx(max(logits).item()));
}
