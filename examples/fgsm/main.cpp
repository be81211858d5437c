/// Fools a network by changes that nobody sees: FGSM and PGD on photographs.
///
///     fgsm --weights squeezenet1_1.safetensors --data PHOTOS --truth PHOTOS/labels.csv --epsilon 8
///     fgsm --weights squeezenet1_1.safetensors --data flamingo.jpg --target 1
///     fgsm --weights squeezenet1_1.safetensors --data flamingo.jpg --compare flamingo.png     (beside a picture made
///     from noise)
///
/// An attack counts where the 8-bit image, written as PNG and read back, is taken for another class (with --target: for
/// that one).
#include <cstdio>
#include <limits>

#include <kashi/explain/attack.hpp>
#include <kashi/io/image.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>

#include "common/photo_network.hpp"
#include "compare.hpp"

using namespace kashi;

namespace {

struct Settings {
  std::string truth;
  std::vector<double> epsilons{8};
  Index target = -1;
  bool l2 = false;
  Index pgd_steps = 10;
  std::string compare;
};

/// A correctly classified photo, and what the attacks did to it.
struct Victim {
  const examples::Photo* photo = nullptr;
  Index label = 0;
  std::map<double, bool> fgsm{}, noise{}, pgd{};
  double smallest = std::numeric_limits<double>::infinity();        // in 1/255, continuous
  double smallest_bytes = std::numeric_limits<double>::infinity();  // in 1/255, whole numbers, 8-bit image
};

class Attacker {
 public:
  Attacker(const examples::PhotoNetwork& network, const Settings& settings, std::uint64_t seed)
      : network_(network), settings_(settings), generator_(seed) {}

  Variable<float> logits(const Variable<float>& x) const { return network_.from_pixels(x); }
  Index predict(const Tensor<float>& image) const {
    const NoGrad no_grad;
    return argmax(logits(Variable<float>(image)).value(), 1)(0);
  }
  double probability(const Tensor<float>& image, Index class_index) const {
    const NoGrad no_grad;
    return static_cast<double>(softmax(logits(Variable<float>(image))).value()(0, class_index));
  }

  /// The library's unit: in L2, epsilon is the root mean square of the change.
  double length(double epsilon, const Tensor<float>& image) const {
    return epsilon / 255 * (settings_.l2 ? std::sqrt(static_cast<double>(image.numel())) : 1.0);
  }
  explain::Norm norm() const { return settings_.l2 ? explain::Norm::l2 : explain::Norm::linf; }
  Tensor<Index> label_of(const Victim& victim) const {
    return Tensor<Index>({1}, {settings_.target >= 0 ? settings_.target : victim.label});
  }

  /// The image as a PNG file holds it.
  Tensor<float> saved(const Tensor<float>& image, const Tensor<float>& original, double epsilon) const {
    const double bound = settings_.l2 ? 1.0 : epsilon / 255;
    const Tensor<std::uint8_t> bytes =
        io::decode_image(io::encode_png(io::to_bytes(explain::as_bytes(image, original, bound)[0])));
    Tensor<float> out = bytes.to<float>();
    for (float& value : out.mutable_span()) value /= 255;
    return out.reshape(original.shape());
  }
  bool fools(const Tensor<float>& image, const Victim& victim) const {
    const Index seen = predict(image);
    return settings_.target >= 0 ? seen == settings_.target : seen != victim.label;
  }

  Tensor<float> original_of(const Victim& victim) const {
    const Tensor<float>& pixels = victim.photo->pixels;
    return pixels.reshape(Shape{1, pixels.size(0), pixels.size(1), 3});
  }
  Tensor<float> gradient_of(const Victim& victim) const {
    return explain::attack_direction<float>([this](const Variable<float>& x) { return logits(x); }, original_of(victim),
                                            label_of(victim));
  }
  Tensor<float> fgsm_of(const Tensor<float>& original, const Tensor<float>& gradient, double epsilon) const {
    return saved(
        explain::fgsm_step(original, gradient,
                           {.epsilon = length(epsilon, original), .norm = norm(), .targeted = settings_.target >= 0}),
        original, epsilon);
  }

