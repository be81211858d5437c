/// Folds the batch norms of named networks into their convolutions and compares: outputs, time, memory.
///
/// In evaluation the library fuses a norm with the convolution in front of it as they run, folded or not. So three
/// times are taken: with every norm a layer of its own, as textbooks have it; fused as it runs; and folded for good.
///
///     fold_batchnorm                              ResNet-18, ResNet-50, MobileNetV2, VGG-16 with batch norm, at 224 x
///     224 fold_batchnorm --model resnet34 --size 160 --rounds 20
#include <chrono>
#include <cstdio>

#include <kashi/core/memory.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/nn/fold.hpp>
#include <kashi/nn/summary.hpp>
#include <kashi/plot/bar_chart.hpp>

#include "common/program.hpp"

using namespace kashi;

namespace {

struct Choice {
  std::vector<std::string> models{"resnet18", "resnet50", "mobilenet_v2", "vgg16_bn"};
  Index size = 0;
  int rounds = 0;
};

/// What a network costs before or after folding.
struct Cost {
  double milliseconds = 1e30;
  Index parameters = 0;  ///< numbers, with buffers
  Index operations = 0;  ///< multiplications and additions
  double parameter_megabytes = 0;
  double peak_megabytes = 0;  ///< most that one forward pass had in use beside the parameters
};

struct Comparison {
  std::string model;
  Cost before = {}, after = {};
  double fused_milliseconds = 1e30;  ///< before folding, norms fused as the network runs
  Index folded = 0, refused = 0;
  double difference = 0;  ///< largest, relative to the largest output
};

/// Norms as a training might leave them; the ones of a new network would hide mistakes.
void randomize_norms(nn::Module<float>& net, std::uint64_t seed) {
  random::Generator g(seed);
  for (auto& [name, module] : net.named_modules()) {
    auto* norm = dynamic_cast<nn::BatchNorm2d<float>*>(module);
    if (norm == nullptr) continue;
    const Shape shape{norm->channels()};
    norm->running_mean().copy_from(g.normal<float>(shape, 0, 1));
    norm->running_var().copy_from(g.uniform<float>(shape, 0.5, 2));
    norm->weight().mutable_value().copy_from(g.uniform<float>(shape, -2, 2));
    norm->bias().mutable_value().copy_from(g.normal<float>(shape, 0, 1));
  }
}

nn::Sequential<float> make_network(const std::string& model, std::uint64_t seed) {
  manual_seed(seed);
  nn::Sequential<float> net = models::make(model);
  randomize_norms(net, seed);
  net.eval();
  return net;
}

/// Linear layers are not folded here, and large: both networks use the same numbers.
void share_linear_layers(nn::Module<float>& from, nn::Module<float>& to) {
  const auto source = from.named_modules(), target = to.named_modules();
  for (std::size_t i = 0; i < source.size(); ++i)
    if (auto* linear = dynamic_cast<nn::Linear<float>*>(source[i].second))
      dynamic_cast<nn::Linear<float>&>(*target[i].second) = *linear;
}

/// While it lives, batch norms are layers of their own: one with a hook is not fused.
class NormsApart {
 public:
  explicit NormsApart(nn::Module<float>& net) {
    for (auto& [name, module] : net.named_modules())
      if (dynamic_cast<nn::BatchNorm2d<float>*>(module) != nullptr)
        hooks_.push_back(module->register_forward_hook(
            [](const auto&, const auto&, const Variable<float>& output) { return output; }));
  }
  ~NormsApart() {
    for (HookHandle& hook : hooks_) hook.remove();
  }
  NormsApart(const NormsApart&) = delete;
  NormsApart& operator=(const NormsApart&) = delete;

 private:
  std::vector<HookHandle> hooks_;
};

Tensor<float> run(const nn::Module<float>& net, const Tensor<float>& x) {
  const NoGrad no_grad;
  return net(x).value();
}

/// The time of one run, if it is less than that of earlier ones.
void measure_time(const nn::Module<float>& net, const Tensor<float>& x, double& milliseconds) {
  const auto start = std::chrono::steady_clock::now();
  run(net, x);
  milliseconds = std::min(milliseconds,
                          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
}

Cost measure_memory(nn::Module<float>& net, const Tensor<float>& x) {
  constexpr double megabyte = 1024.0 * 1024.0;
  const nn::SummaryTotal total = nn::summary(net, x.shape()).total;
  const std::size_t live = memory::stats().live;
  memory::reset_peak();
  run(net, x);
  return {.parameters = total.parameters + total.buffers,
          .operations = total.operations.multiplications + total.operations.additions,
          .parameter_megabytes = static_cast<double>(total.parameter_bytes) / megabyte,
          .peak_megabytes = static_cast<double>(memory::stats().peak - live) / megabyte};
}

double relative_difference(const Tensor<float>& a, const Tensor<float>& b) {
  double most = 0, largest = 0;
  for (Index i = 0; i < a.numel(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i])));
    largest = std::max(largest, std::abs(static_cast<double>(a.data()[i])));
  }
  return most / largest;
}

Comparison compare(const std::string& model, Index size, int rounds, std::uint64_t seed) {
  nn::Sequential<float> original = make_network(model, seed), folded = make_network(model, seed);
  share_linear_layers(original, folded);
  const Shape shape{1, size, size, 3};
  const nn::FoldReport report = nn::fold_batch_norm(folded, shape);
  std::fputs(report.refused.empty() ? "" : report.to_string().c_str(), stderr);
  const Tensor<float> x = random::Generator(seed + 1).normal<float>(shape, 0, 1);
  Comparison out{.model = model,
                 .folded = static_cast<Index>(report.folded.size()),
                 .refused = static_cast<Index>(report.refused.size())};
  {
    const NormsApart apart(original);
    out.before = measure_memory(original, x);
    out.difference = relative_difference(run(original, x), run(folded, x));
  }
  out.after = measure_memory(folded, x);
  run(original, x);  // packs its weights for the fused way
  // In turns, and the best of each, so that what else the machine does hits all alike.
  for (int i = 0; i < rounds; ++i) {
    measure_time(original, x, out.fused_milliseconds);
    measure_time(folded, x, out.after.milliseconds);
    const NormsApart apart(original);
    measure_time(original, x, out.before.milliseconds);
  }
  return out;
}

