/// Functions of one argument, arithmetic and reductions against the values of PyTorch.
#include "golden_case.hpp"

#include <kashi/ops/activation.hpp>
#include <kashi/ops/index.hpp>
#include <kashi/ops/softmax.hpp>

using namespace golden;

TEST_CASE("functions of one argument agree with PyTorch, at every kink too") {
  std::vector<Case> cases{
      {"relu", {}, [](const auto& x) { return relu(x[0]); }},
      {"leaky_relu", {}, [](const auto& x) { return leaky_relu(x[0], 0.1); }},
      {"relu6", {}, [](const auto& x) { return relu6(x[0]); }},
      {"elu", {}, [](const auto& x) { return elu(x[0], 0.7); }},
      {"sigmoid", {}, [](const auto& x) { return sigmoid(x[0]); }},
      {"log_sigmoid", {}, [](const auto& x) { return log_sigmoid(x[0]); }},
      {"tanh", {}, [](const auto& x) { return tanh(x[0]); }},
      {"gelu", {}, [](const auto& x) { return gelu(x[0]); }},
      {"gelu_tanh", {}, [](const auto& x) { return gelu(x[0], GeluApproximation::tanh); }},
      {"silu", {}, [](const auto& x) { return silu(x[0]); }},
      {"hard_sigmoid", {}, [](const auto& x) { return hard_sigmoid(x[0]); }},
      {"hard_swish", {}, [](const auto& x) { return hard_swish(x[0]); }},
      {"softplus", {}, [](const auto& x) { return softplus(x[0]); }},
      {"softplus_beta", {}, [](const auto& x) { return softplus(x[0], 4, 10); }},
      {"clamp", {}, [](const auto& x) { return clamp(x[0], -2, 3); }},
      {"abs", {}, [](const auto& x) { return abs(x[0]); }},
      {"expm1", {}, [](const auto& x) { return expm1(x[0]); }},
      {"erf", {}, [](const auto& x) { return erf(x[0]); }},
      {"sign", {}, [](const auto& x) { return sign(x[0]); }},
      {"sin", {}, [](const auto& x) { return sin(x[0]); }},
      {"cos", {}, [](const auto& x) { return cos(x[0]); }},
      {"exp", {}, [](const auto& x) { return exp(x[0]); }},
      {"square", {}, [](const auto& x) { return square(x[0]); }},
      {"pow", {}, [](const auto& x) { return pow(x[0], 3); }},
  };
  for (Case& stored : cases) stored.inputs = {{101}}, stored.scale = 8.0;
  check_all(cases);
}

TEST_CASE("functions of positive numbers, arithmetic and reductions agree with PyTorch") {
  check_all({
      {"log", {{20}}, [](const auto& x) { return log(abs(x[0]) + 0.5); }},
      {"log1p", {{20}}, [](const auto& x) { return log1p(abs(x[0]) + 0.5); }},
      {"sqrt", {{20}}, [](const auto& x) { return sqrt(abs(x[0]) + 0.5); }},
      {"rsqrt", {{20}}, [](const auto& x) { return rsqrt(abs(x[0]) + 0.5); }},
      {"reciprocal", {{20}}, [](const auto& x) { return reciprocal(abs(x[0]) + 0.5); }},
      {"pow_half", {{20}}, [](const auto& x) { return pow(abs(x[0]) + 0.5, -1.5); }},
      {"softmax", {{3, 5}}, [](const auto& x) { return softmax(x[0]); }, 8.0},
      {"softmax_middle", {{2, 4, 3}}, [](const auto& x) { return softmax(x[0], 1); }, 8.0},
      {"log_softmax", {{3, 5}}, [](const auto& x) { return log_softmax(x[0]); }, 8.0},
      {"logsumexp", {{3, 5, 2}}, [](const auto& x) { return logsumexp(x[0], 1); }, 8.0},
      {"mul", {{2, 3, 4}, {3, 1}}, [](const auto& x) { return x[0] * x[1]; }},
      {"div", {{2, 3}, {3}}, [](const auto& x) { return x[0] / (x[1] * x[1] + 0.5); }},
      {"maximum",
       {{6, 7}, {7}},
       [](const auto& x) { return maximum(rounded(x[0]), rounded(x[1])) + x[0] * x[1]; },
       2.0},
      {"minimum", {{6, 7}, {7}}, [](const auto& x) { return minimum(x[0], x[1]); }},
      {"amax",
       {{7, 3, 9}},
       [](const auto& x) {
         return max(x[0], {0, 2});
       }},
      {"var", {{3, 5}}, [](const auto& x) { return var(x[0], {1}); }},
      {"var_biased", {{3, 5}}, [](const auto& x) { return var(x[0], {}, 0); }},
      {"gather",
       {{3, 5}},
       [](const auto& x) {
         return gather(x[0], 1, labels({3, 4}, 5));
       }},
  });
}
