/// What every record of an operation must satisfy; see records.hpp.
#include "records.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <kashi/ops/reduce.hpp>

using namespace records;

namespace {

template <class T>
std::vector<Variable<T>> variables(const std::vector<Tensor<double>>& inputs, bool differentiable) {
  std::vector<Variable<T>> out;
  for (const auto& input : inputs) {
    const Tensor<T> value = input.template to<T>();
    out.push_back(differentiable ? parameter(value) : Variable<T>(value));
  }
  return out;
}

/// The text that a call throws, or "".
template <class T>
std::string thrown(const Forward<T>& call, const std::vector<Shape>& shapes, bool differentiable) {
  std::vector<Tensor<double>> inputs;
  for (const Shape& shape : shapes) inputs.push_back(Tensor<double>::ones(shape));
  try {
    call(variables<T>(inputs, differentiable));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

template <class T>
bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.numel()) * sizeof(T)) == 0;
}

/// The result of a sample and its gradients, on `threads` threads.
std::vector<Tensor<float>> compute(const Sample& sample, int threads) {
  const int before = num_threads();
  set_num_threads(threads);
  const auto inputs = variables<float>(sample.inputs, true);
  const Variable<float> y = sample.call.as_float(inputs);
  std::vector<Tensor<float>> out{y.value()};
  const Tensor<float> weight = random::Generator(5).normal<float>(y.shape());
  for (const auto& gradient : grad<float>({y}, inputs, {.allow_unused = true}, {weight}))
    out.push_back(gradient.value());
  set_num_threads(before);
  return out;
}

template <class F>
void for_each_operation(F&& f) {
  REQUIRE_FALSE(registry().empty());
  for (const Family& family : registry())
    for (const Operation& operation : family.operations) f(operation);
}

std::string page() {
  std::ostringstream out;
  out << "# Operations\n\n"
         "Differentiable operations on `Variable`s and floating-point `Tensor`s. Images are [N,H,W,C]. This page is "
         "made from the\n"
         "records that also test the operations (`tests/ops`); `KASHI_UPDATE_DOCS=1 build/tests/kashi_tests_ops \"the "
         "page of operations*\"`\n"
         "writes it anew. Every operation has second derivatives unless it says otherwise.\n";
  std::vector<Family> families = registry();
  std::sort(families.begin(), families.end(), [](const Family& a, const Family& b) { return a.title < b.title; });
  for (const Family& family : families) {
    out << "\n## " << family.title << "\n\n`#include <kashi/ops/" << family.header
        << ">`\n\n| Call | Meaning |\n|---|---|\n";
    for (const Operation& operation : family.operations) {
      std::string summary = operation.summary;
      for (std::size_t at = summary.find('|'); at != std::string::npos; at = summary.find('|', at + 2))
        summary.insert(at, "\\");
      out << "| `" << operation.signature << "` | " << summary
          << (operation.order < 2 ? " (first derivatives only)" : "") << " |\n";
    }
    bool has_errors = false;
    for (const Operation& operation : family.operations)
      for (const ErrorInput& error : operation.errors) {
        if (!has_errors) out << "\nErrors look like this:\n\n```\n";
        has_errors = true;
        out << error.message << '\n';
      }
    if (has_errors) out << "```\n";
  }
  return out.str();
}

}  // namespace

TEST_CASE("gradients of every operation agree with finite differences, in the second order too") {
  Index samples = 0, compared = 0, skipped = 0;
  for_each_operation([&](const Operation& operation) {
    for (const Sample& sample : operation.samples) {
      if (!sample.gradients) continue;
      GradCheckOptions options = sample.options;
      options.order = operation.order;
      const auto result = grad_check(sample.call.as_double, sample.inputs, options);
      INFO(operation.signature << ", sample " << sample.name << ": " << result.to_string());
      CHECK(result.passed);
      ++samples;
      compared += result.compared;
      skipped += result.skipped;
    }
  });
  std::printf("operations: %lld samples, %lld derivatives compared, %lld elements skipped at kinks\n",
              static_cast<long long>(samples), static_cast<long long>(compared), static_cast<long long>(skipped));
}

TEST_CASE("float, double, with and without gradient throw the same text") {
  for_each_operation([](const Operation& operation) {
    for (const ErrorInput& error : operation.errors) {
      INFO(operation.signature);
      CHECK(thrown(error.call.as_double, error.inputs, true) == error.message);
      CHECK(thrown(error.call.as_double, error.inputs, false) == error.message);
      CHECK(thrown(error.call.as_float, error.inputs, true) == error.message);
      const NoGrad no_grad;
      CHECK(thrown(error.call.as_float, error.inputs, true) == error.message);
    }
  });
}

TEST_CASE("results and gradients are the same bits on 1, 2, 3 and 8 threads") {
  for_each_operation([](const Operation& operation) {
    for (const Sample& sample : operation.samples) {
      INFO(operation.signature << ", sample " << sample.name);
      const auto expected = compute(sample, 1);
      for (const int threads : {2, 3, 8}) {
        const auto found = compute(sample, threads);
        for (std::size_t i = 0; i < found.size(); ++i) CHECK(same_bits(found[i], expected[i]));
      }
    }
  });
}

TEST_CASE("float results agree with double ones") {
  for_each_operation([](const Operation& operation) {
    for (const Sample& sample : operation.samples) {
      if (!sample.gradients) continue;
      INFO(operation.signature << ", sample " << sample.name);
      const Tensor<double> expected = sample.call.as_double(variables<double>(sample.inputs, false)).value();
      CHECK(allclose(sample.call.as_float(variables<float>(sample.inputs, false)).value().to<double>(), expected, 1e-4,
                     1e-4));
    }
  });
}

TEST_CASE("under NoGrad no operation records anything") {
  const NoGrad no_grad;
  for_each_operation([](const Operation& operation) {
    for (const Sample& sample : operation.samples) {
      if (!sample.gradients) continue;
      INFO(operation.signature << ", sample " << sample.name);
      CHECK_FALSE(grad_enabled());
      const auto y = sample.call.as_double(variables<double>(sample.inputs, true));
      CHECK((y.is_leaf()));
    }
  });
}

TEST_CASE("the page of operations is what the records say") {
  constexpr std::size_t families = 14;
  if (registry().size() != families) {
    WARN("only " << registry().size() << " of " << families << " families were built; the page is not compared");
    return;
  }
  const std::string path = std::string(KASHI_SOURCE_DIR) + "/docs/operations.md";
  if (std::getenv("KASHI_UPDATE_DOCS") != nullptr) std::ofstream(path) << page();
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  INFO("run this test with KASHI_UPDATE_DOCS=1 to write docs/operations.md anew");
  CHECK(content.str() == page());
}
