/// What a network thinks a class looks like: gradient ascent on an image until the network takes it for the class.
///
///     class_visualization --weights squeezenet1_1.safetensors --names synset_words.txt --class flamingo
///     class_visualization --weights squeezenet1_1.safetensors --class 130 --method all      (from plain ascent to the
///     best way) class_visualization --class 3                                                         (a small network
///     of drawn digits)
///
/// Every figure is of the picture as its 8-bit PNG file holds it, read back.
#include <cstdio>

#include <kashi/io/animation.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>

#include "common/visualization.hpp"

using namespace kashi;

namespace {

struct Settings {
  std::vector<std::string> classes;
  std::string method = "spectrum";
  std::optional<Index> steps, copies;
  std::optional<double> lr, jitter, scale, rotation, total_variation, noise, tint, contrast, falloff, logit,
      log_probability, dropout;
};

examples::VisualizationMethod method_of(const std::string& name, const Settings& settings,
                                        const examples::PhotoNetwork& network, const examples::Flags& flags) {
  examples::VisualizationMethod method = examples::visualization_method(name, network, flags);
  method.dropout = settings.dropout.value_or(method.dropout);
  explain::ClassVisualizationOptions& out = method.options;
  out.steps = settings.steps.value_or(out.steps);
  out.copies = settings.copies.value_or(out.copies);
  out.lr = settings.lr.value_or(out.lr);
  out.views.jitter = settings.jitter.value_or(out.views.jitter);
  out.views.scale = settings.scale.value_or(out.views.scale);
  out.views.rotation = settings.rotation.value_or(out.views.rotation);
  out.total_variation = settings.total_variation.value_or(out.total_variation);
  out.noise = settings.noise.value_or(out.noise);
  out.tint = settings.tint.value_or(out.tint);
  out.contrast = settings.contrast.value_or(out.contrast);
  out.falloff = settings.falloff.value_or(out.falloff);
  out.logit = settings.logit.value_or(out.logit);
  out.log_probability = settings.log_probability.value_or(out.log_probability);
  return method;
}

/// What a network says about a picture.
struct Verdict {
  double probability = 0;
  Index rank = 0;  ///< 1 is the best
  Index seen = 0;
};

Verdict judge(const examples::PhotoNetwork& network, const Tensor<float>& picture, Index class_index) {
  const Tensor<float> p = network.probabilities(network.see(picture));
  Verdict out{.probability = static_cast<double>(p(class_index)), .rank = 1, .seen = argmax(p, 0).item()};
  for (const float other : p.span()) out.rank += other > p(class_index) ? 1 : 0;
  return out;
}

std::string percent(double share) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, share > 0.9995 && share < 1 ? "> 99.9 %%" : "%.1f %%", 100 * share);
  return buffer;
}

/// One picture of a class by one method, and what became of it.
struct Portrait {
  Index class_index = 0;
  std::string method, file;
  plot::Image picture;
  std::vector<plot::Image> frames;
  std::vector<Index> steps;
  std::vector<double> logits;
  Verdict first{}, second{};
  double high_share = 0, seconds = 0;
};

/// The mean probability over the views that class_visualization itself takes, which were drawn anew.
double robust_probability(const examples::PhotoNetwork& network, const Tensor<float>& picture, Index class_index) {
  constexpr std::uint64_t count = 16;
  const NoGrad no_grad;
  std::vector<explain::View> views;
  for (std::uint64_t i = 0; i < count; ++i)
    views.push_back(explain::random_view(random::Philox(1234567, i),
                                         {.jitter = 16 * static_cast<double>(network.preset.crop) / 224}));
  const Variable<float> seen =
      explain::sample_views(Variable<float>(picture.reshape({1, picture.size(0), picture.size(1), 3})), views,
                            network.preset.crop, network.preset.crop);
  return static_cast<double>(mean(select(softmax(network.from_pixels(seen)), 1, class_index)).item());
}

