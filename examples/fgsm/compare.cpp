#include "compare.hpp"

#include <cstdio>
#include <map>

#include <kashi/explain/gradient_cam.hpp>
#include <kashi/io/image.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/heatmap.hpp>
#include <kashi/plot/line_chart.hpp>

#include "common/visualization.hpp"

namespace fgsm {

using namespace kashi;

namespace {

std::string format(const char* how, double value) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, how, value);
  return buffer;
}

struct Opinion {
  double of_class = 0;  ///< probability of the class that is compared
  Index seen = 0;
  double of_seen = 0;
};

Opinion ask(const examples::PhotoNetwork& network, const Tensor<float>& seen, Index class_index) {
  const Tensor<float> p = network.probabilities(seen);
  const Index top = argmax(p, 0).item();
  return {static_cast<double>(p(class_index)), top, static_cast<double>(p(top))};
}

Tensor<float> grad_cam_of(const examples::PhotoNetwork& network, const Tensor<float>& seen, Index class_index) {
  nn::Sequential<float> net = network.net;  // shares the layers
  return explain::grad_cam(
             explain::layer_gradient(net, network.layer, models::normalize_for(seen, network.preset), class_index))
      .shown(seen.size(0), seen.size(1));
}

/// Pearson's correlation of two maps; 0 if one is flat.
double correlation(const Tensor<float>& a, const Tensor<float>& b) {
  const double mean_a = static_cast<double>(mean(a).item()), mean_b = static_cast<double>(mean(b).item());
  double ab = 0, aa = 0, bb = 0;
  for (Index i = 0; i < a.numel(); ++i) {
    const double da = static_cast<double>(a.data()[i]) - mean_a, db = static_cast<double>(b.data()[i]) - mean_b;
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

/// How far an image moved from where it began.
struct Change {
  Tensor<float> difference;
  double rms = 0;      ///< in grey levels
  double largest = 0;  ///< in grey levels
  explain::FrequencyEnergy energy{};
};

Change change_between(const Tensor<float>& start, const Tensor<float>& end) {
  Change out{.difference = end - start};
  for (const float value : out.difference.span()) {
    const double levels = 255 * std::abs(static_cast<double>(value));
    out.rms += levels * levels;
    out.largest = std::max(out.largest, levels);
  }
  out.rms = std::sqrt(out.rms / static_cast<double>(end.numel()));
  out.energy = explain::energy_by_frequency(out.difference);
  return out;
}

plot::Image spectra(const Change& fooling, const Change& portrait, const Tensor<float>& photo) {
  const auto series = [](const std::string& name, const explain::FrequencyEnergy& energy, bool dashed) {
    plot::Series out{.name = name};
    out.y = energy.mean;
    out.dashed = dashed;
    for (std::size_t ring = 0; ring < out.y.size(); ++ring)
      out.x.push_back((static_cast<double>(ring) + 0.5) / static_cast<double>(out.y.size()));
    return out;
  };
  return plot::line_chart(
      {series("change by FGSM", fooling.energy, false), series("class picture less grey", portrait.energy, false),
       series("the photo itself", explain::energy_by_frequency(photo), true)},
      {.title = "Energy by frequency", .x_label = "frequency (1 is Nyquist)", .y_label = "mean energy", .log_y = true});
}

}  // namespace

Tensor<float> portrait_of(const std::filesystem::path& file, const examples::PhotoNetwork& network, Index class_index,
                          const examples::Flags& flags) {
  if (!std::filesystem::exists(file)) {
    std::fprintf(stderr, "%s is not there: a picture of %s is made first\n", file.c_str(),
                 network.name_of(class_index).c_str());
    if (file.has_parent_path()) io::make_output_folder(file.parent_path());
    io::save_png(file, examples::class_picture(network, class_index,
                                               examples::visualization_method("spectrum", network, flags)));
  }
  const Tensor<float> seen = network.see(io::load_image_float(file, {.channels = 3}));
  const Opinion opinion = ask(network, seen, class_index);
  require(opinion.seen == class_index, "'", file.string(), "' is taken for ", network.name_of(opinion.seen),
          ", the photo for ", network.name_of(class_index), "; both parts of the comparison need one class");
  return seen;
}

void compare(const Pair& pair, const examples::PhotoNetwork& network,
             const std::optional<examples::PhotoNetwork>& second, train::Report& report) {
  const Opinion photo = ask(network, pair.photo, pair.class_index),
                fooling = ask(network, pair.fooling, pair.class_index),
                portrait = ask(network, pair.portrait, pair.class_index);
  const auto second_of = [&](const Tensor<float>& image) {
    return second ? ask(*second, image, pair.class_index) : Opinion{};
  };
  const Opinion photo_second = second_of(pair.photo), fooling_second = second_of(pair.fooling),
                portrait_second = second_of(pair.portrait);
  const Change by_fgsm = change_between(pair.photo, pair.fooling),
               by_ascent = change_between(Tensor<float>::full(pair.portrait.shape(), 0.5f), pair.portrait);

  const Tensor<float> photo_map = grad_cam_of(network, pair.photo, pair.class_index),
                      fooling_map = grad_cam_of(network, pair.fooling, pair.class_index);
  const Tensor<float> new_map = grad_cam_of(network, pair.fooling, fooling.seen),
                      portrait_map = grad_cam_of(network, pair.portrait, pair.class_index);
  const double same_place = correlation(photo_map, fooling_map);

  const std::string name = network.name_of(pair.class_index), other = network.name_of(fooling.seen);
  Tensor<float> magnified = by_fgsm.difference.clone();
  for (float& value : magnified.mutable_span()) value = 0.5f + value * static_cast<float>(255 / pair.epsilon) * 0.45f;
  const auto seen_by = [&](const std::string& what, const Opinion& first, const Opinion& opinion_second) {
    return what + "\n" + network.name_of(first.seen) + " " + format("%.1f %%", 100 * first.of_seen) +
           (second ? "\n" + second->model + ": " + network.name_of(opinion_second.seen) + " " +
                         format("%.1f %%", 100 * opinion_second.of_seen)
                   : "");
  };
  const auto shown = [](const Tensor<float>& image) { return io::to_bytes(image); };
  const std::vector<plot::Image> pictures{shown(pair.photo),
                                          shown(magnified),
                                          shown(pair.fooling),
                                          shown(pair.portrait),
                                          plot::overlay(shown(pair.photo), photo_map),
                                          plot::overlay(shown(pair.fooling), fooling_map),
                                          plot::overlay(shown(pair.fooling), new_map),
                                          plot::overlay(shown(pair.portrait), portrait_map)};
  const std::vector<std::string> captions{seen_by("the photo", photo, photo_second),
                                          "change of " + format("%g", pair.epsilon) + "/255, magnified",
                                          seen_by("the photo with the change", fooling, fooling_second),
                                          seen_by("picture of the class", portrait, portrait_second),
                                          "Grad-CAM, photo\n" + name,
                                          "Grad-CAM, changed photo\n" + name,
                                          "Grad-CAM, changed photo\n" + other,
                                          "Grad-CAM, class picture\n" + name};
  report.picture(
      "Two ways to move an image", "comparison.png",
      plot::contact_sheet(
          pictures, captions,
          {.title = name + ": made from noise, and a photo that is no longer one", .columns = 4, .cell = 224}),
      "Above: the photo, FGSM's change (grey is none), the result, and the picture made from noise. Below: where the "
      "network looks.");
  report.picture(
      "Two ways to move an image", "spectra.png", spectra(by_fgsm, by_ascent, pair.photo),
      "Brightness only. FGSM's change has as much fine as coarse structure; the class picture falls off like a photo.");

  const std::string no_second = "-";
  report.table(
      "Two ways to move an image", {"", "class picture", "FGSM"},
      {{"start", "noise around grey", "a photo of the class"},
       {"objective", "logit of the class", "cross-entropy of the class"},
       {"step", "up the gradient (Adam on a spectrum)", "up the loss: along the gradient's sign"},
       {"constraint", "colours in [0,1]; seen from random views",
        "at most " + format("%g", pair.epsilon) + "/255 a value"},
       {"steps", "many", "one"},
       {"root mean square of the change, grey levels", format("%.1f", by_ascent.rms), format("%.2f", by_fgsm.rms)},
       {"largest change, grey levels", format("%.0f", by_ascent.largest), format("%.0f", by_fgsm.largest)},
       {"probability of " + name + " in " + network.model, format("%.4f", portrait.of_class),
        format("%.4f", photo.of_class) + " before, " + format("%.4f", fooling.of_class) + " after"},
       {"probability in " + (second ? second->model : std::string("a second network")),
        second ? format("%.4f", portrait_second.of_class) : no_second,
        second
            ? format("%.4f", photo_second.of_class) + " before, " + format("%.4f", fooling_second.of_class) + " after"
            : no_second},
       {"energy of the change above half Nyquist", format("%.1f %%", 100 * by_ascent.energy.high_share()),
        format("%.1f %%", 100 * by_fgsm.energy.high_share())},
       {"Grad-CAM", "on the shapes that were drawn", "correlation before and after " + format("%.2f", same_place)}});

  std::map<std::string, double> figures{
      {"epsilon", pair.epsilon},
      {"photo_probability", photo.of_class},
      {"fgsm_probability", fooling.of_class},
      {"fgsm_seen_class", static_cast<double>(fooling.seen)},
      {"visualization_probability", portrait.of_class},
      {"fgsm_rms_levels", by_fgsm.rms},
      {"visualization_rms_levels", by_ascent.rms},
      {"fgsm_largest_levels", by_fgsm.largest},
      {"visualization_largest_levels", by_ascent.largest},
      {"fgsm_high_frequency_share", by_fgsm.energy.high_share()},
      {"visualization_high_frequency_share", by_ascent.energy.high_share()},
      {"photo_high_frequency_share", explain::energy_by_frequency(pair.photo).high_share()},
      {"grad_cam_correlation", same_place}};
  if (second) {
    figures["photo_second_probability"] = photo_second.of_class;
    figures["fgsm_second_probability"] = fooling_second.of_class;
    figures["visualization_second_probability"] = portrait_second.of_class;
  }
  report.set("comparison", figures);
}

}  // namespace fgsm
