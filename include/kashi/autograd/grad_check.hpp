/// Checking gradients against finite differences, in double, for operations and layers of one's own:
///
///     const GradCheckResult result = grad_check([](const Variable<double>& x) { return cube(x); }, {x}, {.order = 2});
///     if (!result) std::puts(result.to_string().c_str());
///
/// A random direction v in the inputs and a random weighting u of the outputs give one number, u . J v, which two
/// evaluations of the function estimate. `full` compares every element of the Jacobian instead, for small inputs.
/// Order 2 checks the gradient function itself: that it is the same with create_graph, and that its own gradients,
/// in the inputs and in the incoming gradient, agree with finite differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <kashi/autograd/engine.hpp>
#include <kashi/core/random.hpp>

namespace kashi::inline v0 {

/// How far a derivative may be off, as a share of the size of the terms that it is made of.
struct GradTolerance {
  double first_order = 1e-6;
  double second_order = 1e-5;
  double absolute = 1e-9;  ///< differences below this are rounding, whatever the size
};

/// Options of grad_check.
struct GradCheckOptions {
  int order = 1;       ///< 2: the gradients' gradients too
  bool full = false;   ///< every element of the Jacobian
  int directions = 3;  ///< random directions for each input
  double step = 1e-5;  ///< of the central differences
  GradTolerance tolerance = {};
  std::vector<double> kinks = {};                                   ///< elements near one of these values are left out
  double kink_band = 1e-3;                                          ///< how near
  std::function<bool(std::size_t input, Index element)> skip = {};  ///< further elements that are left out
  std::uint64_t seed = 1;                                           ///< of the directions
};

/// What grad_check found.
struct GradCheckResult {
  bool passed = true;
  double worst = 0.0;      ///< largest relative error
  std::string where = {};  ///< order, input and element (or direction) of the largest error, with both numbers
  Index compared = 0;      ///< numbers that were compared
  Index skipped = 0;       ///< elements left out near kinks

  explicit operator bool() const { return passed; }
  /// One line.
  std::string to_string() const {
    return text("grad_check: ", passed ? "passed" : "failed", "; worst relative error ", worst,
                where.empty() ? "" : " at ", where, "; ", compared, " compared, ", skipped, " elements skipped");
  }
};

namespace detail {

using GradCheckValues = std::vector<Tensor<double>>;
using GradCheckVariables = std::vector<Variable<double>>;

/// Calls a function of one, two or three Variables, or of a vector of them. A generic lambda's one argument is a
/// Variable.
template <class F>
Variable<double> call_with(F& function, const GradCheckVariables& x) {
  using V = const Variable<double>&;
  const auto check_count = [&](std::size_t arity) {
    require(x.size() == arity, "grad_check: the function takes ", arity, " inputs; got ", x.size());
  };
  if constexpr (std::is_invocable_v<F&, V>) {
    check_count(1);
    return function(x[0]);
  } else if constexpr (std::is_invocable_v<F&, V, V>) {
    check_count(2);
    return function(x[0], x[1]);
  } else if constexpr (std::is_invocable_v<F&, V, V, V>) {
    check_count(3);
    return function(x[0], x[1], x[2]);
  } else {
    return function(x);
  }
}

inline double dot(const Tensor<double>& a, const Tensor<double>& b) {
  double total = 0.0;
  for (Index i = 0; i < a.numel(); ++i) total += a.data()[i] * b.data()[i];
  return total;
}

inline GradCheckVariables leaves(const GradCheckValues& values) {
  GradCheckVariables out;
  for (const auto& value : values) out.push_back(parameter(value));
  return out;
}

/// Compares the gradients of a number-valued function with central differences.
class GradComparison {
 public:
  GradComparison(const GradCheckOptions& options, GradCheckResult& result, double tolerance, std::string name)
      : options_(options), result_(result), tolerance_(tolerance), name_(std::move(name)), generator_(options.seed) {}

