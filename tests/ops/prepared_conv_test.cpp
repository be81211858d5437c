#include <catch2/catch.hpp>

#include <kashi/core/random.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/conv.hpp>
#include <kashi/ops/norm.hpp>
#include <kashi/ops/prepared_conv.hpp>

using namespace kashi;

namespace {

template <class T>
struct Problem {
  Shape input, weight;
  Conv2dOptions options = {};
  Tensor<T> x = random::Generator(1).normal<T>(input), w = random::Generator(2).normal<T>(weight),
            bias = random::Generator(3).normal<T>({weight[0]});
  ConvGeometry geometry = detail::conv2d_checked_geometry<T>(x, w, bias, options);
};

/// relu6(batch_norm(conv(x)) + residual) by the cache and by single operations.
template <class T>
void check(const Problem<T>& p, double tolerance) {
  PreparedConvCache<T> cache;
  const Index channels = p.weight[0];
  random::Generator g(4);
  const Tensor<T> residual = g.normal<T>(detail::shape_of(p.geometry.output_sizes()), 0, 8);
  const NormNumbers<T> norm{g.normal<T>({channels}), g.normal<T>({channels}), g.normal<T>({channels}),
                            g.uniform<T>({channels}, 0.5, 2), 1e-3};
  Tensor<T> y = Tensor<T>::empty(residual.shape());
  cache.get(p.geometry, p.w, p.bias, &norm)
      ->run(p.x.data(), {.residual = &residual, .relu = true, .most = 6}, y.mutable_data());
  const Variable<T> conv = conv2d(p.x, p.w, p.bias, p.options);
  const Variable<T> plain = batch_norm(conv, norm.weight, norm.bias, norm.mean, norm.variance, {.eps = norm.eps});
  CHECK(allclose(y, relu6(add(plain, Variable<T>(residual))).value(), tolerance, tolerance));

  cache.get(p.geometry, p.w, Tensor<T>(), nullptr)->run(p.x.data(), {.relu = true}, y.mutable_data());
  CHECK(allclose(y, relu(conv2d(p.x, p.w, p.options)).value(), tolerance, tolerance));
}

}  // namespace

TEST_CASE("a prepared convolution does its norm, residual and clipping on every route") {
  check<float>({{1, 9, 7, 3}, {8, 3, 3, 3}}, 2e-4);
  check<float>({{2, 8, 8, 16}, {20, 3, 3, 16}, {.padding = 1}}, 2e-3);
  check<float>({{1, 9, 8, 24}, {24, 3, 3, 1}, {.stride = 2, .padding = 1, .groups = 24}}, 2e-4);
  check<float>({{1, 6, 6, 16}, {16, 3, 3, 4}, {.padding = 1, .groups = 4}}, 2e-4);
  check<float>({{1, 6, 6, 20}, {36, 1, 1, 10}, {.groups = 2}}, 2e-4);
  check<double>({{1, 9, 7, 5}, {9, 3, 3, 5}, {.padding = kernels::same}}, 1e-10);
}

TEST_CASE("a cache packs once for each geometry and drops what is out of date") {
  const Problem<float> p{{1, 8, 8, 16}, {16, 3, 3, 16}};
  Problem<float> q{{1, 9, 8, 16}, {16, 3, 3, 16}};
  q.w = p.w;
  PreparedConvCache<float> cache;
  const auto first = cache.get(p.geometry, p.w, p.bias, nullptr);
  CHECK(cache.get(p.geometry, p.w, p.bias, nullptr) == first);
  CHECK(cache.get(q.geometry, p.w, p.bias, nullptr) != first);
  CHECK(cache.get(p.geometry, p.w, Tensor<float>(), nullptr) != first);
  CHECK(cache.get(p.geometry, p.w, p.bias, nullptr) == first);
  CHECK(cache.size() == 3);
  Tensor<float> weight = p.w;
  weight.mutable_data();
  CHECK(cache.get(p.geometry, p.w, p.bias, nullptr) != first);
  CHECK(cache.size() == 1);
  for (Index height = 10; height < 20; ++height) {
    ConvGeometry g = p.geometry;
    g.in_height = height;
    g.out_height = height - 2;
    cache.get(g, p.w, p.bias, nullptr);
  }
  CHECK(cache.size() == 4);
  cache.clear();
  CHECK(cache.size() == 0);
}