  /// Random noise: uniform up to epsilon; in L2, normal with that root mean square.
  Tensor<float> noise_like(const Tensor<float>& original, double epsilon) {
    return settings_.l2 ? generator_.normal<float>(original.shape(), 0, epsilon / 255)
                        : generator_.uniform<float>(original.shape(), -epsilon / 255, epsilon / 255);
  }

  /// All attacks on one photo.
  void attack(Victim& victim, const std::vector<double>& epsilons) {
    const Tensor<float> original = original_of(victim), gradient = gradient_of(victim);
    for (const double epsilon : epsilons) {
      victim.fgsm[epsilon] = fools(fgsm_of(original, gradient, epsilon), victim);
      victim.noise[epsilon] = fools(saved(original + noise_like(original, epsilon), original, epsilon), victim);
    }
    for (const double epsilon : settings_.epsilons) {
      const auto moved =
          explain::pgd<float>([this](const Variable<float>& x) { return logits(x); }, original, label_of(victim),
                              {.epsilon = length(epsilon, original),
                               .norm = norm(),
                               .targeted = settings_.target >= 0,
                               .steps = settings_.pgd_steps});
      victim.pgd[epsilon] = fools(saved(moved, original, epsilon), victim);
    }
    find_smallest(victim, original, gradient);
  }

 private:
  /// The scan goes by whole grey levels; the first that fools is narrowed down without rounding.
  void find_smallest(Victim& victim, const Tensor<float>& original, const Tensor<float>& gradient) const {
    constexpr double largest = 16;
    const auto fools_at = [&](double epsilon) {
      return fools(
          explain::fgsm_step(original, gradient,
                             {.epsilon = length(epsilon, original), .norm = norm(), .targeted = settings_.target >= 0}),
          victim);
    };
    for (double k = 1; k <= largest && std::isinf(victim.smallest_bytes); ++k)
      if (fools(fgsm_of(original, gradient, k), victim)) victim.smallest_bytes = k;
    double low = 0;
    for (double k = 1; k <= largest && std::isinf(victim.smallest); ++k) {
      if (fools_at(k))
        victim.smallest = k;
      else
        low = k;
    }
    while (!std::isinf(victim.smallest) && victim.smallest - low > 0.02) {
      const double middle = (low + victim.smallest) / 2;
      (fools_at(middle) ? victim.smallest : low) = middle;
    }
  }

  const examples::PhotoNetwork& network_;
  const Settings& settings_;
  random::Generator generator_;
};

std::string text_of(double epsilon) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", epsilon);
  return buffer;
}

std::string percent(double share) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f %%", 100 * share);
  return buffer;
}

