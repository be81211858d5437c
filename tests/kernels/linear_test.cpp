// Products for linear layers against plain loops, exact on small integers, for few and many rows.
#include <catch2/catch.hpp>

#include <kashi/kernels/linear.hpp>

#include "guards.hpp"
#include "reference.hpp"

using namespace kashi;
using kernels::Isa;
using reference::at;

namespace {

template <class T>
void check_linear(Index rows, Index in, Index out, std::mt19937& random) {
  INFO(rows << " rows, " << in << " -> " << out);
  const auto g = kernels::linear_geometry(rows, in, out);
  const auto x = reference::integers<T>(rows * in, random);
  const auto weight = reference::integers<T>(out * in, random);
  const auto bias = reference::integers<T>(random() % 2 == 0 ? 0 : out, random);
  const auto dy = reference::integers<T>(rows * out, random);
  std::vector<T> y(at(rows * out), T(7)), dx(at(rows * in), T(7)), dweight(at(out * in), T(7));
  std::vector<T> scratch(at(std::max({kernels::linear_forward_workspace<T>(rows, in, out),
                                      kernels::linear_backward_data_workspace<T>(rows, in, out),
                                      kernels::linear_backward_weight_workspace<T>(rows, in, out)})),
                         std::numeric_limits<T>::quiet_NaN());
  kernels::linear_forward(rows, in, out, x.data(), weight.data(), bias.empty() ? nullptr : bias.data(), y.data(),
                          scratch.data());
  REQUIRE(reference::mismatches(y, reference::conv2d_forward(g, x, weight, bias)) == 0);
  kernels::linear_backward_data(rows, in, out, dy.data(), weight.data(), dx.data(), scratch.data());
  REQUIRE(reference::mismatches(dx, reference::conv2d_backward_data(g, dy, weight)) == 0);
  kernels::linear_backward_weight(rows, in, out, x.data(), dy.data(), dweight.data(), scratch.data());
  REQUIRE(reference::mismatches(dweight, reference::conv2d_backward_weight(g, x, dy)) == 0);
}

}  // namespace

TEST_CASE("linear products equal plain loops") {
  const auto level = GENERATE(Isa::baseline, Isa::avx2, Isa::avx512);
  if (level > kernels::best_isa()) return;
  const IsaGuard isa(level);
  INFO("KASHI_ISA=" << kernels::isa_name(level));
  std::mt19937 random(12);
  for (const Index rows : {0, 1, 2, 3, 4, 5, 8, 9, 33}) {
    for (const auto& [in, out] : {std::pair<Index, Index>{1, 1}, {7, 40}, {64, 10}, {130, 33}}) {
      check_linear<float>(rows, in, out, random);
      check_linear<double>(rows, in, out, random);
    }
  }
}
