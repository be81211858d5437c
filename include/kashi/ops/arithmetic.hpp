/// Differentiable arithmetic with broadcasting: + - * /, pow, maximum, minimum.
///
/// Each function takes Variables, Tensors and numbers in any mixture that has at least one Variable or Tensor; the
/// operators need at least one Variable, since two Tensors make a Tensor.
#pragma once

#include <cmath>

#include <kashi/autograd/engine.hpp>
#include <kashi/ops/broadcast.hpp>

namespace kashi::inline v0 {

namespace detail {

template <class X>
concept Number = std::is_arithmetic_v<std::remove_cvref_t<X>>;

template <class A, class B>
struct PairScalar {};
template <Differentiable A, class B>
struct PairScalar<A, B> {
  using Type = ScalarOf<A>;
};
template <Number A, Differentiable B>
struct PairScalar<A, B> {
  using Type = ScalarOf<B>;
};

}  // namespace detail

/// Operands of a binary operation.
template <class A, class B>
concept DifferentiablePair = (Differentiable<A> && (Differentiable<B> || detail::Number<B>)) ||
                             (detail::Number<A> && Differentiable<B>);

/// Operands of an overloaded operator: at least one is a Variable.
template <class A, class B>
concept VariablePair = DifferentiablePair<A, B> &&
    (IsVariable<std::remove_cvref_t<A>>::value || IsVariable<std::remove_cvref_t<B>>::value);

namespace detail {

template <class A, class B>
using ScalarOfPair = typename PairScalar<std::remove_cvref_t<A>, std::remove_cvref_t<B>>::Type;

/// A number, Tensor or Variable as Variable<T>.
template <class T, class X>
decltype(auto) operand(const X& x) {
  if constexpr (Number<X>)
    return Variable<T>(Tensor<T>::scalar(static_cast<T>(x)));
  else
    return as_variable(x);
}

}  // namespace detail

/// The result type of a binary operation.
template <class A, class B>
using VariableOfPair = Variable<detail::ScalarOfPair<A, B>>;

namespace detail {

// The four operations, made once for each type of number and not for each mixture of operands.

template <class T>
Variable<T> add_variables(const Variable<T>& a, const Variable<T>& b) {
  return record<T>("add", a.value() + b.value(), {a, b},
                   [sa = a.shape(), sb = b.shape()](const GradContext<T>& context) -> Gradients<T> {
                     return {context.needs(0) ? sum_to(context.grad(), sa) : Variable<T>(),
                             context.needs(1) ? sum_to(context.grad(), sb) : Variable<T>()};
                   });
}

template <class T>
Variable<T> sub_variables(const Variable<T>& a, const Variable<T>& b) {
  return record<T>("sub", a.value() - b.value(), {a, b},
                   [sa = a.shape(), sb = b.shape()](const GradContext<T>& context) -> Gradients<T> {
                     return {context.needs(0) ? sum_to(context.grad(), sa) : Variable<T>(),
                             context.needs(1) ? neg(sum_to(context.grad(), sb)) : Variable<T>()};
                   });
}

template <class T>
Variable<T> mul_variables(const Variable<T>& a, const Variable<T>& b) {
  return record<T>("mul", a.value() * b.value(), {a, b},
                   [a = Saved(a), b = Saved(b)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T> x = context.get(a), y = context.get(b);
                     return {context.needs(0) ? sum_to(mul(context.grad(), y), x.shape()) : Variable<T>(),
                             context.needs(1) ? sum_to(mul(context.grad(), x), y.shape()) : Variable<T>()};
                   });
}

template <class T>
Variable<T> div_variables(const Variable<T>& a, const Variable<T>& b) {
  return record<T>("div", a.value() / b.value(), {a, b},
                   [a = Saved(a), b = Saved(b)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T> x = context.get(a), y = context.get(b);
                     const Variable<T> quotient = div(context.grad(), y);
                     return {context.needs(0) ? sum_to(quotient, x.shape()) : Variable<T>(),
                             context.needs(1) ? neg(sum_to(mul(quotient, div(x, y)), y.shape())) : Variable<T>()};
                   });
}

}  // namespace detail

/// a + b.
template <class A, class B>
requires DifferentiablePair<A, B> VariableOfPair<A, B> add(const A& left, const B& right) {
  using T = detail::ScalarOfPair<A, B>;
  return detail::add_variables<T>(detail::operand<T>(left), detail::operand<T>(right));
}

/// -x.
template <Differentiable X>
VariableOf<X> neg(const X& input) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  return record<T>("neg", -x.value(), {x},
                   [](const GradContext<T>& context) -> Gradients<T> { return {neg(context.grad())}; });
}

