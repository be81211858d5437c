/// Records of functions of one argument.
#include "records.hpp"

#include <kashi/ops/reduce.hpp>
#include <kashi/ops/unary.hpp>

using namespace records;

namespace {

Tensor<double> positive() { return uniform({3, 4}, 0.3, 2.0); }
Tensor<double> any() { return normal({3, 4}); }

const bool registered = add(
    {.title = "Functions of one argument",
     .header = "unary.hpp",
     .operations = {
         {.signature = "exp(x)",
          .summary = "e^x",
          .samples = {{"any", {any()}, [](const auto& x) { return exp(x[0]); }},
                      {"large", {normal({70000})}, [](const auto& x) { return exp(x[0]); }, {}, false}}},
         {.signature = "expm1(x)",
          .summary = "e^x - 1, exact for small x",
          .samples = {{"any", {any()}, [](const auto& x) { return expm1(x[0]); }}}},
         {.signature = "log(x)",
          .summary = "natural logarithm",
          .samples = {{"positive", {positive()}, [](const auto& x) { return log(x[0]); }}}},
         {.signature = "log1p(x)",
          .summary = "log(1 + x), exact for small x",
          .samples = {{"positive", {positive()}, [](const auto& x) { return log1p(x[0]); }}}},
         {.signature = "sqrt(x)",
          .summary = "square root; the derivative at 0 is infinite",
          .samples = {{"positive", {positive()}, [](const auto& x) { return sqrt(x[0]); }}}},
         {.signature = "rsqrt(x)",
          .summary = "1 / sqrt(x)",
          .samples = {{"positive", {positive()}, [](const auto& x) { return rsqrt(x[0]); }}}},
         {.signature = "reciprocal(x)",
          .summary = "1 / x",
          .samples = {{"positive", {positive()}, [](const auto& x) { return reciprocal(x[0]); }}}},
         {.signature = "square(x)",
          .summary = "x * x",
          .samples = {{"any", {any()}, [](const auto& x) { return square(x[0]); }}}},
         {.signature = "abs(x)",
          .summary = "|x|; the derivative at 0 is 0",
          .samples = {{"any", {any()}, [](const auto& x) { return abs(x[0]); }, {.kinks = {0}}}}},
         {.signature = "sign(x)",
          .summary = "-1, 0 or 1; the derivative is 0",
          .samples = {{"any", {any()}, [](const auto& x) { return sign(x[0]); }, {.kinks = {0}}}}},
         {.signature = "sin(x)",
          .summary = "sine",
          .samples = {{"any", {any()}, [](const auto& x) { return sin(x[0]); }}}},
         {.signature = "cos(x)",
          .summary = "cosine",
          .samples = {{"any", {any()}, [](const auto& x) { return cos(x[0]); }}}},
         {.signature = "erf(x)",
          .summary = "error function",
          .samples = {{"any", {any()}, [](const auto& x) { return erf(x[0]); }}}},
         {.signature = "clamp(x, low, high)",
          .summary = "x held within [low, high]; the derivative is 1 at the bounds, 0 outside",
          .samples = {{"any", {any()}, [](const auto& x) { return clamp(x[0], -0.5, 0.75); }, {.kinks = {-0.5, 0.75}}}},
          .errors = {{{{2}},
                      [](const auto& x) { return clamp(x[0], 1, 0); },
                      "clamp: the lower bound 1 is above the upper bound 0"}}},
     }});

}  // namespace

TEST_CASE("functions at their edges") {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto at = [](double v) { return parameter(Tensor<double>::scalar(v)); };
  const auto slope = [](auto f, Variable<double> x) { return grad(f(x), x).item(); };
  CHECK(slope([](const auto& x) { return abs(x); }, at(0)) == 0.0);
  CHECK(slope([](const auto& x) { return clamp(x, 0, 1); }, at(1)) == 1.0);
  CHECK(slope([](const auto& x) { return clamp(x, 0, 1); }, at(1.001)) == 0.0);
  CHECK(slope([](const auto& x) { return sqrt(x); }, at(0)) == infinity);
  CHECK(std::isnan(sign(at(std::nan(""))).item()));
  CHECK(expm1(at(1e-18)).item() == 1e-18);
  CHECK(log1p(at(1e-18)).item() == 1e-18);
}