  /// `gradients` are those of `value` at `inputs`. Elements for which `skipped` is 1 keep still.
  void run(const std::function<double(const GradCheckValues&)>& value, const GradCheckValues& inputs,
           const GradCheckValues& gradients, const std::vector<Tensor<bool>>& skipped) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].numel() == 0) continue;
      const auto along = [&](const Tensor<double>& direction) { return difference(value, inputs, i, direction); };
      if (options_.full) {
        elements(along, i, gradients[i], skipped[i], inputs[i].numel());
        continue;
      }
      const bool was_good = result_.passed;
      for (int d = 0; d < options_.directions; ++d) {
        Tensor<double> direction = generator_.normal<double>(inputs[i].shape());
        for (Index k = 0; k < direction.numel(); ++k)
          if (skipped[i].data()[k]) direction.mutable_data()[k] = 0.0;
        compare(along(direction), dot(gradients[i], direction), norm_of_products(gradients[i], direction),
                text(name_, ", input ", i, ", direction ", d));
      }
      // A direction that fails does not say which element is wrong; single elements do.
      if (was_good && !result_.passed)
        elements(along, i, gradients[i], skipped[i], std::min<Index>(1000, inputs[i].numel()));
    }
  }

  /// Counts a difference between two numbers that should agree.
  void compare(double numeric, double analytic, double size, const std::string& where) {
    const double error = std::abs(numeric - analytic), scale = std::max({size, std::abs(numeric), std::abs(analytic)});
    const double relative = error <= options_.tolerance.absolute ? 0.0 : error / scale;
    ++result_.compared;
    const bool is_good = relative <= tolerance_;  // false for NaN
    if (is_good && relative <= result_.worst) return;
    if (is_good || result_.passed || relative > result_.worst || std::isnan(relative)) {
      result_.worst = relative;
      result_.where = text(where, " (differences ", numeric, ", gradient ", analytic, ")");
    }
    result_.passed = result_.passed && is_good;
  }

 private:
  double difference(const std::function<double(const GradCheckValues&)>& value, const GradCheckValues& inputs,
                    std::size_t input, const Tensor<double>& direction) const {
    const auto moved = [&](double step) {
      GradCheckValues values = inputs;
      values[input] = inputs[input] + direction * step;
      return value(values);
    };
    return (moved(options_.step) - moved(-options_.step)) / (2.0 * options_.step);
  }

  template <class Along>
  void elements(const Along& along, std::size_t input, const Tensor<double>& gradient, const Tensor<bool>& skipped,
                Index count) {
    const double size = std::sqrt(dot(gradient, gradient) / static_cast<double>(gradient.numel()));
    for (Index k = 0; k < count; ++k) {
      if (skipped.data()[k]) continue;
      Tensor<double> direction = Tensor<double>::zeros(gradient.shape());
      direction.mutable_data()[k] = 1.0;
      compare(along(direction), gradient.data()[k], size, text(name_, ", input ", input, ", element ", k));
    }
  }

  static double norm_of_products(const Tensor<double>& a, const Tensor<double>& b) {
    const Tensor<double> products = a * b;
    return std::sqrt(dot(products, products));
  }

  const GradCheckOptions& options_;
  GradCheckResult& result_;
  double tolerance_;
  std::string name_;
  random::Generator generator_;
};

