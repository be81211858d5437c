/// Clipping of gradients.
#include <cmath>
#include <limits>
#include <vector>

#include "support.hpp"

#include <kashi/core/random.hpp>
#include <kashi/optim/clip.hpp>

using namespace kashi;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
std::vector<Variable<T>> with_gradients(const std::vector<Tensor<T>>& gradients) {
  std::vector<Variable<T>> out;
  for (const auto& gradient : gradients) {
    out.push_back(parameter(Tensor<T>::zeros(gradient.shape())));
    set_gradient(out.back(), gradient);
  }
  return out;
}

}  // namespace

TEST_CASE("clip_grad_norm scales to the norm and returns the old one") {
  const auto p = with_gradients<double>({Tensor<double>({1}, {3.0}), Tensor<double>({1}, {4.0})});
  CHECK(optim::clip_grad_norm(p, 1) == 5);
  CHECK(p[0].grad().item() == Approx(0.59999988).epsilon(1e-8));
  CHECK(p[1].grad().item() == Approx(0.79999984).epsilon(1e-8));
}

TEST_CASE("clip_grad_norm agrees with PyTorch for several norms") {
  const auto& expected = golden("clip");
  std::size_t i = 0;
  for (const double norm_type : {2.0, 1.0, 3.0, infinity}) {
    INFO("norm_type " << norm_type);
    const auto p = with_gradients<double>({Tensor<double>({2, 2}, {3, -4, 0.5, 0}), Tensor<double>({3}, {1, 2, -6})});
    CHECK(optim::clip_grad_norm(p, 1, norm_type) == Approx(expected.at(i++)).epsilon(1e-12));
    for (const auto& parameter : p)
      for (const double g : parameter.grad().span()) CHECK(g == Approx(expected.at(i++)).epsilon(1e-9));
  }
  CHECK(i == expected.size());
}

TEST_CASE("gradients below the norm, and parameters without one, are left alone") {
  auto p = with_gradients<float>({Tensor<float>({2}, {0.3f, 0.4f})});
  p.push_back(vector_parameter<float>({1, 2, 3}));
  CHECK(optim::clip_grad_norm(p, 1) == Approx(0.5));
  CHECK(p[0].grad()(0) == 0.3f);
  CHECK_FALSE(p[1].has_grad());
  CHECK(optim::clip_grad_norm(std::vector<Variable<float>>{}, 1) == 0);
}

TEST_CASE("gradients that share memory are each clipped once") {
  const auto a = vector_parameter<double>({1});
  const auto b = vector_parameter<double>({1});
  (a + b).backward(Tensor<double>({1}, {10.0}));
  optim::clip_grad_norm(std::vector{a, b}, 1);
  CHECK(a.grad().item() == Approx(std::sqrt(0.5)).epsilon(1e-6));
  CHECK(b.grad().item() == Approx(std::sqrt(0.5)).epsilon(1e-6));
}

TEST_CASE("a norm that is not finite") {
  const auto nan = with_gradients<float>({Tensor<float>({2}, {1, NAN})});
  CHECK(error_of([&] { optim::clip_grad_norm(nan, 1, 2, true); }) ==
        "clip_grad_norm: the norm of the gradients is nan");
  CHECK(nan[0].grad()(0) == 1);
  CHECK(std::isnan(optim::clip_grad_norm(nan, 1, infinity)));
  CHECK(std::isnan(nan[0].grad()(0)));
  const auto infinite = with_gradients<float>({Tensor<float>({2}, {1, INFINITY})});
  CHECK_THROWS_AS(optim::clip_grad_norm(infinite, 1, 2, true), ValueError);
  CHECK(optim::clip_grad_norm(infinite, 1) == infinity);
  CHECK(infinite[0].grad()(0) == 0);
}

TEST_CASE("clip_grad_value limits each number") {
  const auto p = with_gradients<float>({Tensor<float>({4}, {-3, -0.25, 0.5, 2})});
  optim::clip_grad_value(p, 0.5);
  CHECK(p[0].grad().to_vector() == std::vector<float>{-0.5, -0.25, 0.5, 0.5});
}

TEST_CASE("clipping refuses senseless limits") {
  const std::vector p{vector_parameter<float>({1})};
  CHECK(error_of([&] { optim::clip_grad_norm(p, -1); }) == "clip_grad_norm: max_norm must be at least 0; got -1");
  CHECK(error_of([&] { optim::clip_grad_norm(p, 1, 0); }) == "grad_norm: norm_type must be above 0; got 0");
  CHECK(error_of([&] { optim::clip_grad_value(p, -1); }) == "clip_grad_value: clip_value must be at least 0; got -1");
}

TEST_CASE("the norm has the same bits for every number of threads") {
  const int before = num_threads();
  const auto gradient = random::Generator(3).normal<float>({50, 1000}, 0, 1);
  const auto p = with_gradients<float>({gradient});
  set_num_threads(1);
  const double alone = optim::grad_norm(p);
  CHECK(alone > 0);
  for (const int threads : {2, 3, 8}) {
    set_num_threads(threads);
    CHECK(optim::grad_norm(p) == alone);
  }
  set_num_threads(before);
}
