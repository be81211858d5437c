// Convolution in three directions against the seven-loop reference: exact on small integers for the direct routes, to
// the stated bounds for Winograd, at every instruction set, and the same bits for every number of threads.
#include <catch2/catch.hpp>

#include <cstdlib>

#include <kashi/kernels/conv.hpp>

#include "../cases/problem.hpp"
#include "guards.hpp"
#include "reference.hpp"

using namespace kashi;
using kernels::ConvAlgorithm;
using kernels::ConvGeometry;
using kernels::Isa;
using reference::at;

namespace {

/// How many random problems are drawn: `usual`, unless KASHI_TEST_PROBLEMS asks for another number.
int problems_of(int usual) {
  const char* wanted = std::getenv("KASHI_TEST_PROBLEMS");
  return wanted != nullptr ? std::atoi(wanted) : usual;
}

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

/// What the slow reference says, in double.
struct Expected {
  std::vector<double> y, dx, dweight;

  template <class T>
  Expected(const ConvGeometry& g, const Problem<T>& p)
      : y(reference::conv2d_forward(g, p.x, p.weight, p.bias)),
        dx(reference::conv2d_backward_data(g, p.dy, p.weight)),
        dweight(reference::conv2d_backward_weight(g, p.x, p.dy)) {}
};

/// Calls f(level) for each instruction set that this CPU has.
template <class F>
void for_each_level(F&& f) {
  for (const Isa level : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (level > kernels::best_isa()) continue;
    const IsaGuard isa(level);
    INFO("KASHI_ISA=" << kernels::isa_name(level));
    f(level);
  }
}

template <class T>
void check_exact(const ConvGeometry& g, std::mt19937& random) {
  INFO(reference::describe(g));
  const bool with_bias = random() % 2 == 0;
  const Problem<T> p{reference::integers<T>(g.input_numel(), random), reference::integers<T>(g.weight_numel(), random),
                     reference::integers<T>(with_bias ? g.out_channels : 0, random),
                     reference::integers<T>(g.output_numel(), random)};
  const Expected expected(g, p);
  for_each_level([&](Isa) {
    const Results<T> r = run(g, p);
    REQUIRE(reference::mismatches(r.y, expected.y) == 0);
    REQUIRE(reference::mismatches(r.dx, expected.dx) == 0);
    REQUIRE(reference::mismatches(r.dweight, expected.dweight) == 0);
  });
}

Problem<float> normal_problem(const ConvGeometry& g, std::mt19937& random) {
  const double scale = std::sqrt(2.0 / double(g.taps() * g.group_in_channels()));
  return {reference::normal<float>(g.input_numel(), random), reference::normal<float>(g.weight_numel(), random, scale),
          reference::normal<float>(random() % 2 == 0 ? 0 : g.out_channels, random),
          reference::normal<float>(g.output_numel(), random)};
}

/// The largest relative L2 error of the three directions.
double largest_error(const Results<float>& r, const Expected& expected) {
  return std::max({reference::relative_error(r.y, expected.y), reference::relative_error(r.dx, expected.dx),
                   reference::relative_error(r.dweight, expected.dweight)});
}

ConvGeometry random_winograd_geometry(std::mt19937& random) {
  const auto draw = [&](Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(random); };
  const Index groups = draw(0, 2) == 0 ? draw(2, 3) : 1;
  const Index depth = draw(1, 36);
  const Index width = draw(1, 36);
  return kernels::conv2d_geometry("conv2d", {draw(0, 2), draw(3, 9), draw(3, 9), groups * depth},
                                  {groups * width, 3, 3, depth},
                                  {.padding = {draw(0, 4), draw(0, 2), draw(0, 4), draw(0, 2)}, .groups = groups});
}

}  // namespace

TEST_CASE("convolution equals the reference on random geometry") {
  const AlgorithmGuard direct(ConvAlgorithm::direct);
  std::mt19937 random(20240611);
  for (int i = 0; i < problems_of(170); ++i) {
    const auto g = reference::random_geometry(random);
    check_exact<float>(g, random);
    if (i % 4 == 0 || problems_of(0) > 0) check_exact<double>(g, random);
  }
}

TEST_CASE("convolution equals the reference on one case of every route") {
  const AlgorithmGuard direct(ConvAlgorithm::direct);
  std::mt19937 random(1);
  for (const auto& problem : problems::read(KASHI_SOURCE_DIR "/tests/cases/conv_routes.txt")) {
    INFO(problem.text);
    check_exact<float>(problem.geometry, random);
  }
}

TEST_CASE("Winograd stays within its stated error in three directions") {
  std::mt19937 random(5);
  double worst[2] = {};
  for (int i = 0; i < problems_of(40); ++i) {
    const auto g = random_winograd_geometry(random);
    INFO(reference::describe(g));
    const auto p = normal_problem(g, random);
    const Expected expected(g, p);
    for_each_level([&](Isa) {
      for (const bool large : {false, true}) {
        const AlgorithmGuard winograd(large ? ConvAlgorithm::winograd : ConvAlgorithm::winograd2);
        const double error = largest_error(run(g, p), expected);
        REQUIRE(error < (large ? 1e-5 : 2e-6));
        worst[large] = std::max(worst[large], error);
      }
    });
  }
  WARN("largest relative errors of Winograd: F(2x2) " << worst[0] << ", F(4x4) " << worst[1]);
}

TEST_CASE("a plan packs once and ends with bias, residual and ReLU") {
  std::mt19937 random(14);
  const auto cases = problems::read(KASHI_SOURCE_DIR "/tests/cases/conv_routes.txt");
  for (const auto& problem : cases) {
    const ConvGeometry& g = problem.geometry;
    INFO(problem.text);
    const auto x = reference::integers<float>(g.input_numel(), random);
    const auto weight = reference::integers<float>(g.weight_numel(), random);
    const auto bias = reference::integers<float>(g.out_channels, random);
    const auto residual = reference::integers<float>(g.output_numel(), random);
    const kernels::ForwardPlan<float> plan(g);
    std::vector<float> packed(at(plan.packed_numel())), scratch(at(plan.workspace())), y(at(g.output_numel()));
    plan.pack(weight.data(), packed.data(), scratch.data());
    for (int repeat = 0; repeat < 2; ++repeat) {
      std::fill(scratch.begin(), scratch.end(), std::numeric_limits<float>::quiet_NaN());
      plan.run(x.data(), packed.data(), {bias.data(), residual.data(), true}, y.data(), scratch.data());
      auto expected = reference::conv2d_forward(g, x, weight, bias);
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = std::max(0.0, expected[i] + double(residual[i]));
      REQUIRE(reference::relative_error(y, expected) < 1e-5);
    }
    const kernels::BackwardDataPlan<float> back(g);
    const auto channel_bias = reference::integers<float>(g.in_channels, random);
    std::vector<float> back_packed(at(back.packed_numel())), back_scratch(at(back.workspace())),
        dx(at(g.input_numel()));
    back.pack(weight.data(), back_packed.data(), back_scratch.data());
    back.run(residual.data(), back_packed.data(), {channel_bias.data(), x.data(), true}, dx.data(),
             back_scratch.data());
    auto expected = reference::conv2d_backward_data(g, residual, weight);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = std::max(0.0, expected[i] + double(channel_bias[i % channel_bias.size()]) + double(x[i]));
    }
    REQUIRE(reference::relative_error(dx, expected) < 1e-5);
  }
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