/// a - b.
template <class A, class B>
requires DifferentiablePair<A, B> VariableOfPair<A, B> sub(const A& left, const B& right) {
  using T = detail::ScalarOfPair<A, B>;
  return detail::sub_variables<T>(detail::operand<T>(left), detail::operand<T>(right));
}

/// a * b, element by element.
template <class A, class B>
requires DifferentiablePair<A, B> VariableOfPair<A, B> mul(const A& left, const B& right) {
  using T = detail::ScalarOfPair<A, B>;
  return detail::mul_variables<T>(detail::operand<T>(left), detail::operand<T>(right));
}

/// a / b, element by element.
template <class A, class B>
requires DifferentiablePair<A, B> VariableOfPair<A, B> div(const A& left, const B& right) {
  using T = detail::ScalarOfPair<A, B>;
  return detail::div_variables<T>(detail::operand<T>(left), detail::operand<T>(right));
}

/// x to the power of a constant.
template <Differentiable X>
VariableOf<X> pow(const X& input, double exponent) {
  using T = ScalarOf<X>;
  const Variable<T> x = as_variable(input);
  const T p = static_cast<T>(exponent);
  return record<T>("pow", map(x.value(), [p](T v) { return std::pow(v, p); }), {x},
                   [x = Saved(x), exponent](const GradContext<T>& context) -> Gradients<T> {
                     if (exponent == 0.0) return {mul(context.grad(), T{0})};
                     return {mul(context.grad(), mul(exponent, pow(context.get(x), exponent - 1.0)))};
                   });
}

namespace detail {

/// The larger or smaller of two; equal elements share the gradient evenly, as PyTorch's do.
template <class T, class Better>
Variable<T> extremum(const char* name, const Variable<T>& a, const Variable<T>& b, Better better) {
  const auto weights = [better](const Tensor<T>& x, const Tensor<T>& y) {
    return zip(x, y, [better](T u, T v) { return u == v ? T{0.5} : better(u, v) ? T{1} : T{0}; });
  };
  Tensor<T> value = zip(
      a.value(), b.value(), [better](T u, T v) { return u != u || better(u, v) ? u : v; }, name);
  return record<T>(
      name, std::move(value), {a, b},
      [a = Saved(a), b = Saved(b), weights](const GradContext<T>& context) -> Gradients<T> {
        const Variable<T> x = context.get(a), y = context.get(b);
        return {
            context.needs(0) ? sum_to(mul(context.grad(), weights(x.value(), y.value())), x.shape()) : Variable<T>(),
            context.needs(1) ? sum_to(mul(context.grad(), weights(y.value(), x.value())), y.shape()) : Variable<T>()};
      });
}

}  // namespace detail

/// The larger of a and b, element by element; NaN wins. Where they are equal each gets half of the gradient.
template <class A, class B>
requires DifferentiablePair<A, B> VariableOfPair<A, B> maximum(const A& left, const B& right) {
  using T = detail::ScalarOfPair<A, B>;
  return detail::extremum<T>("maximum", detail::operand<T>(left), detail::operand<T>(right),
                             [](T u, T v) { return u > v; });
}

/// The smaller of a and b, element by element; NaN wins. Where they are equal each gets half of the gradient.
template <class A, class B>
requires DifferentiablePair<A, B> VariableOfPair<A, B> minimum(const A& left, const B& right) {
  using T = detail::ScalarOfPair<A, B>;
  return detail::extremum<T>("minimum", detail::operand<T>(left), detail::operand<T>(right),
                             [](T u, T v) { return u < v; });
}

template <class A, class B>
requires VariablePair<A, B> VariableOfPair<A, B>
operator+(const A& a, const B& b) { return add(a, b); }
template <class A, class B>
requires VariablePair<A, B> VariableOfPair<A, B>
operator-(const A& a, const B& b) { return sub(a, b); }
template <class A, class B>
requires VariablePair<A, B> VariableOfPair<A, B>
operator*(const A& a, const B& b) { return mul(a, b); }
template <class A, class B>
requires VariablePair<A, B> VariableOfPair<A, B>
operator/(const A& a, const B& b) { return div(a, b); }
template <class T>
Variable<T> operator-(const Variable<T>& x) {
  return neg(x);
}

template <class T>
Variable<T> add_gradients(const Variable<T>& a, const Variable<T>& b) {
  return add(a, b);
}

namespace detail {

// Here, since the gradients call one another.
KASHI_INSTANTIATE(Variable<float> add_variables<float>(const Variable<float>&, const Variable<float>&))
KASHI_INSTANTIATE(Variable<float> sub_variables<float>(const Variable<float>&, const Variable<float>&))
KASHI_INSTANTIATE(Variable<float> mul_variables<float>(const Variable<float>&, const Variable<float>&))
KASHI_INSTANTIATE(Variable<float> div_variables<float>(const Variable<float>&, const Variable<float>&))

}  // namespace detail

}  // namespace kashi::inline v0
