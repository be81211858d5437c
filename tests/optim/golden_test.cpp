/// The optimizers' numbers: short sequences worked out in float64, and 20 steps of PyTorch 2.15 for each option set.
#include "every_optimizer.hpp"
#include "support.hpp"

using namespace kashi;

namespace {

/// p after each of the gradients 0.5, -0.2, 0.3, from p = 1.
template <class Make>
std::vector<double> three_steps(Make&& make) {
  const Variable<double> p = vector_parameter<double>({1});
  auto optimizer = make(std::vector{p});
  std::vector<double> out;
  for (const double gradient : {0.5, -0.2, 0.3}) {
    set_gradient(p, Tensor<double>({1}, {gradient}));
    optimizer.step();
    out.push_back(p.item());
  }
  return out;
}

void check_sequence(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).margin(6e-11).epsilon(0));
}

/// The parameters' numbers after each of 20 steps, as make_golden_optim.py describes them.
template <class T>
std::vector<double> twenty_steps(const OptimizerCase<T>& test) {
  const Variable<T> a = vector_parameter<T>({1, -2, T(0.5)});
  const Variable<T> b = vector_parameter<T>({T(0.3), T(-0.7)});
  const auto optimizer = test.make({a}, {b});
  std::vector<double> out;
  for (Index t = 1; t <= 20; ++t) {
    Index i = 0;
    for (const auto& p : {a, b}) {
      auto gradient = Tensor<T>::empty(p.shape());
      for (Index k = 0; k < p.numel(); ++k, ++i)
        gradient.at(k) = static_cast<T>((7 * t + 5 * i + 3) % 11 - 5) / 4 + p.value()(k) / 4;
      set_gradient(p, gradient);
    }
    if (t % 3 == 0) Variable<T>(b).zero_grad();
    optimizer->step();
    for (const auto& p : {a, b})
      for (const T value : p.value().span()) out.push_back(static_cast<double>(value));
  }
  return out;
}

template <class T>
void check_against_pytorch(const std::string& suffix, double relative, double absolute) {
  for (const auto& test : every_optimizer<T>()) {
    INFO(test.name << " " << suffix);
    const auto& expected = golden(test.name + suffix);
    const auto found = twenty_steps(test);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO("number " << i);
      REQUIRE(found[i] == Approx(expected[i]).epsilon(relative).margin(absolute));
    }
  }
}

}  // namespace

TEST_CASE("SGD's first three steps") {
  check_sequence(three_steps([](auto p) { return optim::SGD(p, {.lr = 0.1, .momentum = 0.9}); }),
                 {0.95, 0.925, 0.8725});
  check_sequence(three_steps([](auto p) {
                   return optim::SGD(p, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true});
                 }),
                 {0.9031, 0.89807411, 0.8176572582});
  check_sequence(three_steps([](auto p) { return optim::SGD(p, {.lr = 0.1, .momentum = 0.9, .dampening = 0.5}); }),
                 {0.95, 0.915, 0.8685});
}

TEST_CASE("Adam's and AdamW's first three steps") {
  check_sequence(three_steps([](auto p) { return optim::Adam(p, {.lr = 0.1, .weight_decay = 0.01}); }),
                 {0.900000002, 0.8633641381, 0.8072125542});
  check_sequence(three_steps([](auto p) { return optim::AdamW(p, {.lr = 0.1}); }),
                 {0.899000002, 0.8635404181, 0.8082328433});
}

TEST_CASE("RMSprop's first three steps") {
  check_sequence(three_steps([](auto p) { return optim::RMSprop(p, {.lr = 0.1}); }),
                 {2e-7, 0.3730020537, -0.1171409476});
  check_sequence(three_steps([](auto p) { return optim::RMSprop(p, {.lr = 0.1, .momentum = 0.9, .centered = true}); }),
                 {-0.0050376132, -0.5360037965, -1.5063256266});
}

TEST_CASE("Lion's first three steps") {
  check_sequence(three_steps([](auto p) { return optim::Lion(p, {.lr = 0.1, .weight_decay = 0.01}); }),
                 {0.899, 0.998101, 0.897102899});
}

TEST_CASE("twenty steps in double agree with PyTorch") { check_against_pytorch<double>("/double", 1e-9, 1e-12); }

TEST_CASE("twenty steps in float agree with PyTorch") { check_against_pytorch<float>("/float", 1e-5, 2e-7); }
