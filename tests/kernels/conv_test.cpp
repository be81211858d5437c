// Convolution in three directions against the seven-loop reference, exact on small integers, on random geometry.
#include <catch2/catch.hpp>

#include <kashi/kernels/conv.hpp>

#include "reference.hpp"

using namespace kashi;
using reference::at;

namespace {

template <class T>
void check_exact(const kernels::ConvGeometry& g, std::mt19937& random) {
  INFO(reference::describe(g));
  const auto x = reference::integers<T>(g.input_numel(), random);
  const auto weight = reference::integers<T>(g.weight_numel(), random);
  const auto bias = reference::integers<T>(random() % 2 == 0 ? 0 : g.out_channels, random);
  const auto dy = reference::integers<T>(g.output_numel(), random);
  std::vector<T> y(at(g.output_numel()), T(7));
  std::vector<T> dx(at(g.input_numel()), T(7));
  std::vector<T> dweight(at(g.weight_numel()), T(7));
  std::vector<T> scratch(at(std::max({kernels::conv2d_forward_workspace<T>(g),
                                      kernels::conv2d_backward_data_workspace<T>(g),
                                      kernels::conv2d_backward_weight_workspace<T>(g)})),
                         std::numeric_limits<T>::quiet_NaN());
  kernels::conv2d_forward<T>(g, x.data(), weight.data(), bias.empty() ? nullptr : bias.data(), y.data(),
                             scratch.data());
  REQUIRE(reference::mismatches(y, reference::conv2d_forward(g, x, weight, bias)) == 0);
  kernels::conv2d_backward_data<T>(g, dy.data(), weight.data(), dx.data(), scratch.data());
  REQUIRE(reference::mismatches(dx, reference::conv2d_backward_data(g, dy, weight)) == 0);
  kernels::conv2d_backward_weight<T>(g, x.data(), dy.data(), dweight.data(), scratch.data());
  REQUIRE(reference::mismatches(dweight, reference::conv2d_backward_weight(g, x, dy)) == 0);
}

/// Forces an instruction set while it lives.
class IsaGuard {
 public:
  explicit IsaGuard(kernels::Isa level) : before_(kernels::isa()) { kernels::force_isa(level); }
  ~IsaGuard() { kernels::force_isa(before_); }
  IsaGuard(const IsaGuard&) = delete;
  IsaGuard& operator=(const IsaGuard&) = delete;

 private:
  kernels::Isa before_;
};

}  // namespace

TEST_CASE("convolution equals the reference on random geometry") {
  const auto level = GENERATE(kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512);
  if (level > kernels::best_isa()) return;
  const IsaGuard guard(level);
  INFO("KASHI_ISA=" << kernels::isa_name(level));
  std::mt19937 random(20240611);
  for (int i = 0; i < 250; ++i) {
    const auto g = reference::random_geometry(random);
    check_exact<float>(g, random);
    if (i % 4 == 0) check_exact<double>(g, random);
  }
}
