/// Class visualization: its priors by closed forms, and gradient ascent that climbs, stays in range and repeats.
#include <catch2/catch.hpp>

#include <kashi/autograd/grad_check.hpp>
#include <kashi/explain/class_visualization.hpp>

using namespace kashi;
using explain::ImageForm;

namespace {

/// Two classes: how bright the left half is, and how bright the right half is.
Variable<float> halves(const Variable<float>& x) {
  const Index middle = x.size(2) / 2;
  const auto brightness = [](const Variable<float>& part) {
    return reshape(mean(part, {1, 2, 3}), Shape{part.size(0), 1}) * 10.0f;
  };
  return concat({brightness(narrow(x, 2, 0, middle)), brightness(narrow(x, 2, middle, x.size(2)))}, 1);
}

explain::ClassVisualizationOptions small(ImageForm form) {
  explain::ClassVisualizationOptions out{.size = 20, .view = 16, .steps = 24, .form = form, .lr = 0.05};
  out.views = {.jitter = 1, .scale = 0.05, .rotation = 2};
  return out;
}

}  // namespace

TEST_CASE("Total variation is 0 for a constant and height times length for an edge") {
  auto edge = Tensor<double>::full({1, 6, 8, 1}, 0.25);
  CHECK(explain::total_variation(Variable<double>(edge)).item() == Approx(0).margin(1e-12));
  for (Index y = 0; y < 6; ++y)
    for (Index x = 5; x < 8; ++x) edge.at(0, y, x, 0) = 0.75;
  CHECK(explain::total_variation(Variable<double>(edge), {.eps = 0}).item() == Approx(0.5 * 6));
  CHECK(explain::total_variation(Variable<double>(edge), {.beta = 2}).item() == Approx(0.25 * 6));
  CHECK(grad_check([](const auto& x) { return explain::total_variation(x, {.eps = 1e-3}); },
                   {random::Generator(1).uniform<double>({2, 4, 3, 2}, 0, 1)}));
  CHECK_THROWS_WITH(explain::total_variation(Variable<double>(edge), {.beta = 0}),
                    Catch::Matchers::Contains(".beta must be positive"));
}

TEST_CASE("The alpha-norm counts distance from the centre") {
  const Variable<double> image(Tensor<double>({1, 1, 3, 1}, {0.5, 1.5, -1.5}));
  CHECK(explain::alpha_norm(image).item() == Approx(1 + 64));
  CHECK(explain::alpha_norm(image, 2, 0).item() == Approx(0.25 + 2.25 + 2.25));
  CHECK_THROWS_WITH(explain::alpha_norm(image, 3), Catch::Matchers::Contains("alpha must be 2, 4, 6"));
}

TEST_CASE("Ascent makes the class's half bright, in every form") {
  const ImageForm form = GENERATE(ImageForm::pixels, ImageForm::spectrum);
  auto options = small(form);
  options.octaves = form == ImageForm::pixels ? 2 : 1;
  options.blur = 0.5;
  options.decay = 0.01;
  options.total_variation = 0.1;
  std::vector<double> logits;
  const auto image =
      explain::visualize_class<float>(halves, 1, options, [&](Index step, double logit, const auto& now) {
        CHECK(step == static_cast<Index>(logits.size()) + 1);
        if (step % 8 == 0) CHECK(now().shape() == Shape{20, 20, 3});
        logits.push_back(logit);
      });
  REQUIRE(image.shape() == Shape{20, 20, 3});
  REQUIRE(logits.size() == 24);
  CHECK(logits.back() > logits.front() + 1);
  CHECK(mean(image.clone()).item() > 0.5f);
  double left = 0, right = 0;
  for (Index y = 4; y < 16; ++y)
    for (Index x = 3; x < 7; ++x) {
      left += static_cast<double>(image(y, x, 0));
      right += static_cast<double>(image(y, x + 10, 0));
    }
  CHECK(right > left + 1);
  for (const float value : image.span()) CHECK((value >= 0 && value <= 1));
}

TEST_CASE("Equal seeds give equal pictures, and thread counts don't matter") {
  auto options = small(ImageForm::spectrum);
  options.copies = 2;
  options.tint = 0.2;
  options.noise = 0.1;
  options.logit = 0;
  options.log_probability = 1;
  const auto first = explain::visualize_class<float>(halves, 0, options);
  CHECK(equal(first, explain::visualize_class<float>(halves, 0, options)));
  const int threads = num_threads();
  set_num_threads(threads == 1 ? 3 : 1);
  CHECK(equal(first, explain::visualize_class<float>(halves, 0, options)));
  set_num_threads(threads);
  options.seed = 43;
  CHECK_FALSE(equal(first, explain::visualize_class<float>(halves, 0, options)));
}

TEST_CASE("visualize_class refuses wrong options and classes") {
  CHECK_THROWS_WITH(explain::visualize_class<float>(halves, 2, small(ImageForm::pixels)),
                    Catch::Matchers::Contains("there is no class 2 in an output [1,2]"));
  CHECK_THROWS_WITH(explain::visualize_class<float>(halves, 0, {.steps = 0}),
                    Catch::Matchers::Contains(".steps, .copies and .octaves at least 1"));
  CHECK_THROWS_WITH(explain::visualize_class<float>(halves, 0, {.lr = -1}),
                    Catch::Matchers::Contains(".lr must be positive"));
}
