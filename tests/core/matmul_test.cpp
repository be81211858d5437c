#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/matmul.hpp>
#include <kashi/core/random.hpp>
#include <kashi/io/eigen.hpp>

using namespace kashi;
using Catch::Matchers::Equals;

TEST_CASE("products of small integers are exact, in every transposition") {
  random::Generator generator(3);
  for (const auto& [m, n, k] : {std::tuple<Index, Index, Index>{1, 1, 1},
                                {2, 3, 4},
                                {33, 5, 7},
                                {64, 65, 31},
                                {100, 1, 9},
                                {1, 50, 20},
                                {3, 4, 0},
                                {0, 2, 3}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const Tensor<float> a = generator.uniform<float>({m, k}, -8, 8).to<int>().to<float>(),
                            b = generator.uniform<float>({k, n}, -8, 8).to<int>().to<float>();
        Tensor<float> expected = Tensor<float>::zeros({m, n});
        for (Index i = 0; i < m; ++i)
          for (Index j = 0; j < n; ++j)
            for (Index p = 0; p < k; ++p) expected.at(i, j) += a(i, p) * b(p, j);
        INFO(m << "x" << k << " times " << k << "x" << n << " transposed " << ta << tb);
        REQUIRE(equal(matmul(ta ? transpose(a) : a, tb ? transpose(b) : b, {.transpose_a = ta, .transpose_b = tb}),
                      expected));
      }
}

TEST_CASE("bits do not depend on the number of threads") {
  random::Generator generator(4);
  const Tensor<float> a = generator.normal<float>({300, 200}), b = generator.normal<float>({200, 150});
  const int threads = num_threads();
  set_num_threads(1);
  const Tensor<float> one = matmul(a, b);
  for (const int count : {2, 3, 8}) {
    set_num_threads(count);
    CHECK(equal(matmul(a, b), one));
  }
  set_num_threads(threads);
}

TEST_CASE("matrices that do not fit are named") {
  const Tensor<float> a = Tensor<float>::zeros({2, 3}), b = Tensor<float>::zeros({2, 4});
  CHECK_THROWS_WITH(matmul(a, b), Equals("matmul: inner sizes 3 and 2 differ; got [2,3] and [2,4]"));
  CHECK_THROWS_WITH(matmul(a, a.reshape({6})), Equals("matmul: two matrices are needed; got [2,3] and [6]"));
}

TEST_CASE("tensors and Eigen matrices see the same numbers") {
  Tensor<double> x({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(as_eigen(x)(1, 0) == 4);
  as_mutable_eigen(x)(0, 2) = 30;
  CHECK(x(0, 2) == 30);
  CHECK(from_eigen(as_eigen(x).transpose()).to_vector() == std::vector<double>{1, 4, 2, 5, 30, 6});
  CHECK(as_eigen(Tensor<float>::zeros({2, 3, 4})).rows() == 6);
}