class Studio {
 public:
  Studio(const examples::Program& program, const examples::Flags& flags, const Settings& settings,
         examples::PhotoNetwork network, std::optional<examples::PhotoNetwork> second)
      : program_(program),
        flags_(flags),
        settings_(settings),
        network_(std::move(network)),
        second_(std::move(second)) {}

  Portrait make(Index class_index, const std::string& method, const std::string& file) const {
    const examples::VisualizationMethod way = method_of(method, settings_, network_, flags_);
    Portrait out;
    out.class_index = class_index;
    out.method = method;
    out.file = file;
    const double start = program_.seconds();
    const Index all = way.options.steps, every = std::max<Index>(1, all / 24);
    out.picture = examples::class_picture(
        network_, class_index, way, [&](Index step, double logit, const std::function<Tensor<float>()>& now) {
          out.logits.push_back(logit);
          if (step % every == 0 || step == 1 || step == all) {
            out.frames.push_back(io::to_bytes(now()));
            out.steps.push_back(step);
          }
          if (step % 64 == 0 || step == all)
            std::fprintf(stderr, "%s, %s: step %lld of %lld, logit %.1f\n", network_.name_of(class_index).c_str(),
                         method.c_str(), static_cast<long long>(step), static_cast<long long>(all), logit);
        });
    out.seconds = program_.seconds() - start;
    io::save_png(program_.out() / file, out.picture);
    const Tensor<float> saved = io::load_image_float(program_.out() / file, {.channels = 3});
    out.first = judge(network_, saved, class_index);
    if (second_) out.second = judge(*second_, saved, class_index);
    out.high_share = explain::energy_by_frequency(saved).high_share();
    std::fprintf(stderr, "%s, %s: %s in %s%s, %.0f s\n", network_.name_of(class_index).c_str(), method.c_str(),
                 percent(out.first.probability).c_str(), network_.model.c_str(),
                 second_ ? (", " + percent(out.second.probability) + " in " + second_->model + " (which sees " +
                            second_->name_of(out.second.seen) + ")")
                               .c_str()
                         : "",
                 out.seconds);
    return out;
  }

  std::string caption(const Portrait& portrait, const std::string& title) const {
    return title + "\n" + network_.model + " " + percent(portrait.first.probability) +
           (second_ ? "\n" + second_->model + " " + percent(portrait.second.probability) : "");
  }

  plot::Image steps_sheet(const Portrait& portrait) const {
    constexpr std::size_t shown = 12;
    std::vector<plot::Image> pictures;
    std::vector<std::string> captions;
    for (std::size_t i = 0; i < shown && portrait.frames.size() > 1; ++i) {
      const double share = static_cast<double>(i) / (shown - 1);
      const auto at = static_cast<std::size_t>(std::lround(
          share * share * static_cast<double>(portrait.frames.size() - 1)));  // closer together at the start
      if (!captions.empty() && captions.back().starts_with("step " + std::to_string(portrait.steps[at]) + "\n"))
        continue;
      pictures.push_back(portrait.frames[at]);
      const double p = judge(network_, io::to_float(portrait.frames[at]), portrait.class_index).probability;
      captions.push_back("step " + std::to_string(portrait.steps[at]) + "\n" + percent(p));
    }
    return plot::contact_sheet(pictures, captions,
                               {.title = network_.name_of(portrait.class_index) + ", probability in " + network_.model,
                                .columns = 4,
                                .cell = 192});
  }

  std::map<std::string, double> figures(const Portrait& portrait) const {
    std::map<std::string, double> out{
        {"probability", portrait.first.probability},
        {"rank", static_cast<double>(portrait.first.rank)},
        {"seconds", portrait.seconds},
        {"high_frequency_share", portrait.high_share},
        {"robust_probability", robust_probability(network_, io::to_float(portrait.picture), portrait.class_index)}};
    if (second_) {
      out["second_probability"] = portrait.second.probability;
      out["second_rank"] = static_cast<double>(portrait.second.rank);
    }
    return out;
  }