nlohmann::ordered_json to_json(const Cost& cost) {
  return {{"milliseconds", cost.milliseconds},
          {"numbers", cost.parameters},
          {"operations", cost.operations},
          {"parameter_megabytes", cost.parameter_megabytes},
          {"peak_megabytes", cost.peak_megabytes}};
}

std::string number(const char* format, double value) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

void write_report(const examples::Program& program, const std::vector<Comparison>& all, Index size, int rounds) {
  train::Report report("Folding batch norm",
                       "Batch norms in evaluation become part of the convolutions in front of them: W' = s W, b' = s b "
                       "+ (beta - s mean), s = gamma / sqrt(var + eps).");
  nlohmann::ordered_json models;
  std::vector<std::vector<std::string>> rows;
  plot::BarSeries before{.name = "norms apart", .values = {}}, fused{.name = "fused as it runs", .values = {}},
      after{.name = "folded", .values = {}};
  std::vector<std::string> names;
  double worst = 0;
  for (const Comparison& c : all) {
    const double speedup = c.before.milliseconds / c.after.milliseconds,
                 speedup_over_fused = c.fused_milliseconds / c.after.milliseconds;
    models[c.model] = {{"norms_folded", c.folded},
                       {"norms_refused", c.refused},
                       {"largest_relative_difference", c.difference},
                       {"speedup", speedup},
                       {"speedup_over_fused", speedup_over_fused},
                       {"fused_milliseconds", c.fused_milliseconds},
                       {"before", to_json(c.before)},
                       {"after", to_json(c.after)}};
    rows.push_back({c.model, std::to_string(c.folded), std::to_string(c.refused), number("%.2g", c.difference),
                    number("%.2f", c.before.milliseconds), number("%.2f", c.fused_milliseconds),
                    number("%.2f", c.after.milliseconds), number("%.3f", speedup), number("%.3f", speedup_over_fused),
                    number("%.2f", c.before.peak_megabytes), number("%.2f", c.after.peak_megabytes),
                    nn::grouped_digits(c.before.parameters), nn::grouped_digits(c.after.parameters),
                    nn::grouped_digits(c.before.operations), nn::grouped_digits(c.after.operations)});
    names.push_back(c.model);
    before.values.push_back(c.before.milliseconds);
    fused.values.push_back(c.fused_milliseconds);
    after.values.push_back(c.after.milliseconds);
    worst = std::max(worst, c.difference);
    std::printf(
        "%-14s %3ld norms folded, difference %.2g, %.2f ms with norms apart, %.2f ms fused, %.2f ms folded (%.3f and "
        "%.3f times as fast), peak %.2f -> %.2f MB\n",
        c.model.c_str(), static_cast<long>(c.folded), c.difference, c.before.milliseconds, c.fused_milliseconds,
        c.after.milliseconds, speedup, speedup_over_fused, c.before.peak_megabytes, c.after.peak_megabytes);
  }
  const std::vector<std::string> columns{"model",
                                         "folded",
                                         "refused",
                                         "largest difference",
                                         "ms, norms apart",
                                         "ms, fused as it runs",
                                         "ms, folded",
                                         "speedup",
                                         "speedup over fused",
                                         "peak MB before",
                                         "peak MB after",
                                         "numbers before",
                                         "numbers after",
                                         "operations before",
                                         "operations after"};
  report.set("models", models);
  report.set("largest_relative_difference", worst);
  report.headline("largest_relative_difference");
  report.set("size", size);
  report.set("rounds", rounds);
  report.table("Comparison", columns, rows);
  report.picture("Comparison", "time.png",
                 plot::bar_chart(names, {before, fused, after},
                                 {.title = "One image, best of " + std::to_string(rounds) + " runs",
                                  .x_label = "milliseconds",
                                  .decimals = 1}),
                 "All three ran in turns. In evaluation the library fuses a norm with the convolution in front of it, "
                 "so folding for good saves little beyond that: the norms' numbers, and work in the first run.");
  program.add_common_figures(report);
  report.save(program.out());
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("fold_batchnorm",
                            "Folds batch norms into convolutions and compares outputs, time and memory.");
  Choice choice;
  program.app().add_option("--model", choice.models, "networks of the library")->capture_default_str();
  program.app()
      .add_option("--size", choice.size, "height and width of the image (default 224, with --quick 64)")
      ->check(CLI::Range(32, 1024));
  program.app()
      .add_option("--rounds", choice.rounds, "runs of each network (default 10, with --quick 3)")
      ->check(CLI::Range(1, 1000));
  return program.run(argc, argv, [&] {
    const Index size = choice.size > 0 ? choice.size : program.flags().quick ? 64 : 224;
    const int rounds = choice.rounds > 0 ? choice.rounds : program.flags().quick ? 3 : 10;
    io::make_output_folder(program.out());
    std::vector<Comparison> all;
    for (const std::string& model : choice.models) {
      std::fprintf(stderr, "%s ...\n", model.c_str());
      all.push_back(compare(model, size, rounds, program.flags().seed));
    }
    write_report(program, all, size, rounds);
    std::printf("results are in %s (open %s/report.html)\n", program.out().c_str(), program.out().c_str());
    return 0;
  });
}