/// One check of a function at given inputs.
template <class F>
class GradChecker {
 public:
  GradChecker(F& function, GradCheckValues inputs, const GradCheckOptions& options)
      : function_(function), inputs_(std::move(inputs)), options_(options), generator_(options.seed + 1) {
    require(options.order == 1 || options.order == 2, "grad_check: order must be 1 or 2; got ", options.order);
    require(options.step > 0.0 && options.directions >= 1, "grad_check: step and directions must be positive");
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      skipped_.push_back(map(inputs_[i], [&](double v) {
        return std::any_of(options.kinks.begin(), options.kinks.end(),
                           [&](double kink) { return std::abs(v - kink) < options.kink_band; });
      }));
      for (Index k = 0; k < inputs_[i].numel(); ++k) {
        if (options.skip && options.skip(i, k)) skipped_[i].mutable_data()[k] = true;
        result_.skipped += skipped_[i].data()[k] ? 1 : 0;
      }
    }
  }

  GradCheckResult run() {
    Shape output;
    {
      const NoGrad no_grad;
      output = call_with(function_, GradCheckVariables(inputs_.begin(), inputs_.end())).shape();
    }
    if (options_.full) {
      for (Index k = 0; k < output.numel(); ++k) {
        Tensor<double> one = Tensor<double>::zeros(output);
        one.mutable_data()[k] = 1.0;
        first_order(one, text("order 1, output ", k));
      }
    } else {
      first_order(generator_.normal<double>(output), "order 1");
    }
    if (options_.order == 2) second_order(generator_.normal<double>(output));
    return result_;
  }

 private:
  /// The function's gradients in the inputs, weighted by u.
  GradCheckVariables gradients(const GradCheckVariables& x, const Variable<double>& u, bool create_graph) const {
    const Variable<double> y = call_with(function_, x);
    return grad<double>({y}, x, {.create_graph = create_graph, .allow_unused = true}, {u});
  }

  void first_order(const Tensor<double>& u, const std::string& name) {
    GradCheckValues found;
    for (const auto& g : gradients(leaves(inputs_), u, false)) found.push_back(g.value());
    const auto value = [&](const GradCheckValues& at) {
      const NoGrad no_grad;
      return dot(call_with(function_, GradCheckVariables(at.begin(), at.end())).value(), u);
    };
    GradComparison(options_, result_, options_.tolerance.first_order, name).run(value, inputs_, found, skipped_);
  }

  /// Checks s(x, u) = sum of <gradient in x_i weighted by u, w_i> as a function of x and u.
  void second_order(const Tensor<double>& u) {
    GradCheckValues w;
    for (const auto& input : inputs_) w.push_back(generator_.normal<double>(input.shape()));
    const auto weighted = [&](const GradCheckVariables& g) {
      double total = 0.0;
      for (std::size_t i = 0; i < w.size(); ++i) total += dot(g[i].value(), w[i]);
      return total;
    };
    const auto value = [&](const GradCheckValues& at) {
      return weighted(gradients(leaves(GradCheckValues(at.begin(), at.end() - 1)), at.back(), false));
    };

    GradCheckValues inputs = inputs_;
    inputs.push_back(u);
    const GradCheckVariables all = leaves(inputs);
    const GradCheckVariables g = gradients(GradCheckVariables(all.begin(), all.end() - 1), all.back(), true);
    GradComparison comparison(options_, result_, options_.tolerance.second_order, "order 2");
    comparison.compare(value(inputs), weighted(g), 0.0, "order 2, gradients with and without create_graph");

    GradCheckVariables outputs, seeds;
    for (std::size_t i = 0; i < g.size(); ++i) {
      if (!g[i].requires_grad()) continue;
      outputs.push_back(g[i]);
      seeds.emplace_back(w[i]);
    }
    GradCheckValues found;
    if (outputs.empty()) {
      for (const auto& input : inputs) found.push_back(Tensor<double>::zeros(input.shape()));
    } else {
      for (const auto& second : grad<double>(outputs, all, {.allow_unused = true}, seeds))
        found.push_back(second.value());
    }
    std::vector<Tensor<bool>> skipped = skipped_;
    skipped.push_back(Tensor<bool>::zeros(u.shape()));
    comparison.run(value, inputs, found, skipped);
  }

  F& function_;
  GradCheckValues inputs_;
  const GradCheckOptions& options_;
  random::Generator generator_;
  std::vector<Tensor<bool>> skipped_;
  GradCheckResult result_;
};

}  // namespace detail

/// Compares the gradients of `function` at `inputs` with finite differences. The function takes one to three
/// `const Variable<double>&`, or a `const std::vector<Variable<double>>&`, gives a Variable<double> of any shape, and
/// must give the same for the same inputs. Throws ValueError for options that can't be.
template <class F>
GradCheckResult grad_check(F&& function, const std::vector<Tensor<double>>& inputs,
                           const GradCheckOptions& options = {}) {
  return detail::GradChecker(function, inputs, options).run();
}

/// The same as a demand: throws GradError with the result's text unless all gradients agree.
template <class F>
void require_gradients(F&& function, const std::vector<Tensor<double>>& inputs, const GradCheckOptions& options = {}) {
  const GradCheckResult result = grad_check(function, inputs, options);
  require<GradError>(result.passed, result.to_string());
}

}  // namespace kashi::inline v0
