// Convolution in three directions against the seven-loop reference: exact on small integers for the direct routes, to
// the stated bounds for Winograd, at every instruction set, and the same bits for every number of threads.
#include <catch2/catch.hpp>

#include <kashi/kernels/conv.hpp>

#include "guards.hpp"
#include "reference.hpp"

using namespace kashi;
using kernels::ConvAlgorithm;
using kernels::ConvGeometry;
using kernels::Isa;
using reference::at;

namespace {

template <class T>
struct Problem {
  std::vector<T> x, weight, bias, dy;
};

template <class T>
struct Results {
  std::vector<T> y, dx, dweight;
  bool operator==(const Results&) const = default;
};

template <class T>
Results<T> run(const ConvGeometry& g, const Problem<T>& p) {
  Results<T> r{std::vector<T>(at(g.output_numel()), T(7)), std::vector<T>(at(g.input_numel()), T(7)),
               std::vector<T>(at(g.weight_numel()), T(7))};
  const auto scratch = [](Index count) { return std::vector<T>(at(count), std::numeric_limits<T>::quiet_NaN()); };
  const T* bias = p.bias.empty() ? nullptr : p.bias.data();
  auto forward = scratch(kernels::conv2d_forward_workspace<T>(g));
  kernels::conv2d_forward<T>(g, p.x.data(), p.weight.data(), bias, r.y.data(), forward.data());
  auto data = scratch(kernels::conv2d_backward_data_workspace<T>(g));
  kernels::conv2d_backward_data<T>(g, p.dy.data(), p.weight.data(), r.dx.data(), data.data());
  auto weight = scratch(kernels::conv2d_backward_weight_workspace<T>(g));
  kernels::conv2d_backward_weight<T>(g, p.x.data(), p.dy.data(), r.dweight.data(), weight.data());
  return r;
}

template <class T>
void check_exact(const ConvGeometry& g, std::mt19937& random) {
  INFO(reference::describe(g));
  const bool with_bias = random() % 2 == 0;
  const Problem<T> p{reference::integers<T>(g.input_numel(), random), reference::integers<T>(g.weight_numel(), random),
                     reference::integers<T>(with_bias ? g.out_channels : 0, random),
                     reference::integers<T>(g.output_numel(), random)};
  const Results<T> r = run(g, p);
  REQUIRE(reference::mismatches(r.y, reference::conv2d_forward(g, p.x, p.weight, p.bias)) == 0);
  REQUIRE(reference::mismatches(r.dx, reference::conv2d_backward_data(g, p.dy, p.weight)) == 0);
  REQUIRE(reference::mismatches(r.dweight, reference::conv2d_backward_weight(g, p.x, p.dy)) == 0);
}

Problem<float> normal_problem(const ConvGeometry& g, std::mt19937& random) {
  const double scale = std::sqrt(2.0 / double(g.taps() * g.group_in_channels()));
  return {reference::normal<float>(g.input_numel(), random), reference::normal<float>(g.weight_numel(), random, scale),
          reference::normal<float>(random() % 2 == 0 ? 0 : g.out_channels, random),
          reference::normal<float>(g.output_numel(), random)};
}

/// The largest relative L2 error of the three directions.
double largest_error(const ConvGeometry& g, const Problem<float>& p) {
  const auto r = run(g, p);
  return std::max({reference::relative_error(r.y, reference::conv2d_forward(g, p.x, p.weight, p.bias)),
                   reference::relative_error(r.dx, reference::conv2d_backward_data(g, p.dy, p.weight)),
                   reference::relative_error(r.dweight, reference::conv2d_backward_weight(g, p.x, p.dy))});
}

ConvGeometry random_winograd_geometry(std::mt19937& random) {
  const auto draw = [&](Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(random); };
  const Index groups = draw(0, 2) == 0 ? draw(2, 3) : 1;
  const Index depth = draw(1, 40);
  const Index width = draw(1, 40);
  return kernels::conv2d_geometry("conv2d", {draw(0, 3), draw(3, 15), draw(3, 15), groups * depth},
                                  {groups * width, 3, 3, depth},
                                  {.padding = {draw(0, 4), draw(0, 2), draw(0, 4), draw(0, 2)}, .groups = groups});
}

}  // namespace

TEST_CASE("convolution equals the reference on random geometry") {
  const auto level = GENERATE(Isa::baseline, Isa::avx2, Isa::avx512);
  if (level > kernels::best_isa()) return;
  const IsaGuard isa(level);
  const AlgorithmGuard direct(ConvAlgorithm::direct);
  INFO("KASHI_ISA=" << kernels::isa_name(level));
  std::mt19937 random(20240611);
  for (int i = 0; i < 170; ++i) {
    const auto g = reference::random_geometry(random);
    check_exact<float>(g, random);
    if (i % 4 == 0) check_exact<double>(g, random);
  }
}

TEST_CASE("Winograd stays within its stated error in three directions") {
  const auto level = GENERATE(Isa::baseline, Isa::avx2, Isa::avx512);
  if (level > kernels::best_isa()) return;
  const IsaGuard isa(level);
  const auto [algorithm, bound] = GENERATE(std::pair(ConvAlgorithm::winograd2, 2e-6), std::pair(ConvAlgorithm::winograd, 1e-5));
  const AlgorithmGuard winograd(algorithm);
  INFO("KASHI_ISA=" << kernels::isa_name(level) << " tile " << (algorithm == ConvAlgorithm::winograd ? 4 : 2));
  std::mt19937 random(5);
  double worst = 0;
  for (int i = 0; i < 40; ++i) {
    const auto g = random_winograd_geometry(random);
    INFO(reference::describe(g));
    const double error = largest_error(g, normal_problem(g, random));
    REQUIRE(error < bound);
    worst = std::max(worst, error);
  }
  WARN("largest relative error of Winograd F(" << (algorithm == ConvAlgorithm::winograd ? 4 : 2) << ") at "
                                               << kernels::isa_name(level) << ": " << worst);
}

TEST_CASE("results are the same bits for every number of threads") {
  std::mt19937 random(9);
  const int before = num_threads();
  for (int i = 0; i < 16; ++i) {
    const auto g = i % 2 == 0 ? random_winograd_geometry(random) : reference::random_geometry(random);
    INFO(reference::describe(g));
    const auto p = normal_problem(g, random);
    set_num_threads(1);
    const auto one = run(g, p);
    for (const int threads : {2, 3}) {
      set_num_threads(threads);
      REQUIRE(run(g, p) == one);
    }
  }
  set_num_threads(before);
}