  const examples::PhotoNetwork& network() const { return network_; }
  const std::optional<examples::PhotoNetwork>& second() const { return second_; }

 private:
  const examples::Program& program_;
  const examples::Flags& flags_;
  const Settings& settings_;
  examples::PhotoNetwork network_;
  std::optional<examples::PhotoNetwork> second_;
};

/// "great grey owl" is "great_grey_owl".
std::string file_name(std::string name) {
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

void write_report(const examples::Program& program, const Studio& studio, const std::vector<Portrait>& portraits) {
  const examples::PhotoNetwork& network = studio.network();
  const Portrait& best = portraits.front();
  train::Report report("What a network thinks a class looks like",
                       "An image, optimised until " + network.model +
                           " takes it for the class. All figures are of the saved 8-bit picture.");
  report.set("model", network.model);
  if (studio.second()) report.set("second_model", studio.second()->model);
  report.set("class", best.class_index);
  report.set("class_name", network.name_of(best.class_index));
  report.set("method", best.method);
  report.set("steps", best.logits.size());
  for (const auto& [name, value] : studio.figures(best))
    report.set(name == "seconds" ? "seconds_of_ascent" : name, value);
  program.add_common_figures(report);
  if (portraits.size() > 1) {
    std::map<std::string, std::map<std::string, double>> all;
    std::vector<plot::Image> pictures;
    std::vector<std::string> captions;
    std::vector<std::vector<std::string>> rows;
    const bool one_class = std::all_of(portraits.begin(), portraits.end(),
                                       [&](const Portrait& p) { return p.class_index == best.class_index; });
    for (const Portrait& portrait : portraits) {
      const std::string title = one_class ? portrait.method : network.name_of(portrait.class_index);
      all[title] = studio.figures(portrait);
      pictures.push_back(portrait.picture);
      captions.push_back(studio.caption(portrait, title));
      rows.push_back({title, percent(portrait.first.probability), percent(all[title]["robust_probability"]),
                      studio.second() ? percent(portrait.second.probability) : "-", percent(portrait.high_share),
                      std::to_string(std::lround(portrait.seconds))});
    }
    report.set(one_class ? "methods" : "classes", all);
    report.picture("All pictures", "all.png",
                   plot::contact_sheet(pictures, captions,
                                       {.title = one_class ? network.name_of(best.class_index)
                                                           : "Classes as " + network.model + " sees them",
                                        .columns = 4,
                                        .cell = 224}),
                   "Every picture with the probability of its class.");
    report.table("All pictures",
                 {one_class ? "method" : "class", "probability", "over random views", "second network",
                  "energy above half Nyquist", "seconds"},
                 rows);
  }
  report.picture("The picture", "picture.png",
                 plot::contact_sheet({best.picture}, {studio.caption(best, network.name_of(best.class_index))},
                                     {.columns = 1, .cell = 512}),
                 "The picture in " + best.file + ", larger.");
  report.picture("On the way", "steps.png", studio.steps_sheet(best), "The image after some of the steps.");
  report.picture("On the way", "logit.png",
                 plot::line_chart({{.name = "logit", .y = best.logits}},
                                  {.title = "Logit of the class", .x_label = "step", .y_label = "logit of the views"}),
                 "The logit of each step's views.");
  report.file("animation.png", "the steps as an animated PNG");
  for (const Portrait& portrait : portraits)
    report.file(portrait.file, network.name_of(portrait.class_index) + ", " + portrait.method);
  std::vector<plot::Image> small;
  for (const plot::Image& frame : best.frames)
    small.push_back(plot::resize(frame, std::min<Index>(frame.size(0), 160), std::min<Index>(frame.size(1), 160)));
  io::save_animation(program.out() / "animation.png", small, {.milliseconds = 120, .last_milliseconds = 2000});
  report.save(program.out());
}

int run(const examples::Program& program, const examples::Flags& flags, const examples::NetworkFlags& network_flags,
        Settings settings) {
  io::make_output_folder(program.out());
  const examples::PhotoNetwork network = examples::load_network(flags, network_flags);
  if (settings.classes.empty()) settings.classes = {flags.weights.empty() ? "3" : "130"};
  const std::string first_method = settings.method == "all" ? "spectrum" : settings.method;
  method_of(first_method, settings, network, flags);
  std::vector<Index> classes;
  for (const std::string& name : settings.classes) classes.push_back(network.class_of(name));
  const Studio studio(program, flags, settings, network, examples::load_second_network(network_flags, network));
  std::vector<Portrait> portraits;
  for (const Index class_index : classes) {
    const bool is_first = portraits.empty();
    const bool has_name = class_index < static_cast<Index>(network.class_names.size());
    const std::string name = has_name ? file_name(network.class_names[static_cast<std::size_t>(class_index)])
                                      : "class_" + std::to_string(class_index);
    portraits.push_back(studio.make(class_index, first_method, is_first ? "final.png" : text("final_", name, ".png")));
  }
  if (settings.method == "all")
    for (const examples::VisualizationMethod& way : examples::visualization_methods())
      if (way.name != first_method)
        portraits.push_back(studio.make(classes[0], way.name, text("final_", way.name, ".png")));
  write_report(program, studio, portraits);
  const Portrait& best = portraits.front();
  std::printf(
      "%s: %s in %s%s\nresults are in %s (open %s/report.html)\n", network.name_of(best.class_index).c_str(),
      percent(best.first.probability).c_str(), network.model.c_str(),
      studio.second() ? text(", ", percent(best.second.probability), " in ", studio.second()->model).c_str() : "",
      flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("class_visualization", "Shows what a network thinks a class looks like.");
  examples::NetworkFlags network;
  Settings settings;
  CLI::App& app = program.app();
  network.add_to(app);
  network.add_second_to(app);
  app.add_option(
      "--class", settings.classes,
      "the class, by number or name (default: flamingo, 130; without --weights 3); more than one may be given");
  app.add_option("--method", settings.method, "plain, regularised, octaves, spectrum, or all of them side by side")
      ->capture_default_str();
  app.add_option("--steps", settings.steps, "steps of gradient ascent")->check(CLI::Range(1, 100000));
  app.add_option("--lr", settings.lr, "size of a step")->check(CLI::PositiveNumber);
  app.add_option("--copies", settings.copies, "random views a step")->check(CLI::Range(1, 64));
  app.add_option("--jitter", settings.jitter, "pixels by which views are moved")->check(CLI::NonNegativeNumber);
  app.add_option("--scale", settings.scale, "share by which views are scaled")->check(CLI::Range(0.0, 0.9));
  app.add_option("--rotation", settings.rotation, "degrees by which views are turned")->check(CLI::NonNegativeNumber);
  app.add_option("--tint", settings.tint, "share by which views' colours are changed")->check(CLI::Range(0.0, 1.0));
  app.add_option("--noise", settings.noise, "standard deviation of noise in the views")->check(CLI::NonNegativeNumber);
  app.add_option("--total-variation", settings.total_variation, "weight of the total variation")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--contrast", settings.contrast, "largest root mean square of the colours before the sigmoid; 0: any")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--dropout", settings.dropout, "share of the network's channels that each step loses")
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--falloff", settings.falloff, "power of 1/frequency by which the spectrum is scaled")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--logit", settings.logit, "weight of the class's logit")->check(CLI::NonNegativeNumber);
  app.add_option("--log-probability", settings.log_probability, "weight of the class's log-probability")
      ->check(CLI::NonNegativeNumber);
  return program.run(argc, argv, [&] { return run(program, program.flags(), network, settings); });
}