/// The share of victims for which an attack succeeded, by epsilon.
std::map<std::string, double> shares(const std::vector<Victim>& victims, const std::vector<double>& epsilons,
                                     std::map<double, bool> Victim::*attack) {
  std::map<std::string, double> out;
  for (const double epsilon : epsilons) {
    double count = 0;
    for (const Victim& victim : victims) count += (victim.*attack).at(epsilon) ? 1 : 0;
    out[text_of(epsilon)] = victims.empty() ? 0 : count / static_cast<double>(victims.size());
  }
  return out;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

/// Original, magnified change and fooling image of some victims, at the smallest whole epsilon that fools.
plot::Image sheet(const std::vector<Victim>& victims, const Attacker& attacker, const examples::PhotoNetwork& network) {
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  constexpr std::size_t shown = 6;
  const std::size_t count = std::min(shown, victims.size());
  const auto caption = [&](const std::string& what, const Tensor<float>& image) {
    const Index seen = attacker.predict(image);
    return what + "\n" + network.name_of(seen) + "\n" + percent(attacker.probability(image, seen));
  };
  for (std::size_t i = 0; i < count; ++i) {
    const Victim& victim = victims[i * victims.size() / count];
    const double epsilon = std::isinf(victim.smallest_bytes) ? 8 : victim.smallest_bytes;
    const Tensor<float> original = attacker.original_of(victim),
                        fooled = attacker.fgsm_of(original, attacker.gradient_of(victim), epsilon);
    Tensor<float> change = (fooled - original).clone();
    for (float& value : change.mutable_span()) value = 0.5f + value * static_cast<float>(255 / epsilon) * 0.45f;
    pictures.insert(pictures.end(), {io::to_bytes(original[0]), io::to_bytes(change[0]), io::to_bytes(fooled[0])});
    captions.push_back(caption("original", original));
    captions.push_back("change of " + text_of(epsilon) + "/255\nmagnified");
    captions.push_back(caption("with the change", fooled));
  }
  return plot::contact_sheet(pictures, captions,
                             {.title = "FGSM: the smallest change in whole grey levels", .columns = 6, .cell = 200});
}

plot::Image curve(const std::vector<double>& epsilons, const std::map<std::string, double>& fooled,
                  const std::map<std::string, double>& noise, double accuracy) {
  plot::Series fgsm{.name = "FGSM"}, control{.name = "random noise", .dashed = true};
  fgsm.x = control.x = {0};
  fgsm.y = control.y = {100 * accuracy};
  for (const double epsilon : epsilons) {
    fgsm.x.push_back(epsilon);
    control.x.push_back(epsilon);
    fgsm.y.push_back(100 * accuracy * (1 - fooled.at(text_of(epsilon))));
    control.y.push_back(100 * accuracy * (1 - noise.at(text_of(epsilon))));
  }
  return plot::line_chart({fgsm, control}, {.title = "Accuracy under attack",
                                            .x_label = "epsilon in grey levels",
                                            .y_label = "accuracy in %",
                                            .y_low = 0,
                                            .y_high = 100});
}

/// FGSM's smallest change of the first victim beside a picture of its class made from noise.
void add_comparison(const Settings& settings, const Attacker& attacker, const Victim& victim,
                    const Tensor<float>& portrait, const examples::PhotoNetwork& network,
                    const std::optional<examples::PhotoNetwork>& second, train::Report& report) {
  const double epsilon = std::isinf(victim.smallest_bytes) ? settings.epsilons.front() : victim.smallest_bytes;
  const Tensor<float> original = attacker.original_of(victim);
  fgsm::compare({.photo = original[0],
                 .fooling = attacker.fgsm_of(original, attacker.gradient_of(victim), epsilon)[0],
                 .epsilon = epsilon,
                 .portrait = portrait,
                 .class_index = victim.label},
                network, second, report);
}

int run(const examples::Program& program, const examples::Flags& flags, const examples::NetworkFlags& network_flags,
        const Settings& settings) {
  io::make_output_folder(program.out());
  const examples::PhotoNetwork network = examples::load_network(flags, network_flags);
  const std::vector<examples::Photo> photos =
      examples::load_photos(flags, settings.truth, network, flags.quick ? 12 : 0);
  const std::optional<examples::PhotoNetwork> second = examples::load_second_network(network_flags, network);
  Attacker attacker(network, settings, flags.seed);
  std::vector<double> epsilons = settings.epsilons;
  for (const double usual : {1.0, 2.0, 4.0, 8.0, 16.0}) epsilons.push_back(usual);
  std::sort(epsilons.begin(), epsilons.end());
  epsilons.erase(std::unique(epsilons.begin(), epsilons.end()), epsilons.end());

  std::vector<Victim> victims;
  for (const examples::Photo& photo : photos) {
    Victim victim{.photo = &photo};
    const Index seen = attacker.predict(attacker.original_of(victim));
    victim.label = photo.label >= 0 ? photo.label : seen;
    if (seen == victim.label && seen != settings.target) victims.push_back(victim);
  }
  std::fprintf(stderr, "%zu photos, %zu of them classified correctly\n", photos.size(), victims.size());
  Tensor<float> portrait;
  if (!settings.compare.empty()) {
    require(!victims.empty(), "--compare needs a photo that ", network.model, " classifies correctly; ",
            photos.empty() ? "there is none" : "it takes '" + photos[0].name + "' for another class");
    portrait = fgsm::portrait_of(settings.compare, network, victims.front().label, flags);
  }
  for (std::size_t i = 0; i < victims.size(); ++i) {
    attacker.attack(victims[i], epsilons);
    if ((i + 1) % 20 == 0) std::fprintf(stderr, "%zu of %zu attacked\n", i + 1, victims.size());
  }

  std::vector<double> smallest, smallest_bytes;
  std::map<std::string, double> by_photo;
  std::vector<std::vector<std::string>> rows;
  for (const Victim& victim : victims) {
    smallest.push_back(victim.smallest);
    smallest_bytes.push_back(victim.smallest_bytes);
    by_photo[victim.photo->name] = victim.smallest;
    rows.push_back({victim.photo->name, network.name_of(victim.label),
                    std::isinf(victim.smallest) ? "-" : text_of(victim.smallest),
                    std::isinf(victim.smallest_bytes) ? "-" : text_of(victim.smallest_bytes)});
  }
  const auto fooled = shares(victims, epsilons, &Victim::fgsm), noise = shares(victims, epsilons, &Victim::noise),
             pgd = shares(victims, settings.epsilons, &Victim::pgd);
  train::Report report("Fooling a network",
                       "FGSM and PGD against " + network.model +
                           ": an attack counts where the saved 8-bit picture is taken for another class.");
  report.set("model", network.model);
  report.set("images", photos.size());
  report.set("correct", victims.size());
  report.set("fooled_at", fooled);
  report.set("pgd_fooled_at", pgd);
  report.set("noise_fooled_at", noise);
  report.set("median_smallest_epsilon", median(smallest));
  report.set("median_smallest_epsilon_8bit", median(smallest_bytes));
  report.set("smallest_epsilon", by_photo);
  report.set("norm", std::string(settings.l2 ? "l2" : "linf"));
  report.set("target", settings.target);
  program.add_common_figures(report);
  const double accuracy = photos.empty() ? 0 : static_cast<double>(victims.size()) / static_cast<double>(photos.size());
  report.picture("Accuracy", "curve.png", curve(epsilons, fooled, noise, accuracy),
                 "Share of photos that are still classified correctly.");
  if (!victims.empty())
    report.picture("Pictures", "sheet.png", sheet(victims, attacker, network),
                   "Original, change (magnified, grey is none), and what the network sees then.");
  if (!settings.compare.empty()) add_comparison(settings, attacker, victims.front(), portrait, network, second, report);
  report.table("Smallest epsilon of each photo, in grey levels", {"photo", "class", "smallest", "smallest, 8 bits"},
               rows);
  report.save(program.out());
  const std::string main_epsilon = text_of(settings.epsilons.front());
  std::printf(
      "%zu of %zu correct; at %s/255 FGSM fools %s, PGD %s, noise %s; median smallest epsilon %.2f/255\nresults are in "
      "%s (open %s/report.html)\n",
      victims.size(), photos.size(), main_epsilon.c_str(), percent(fooled.at(main_epsilon)).c_str(),
      percent(pgd.at(main_epsilon)).c_str(), percent(noise.at(main_epsilon)).c_str(), median(smallest),
      flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("fgsm", "Fools a network by changes that nobody sees: FGSM and PGD.");
  examples::NetworkFlags network;
  Settings settings;
  network.add_to(program.app());
  network.add_second_to(program.app());
  program.app().add_option(
      "--truth", settings.truth,
      "CSV file with the columns file and class_index (default: what the network sees is taken for true)");
  program.app()
      .add_option("--epsilon", settings.epsilons, "largest change, in 1/255; more than one may be given")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 255.0));
  program.app()
      .add_option("--target", settings.target, "the class that the network shall see (default: any other)")
      ->check(CLI::NonNegativeNumber);
  program.app().add_option("--compare", settings.compare,
                           "picture of the same class by class_visualization, to set beside the first photo's attack; "
                           "made first if the file isn't there");
  program.app().add_flag("--l2", settings.l2,
                         "epsilon is the root mean square of the change instead of its largest value");
  program.app()
      .add_option("--pgd-steps", settings.pgd_steps, "steps of PGD")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  return program.run(argc, argv, [&] { return run(program, program.flags(), network, settings); });
}
