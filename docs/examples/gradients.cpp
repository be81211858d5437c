/// Gradients: backward, gradients of gradients, switching recording off, hooks, and an operation of one's own.
#include <kashi/kashi.hpp>

#include <iostream>

using namespace kashi;

/// x^3 as one operation: its value, its inputs, and the rule for its gradient.
template <class T>
Variable<T> cube(const Variable<T>& x) {
  return record<T>("cube", map(x.value(), [](T v) { return v * v * v; }), {x},
                   [x = Saved(x)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T> v = context.get(x);
                     return {context.grad() * v * v * 3};
                   });
}

int main() {
  // A parameter gathers a gradient. Everything computed from it remembers how it was made.
  Variable<float> w = parameter(Tensor<float>({3}, {1, 2, 3}));
  const Tensor<float> x({3}, {0.5, -1, 2});
  const Variable<float> loss = sum(w * w * x);
  loss.backward();
  std::cout << "loss " << loss.item() << ", gradient " << w.grad() << "\n";

  // A second backward pass adds to the gradient, until zero_grad().
  sum(w * x).backward();
  std::cout << "added up " << w.grad() << "\n";
  w.zero_grad();
  std::cout << "has a gradient: " << (w.has_grad() ? "yes" : "no") << "\n\n";

  // grad() gives gradients without touching those of the leaves; with create_graph they can be differentiated again.
  Variable<double> t = parameter(Tensor<double>::scalar(2));
  const Variable<double> slope = grad(pow(t, 3), t, {.create_graph = true});
  const Variable<double> curvature = grad(slope, t);
  std::cout << "t^3 at 2: slope " << slope.item() << ", curvature " << curvature.item() << "\n\n";

  // Nothing is recorded under NoGrad, or after detach().
  {
    const NoGrad no_grad;
    std::cout << "under NoGrad: " << (sum(w * x).requires_grad() ? "recorded" : "not recorded") << "\n";
  }
  std::cout << "after detach(): " << ((w.detach() * x).requires_grad() ? "recorded" : "not recorded") << "\n\n";

  // A hook sees the gradient of any value on its way, and may replace it.
  const Variable<float> middle = w * x;
  HookHandle handle = middle.register_hook([](const Variable<float>& gradient) {
    std::cout << "gradient on its way " << gradient.value() << "\n";
    return gradient * 10;
  });
  sum(middle * middle).backward();
  std::cout << "ten times as large " << w.grad() << "\n";
  handle.remove();

  // An operation of one's own, checked against finite differences, to second order.
  const Tensor<double> samples = random::Generator(1).normal<double>({2, 3});
  const GradCheckResult result = grad_check([](const Variable<double>& v) { return cube(v); }, {samples}, {.order = 2});
  std::cout << "cube: " << (result ? "gradients agree with finite differences" : result.to_string()) << "\n";
  return result ? 0 : 1;
}
