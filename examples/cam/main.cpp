/// Where a network looks: class activation maps of photographs by every method, side by side.
///
///     cam --weights squeezenet1_1.safetensors flamingo.jpg
///     cam --weights squeezenet1_1.safetensors --target "sports car" --methods grad-cam,shap-cam street.jpg
///     cam --weights squeezenet1_1.safetensors --data PHOTOS --compare
///     cam --weights mobilenet_v2.safetensors --model mobilenet_v2 --preset tf --data PHOTOS
#include <cstdio>

#include <kashi/io/image.hpp>

#include "cam/comparison.hpp"
#include "cam/digit_variants.hpp"

using namespace kashi;

namespace {

/// The pictures that are named on the command line, or those of --data.
std::vector<examples::Photo> photos_of(const examples::Flags& flags, const cam::Settings& settings,
                                       const examples::PhotoNetwork& network) {
  const Index limit = settings.limit > 0 ? settings.limit : flags.quick ? 4 : flags.data.empty() ? 12 : 0;
  if (settings.pictures.empty()) return examples::load_photos(flags, settings.truth, network, limit);
  std::vector<examples::Photo> out;
  for (const std::string& picture : settings.pictures) {
    examples::Flags one = flags;
    one.data = picture;
    for (examples::Photo& photo : examples::load_photos(one, settings.truth, network)) out.push_back(std::move(photo));
  }
  return out;
}

/// Evaluates the maps of all pictures, some of them closely.
void evaluate(cam::Evaluation& evaluation, const std::vector<cam::PictureMaps>& close, train::Report& report) {
  for (std::size_t i = 0; i < close.size(); ++i) {
    evaluation.measure_closely(close[i]);
    std::fprintf(stderr, "%zu of %zu measured closely\n", i + 1, close.size());
  }
  for (std::size_t i = 0; i + 4 <= close.size(); i += 4) evaluation.measure_mosaic(std::span(close).subspan(i, 4));
  evaluation.write(report);
}

void compare(examples::PhotoNetwork& network, const std::vector<cam::PictureMaps>& pictures,
             const cam::Settings& settings, const examples::Flags& flags, train::Report& report) {
  cam::Comparison comparison(network, settings, flags.seed, flags.quick);
  comparison.sweep_permutations(report, pictures);
  std::fprintf(stderr, "compared by permutations\n");
  comparison.steps_behind(report, pictures);
  std::fprintf(stderr, "compared without gradients\n");
  std::list<examples::PhotoNetwork> others;
  std::vector<cam::Variant> variants =
      flags.weights.empty() ? cam::digit_variants(network, flags, others)
                            : cam::filtered_variants(network, settings.layer.empty() ? network.layer : settings.layer);
  if (flags.weights.empty()) variants.push_back(cam::rough_variant(network, network.layer));
  comparison.sensitive_networks(report, pictures, std::move(variants));
}

int run(const examples::Program& program, examples::Flags flags, const examples::NetworkFlags& network_flags,
        const cam::Settings& settings) {
  io::make_output_folder(program.out());
  for (const std::string& method : settings.methods) explain::method_named(method);  // an unknown one is told at once
  for (const std::string& picture : settings.pictures)
    require<IoError>(std::filesystem::exists(picture), "cannot read '", picture, "'");
  if (flags.data.empty() && !settings.pictures.empty()) flags.data = settings.pictures.front();
  examples::PhotoNetwork network = examples::load_network(flags, network_flags);
  const Index target = settings.target.empty() ? -1 : cam::class_named(network, settings.target);
  std::vector<cam::Explainer> explainers = cam::explainers(settings, flags, network);
  const std::vector<examples::Photo> photos = photos_of(flags, settings, network);
  const bool is_single = photos.size() == 1, measures = !is_single && !settings.no_metrics;
  const std::size_t methods = explainers.size();
  if (measures)
    for (cam::Explainer& explainer : cam::baselines(flags.seed)) explainers.push_back(std::move(explainer));

  cam::Evaluation evaluation(network, explainers, flags.seed, flags.quick ? 8 : settings.steps);
  const std::size_t shown = std::min<std::size_t>(8, photos.size()),
                    closely = static_cast<std::size_t>(settings.closely >= 0 ? settings.closely
                                                       : flags.quick         ? 2
                                                                             : 8);
  std::vector<cam::PictureMaps> on_sheet, close;
  std::map<std::string, double> seconds, probabilities;
  std::map<std::string, std::string> classes;
  for (std::size_t i = 0; i < photos.size(); ++i) {
    const examples::Photo& photo = photos[i];
    cam::PictureMaps picture = cam::explain_picture(photo, network, explainers, target);
    for (std::size_t m = 0; m < methods; ++m)
      seconds[explainers[m].name] += picture.seconds[m] / static_cast<double>(photos.size());
    probabilities[photo.name] = picture.probability;
    classes[photo.name] = network.name_of(picture.class_index);
    if (measures) evaluation.measure(picture);
    // Spread evenly over the folder.
    if (on_sheet.size() < shown && i * shown / photos.size() >= on_sheet.size()) on_sheet.push_back(picture);
    if (close.size() < std::min(closely, photos.size()) && i * closely / photos.size() >= close.size())
      close.push_back(std::move(picture));
    if ((i + 1) % 10 == 0) std::fprintf(stderr, "%zu of %zu pictures\n", i + 1, photos.size());
  }

  train::Report report("Where a network looks",
                       "Maps of " + network.model + " by " + std::to_string(methods) + " methods.");
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t m = 0; m < methods; ++m) {
    names.push_back(explainers[m].name);
    rows.push_back({explainers[m].name, cam::time_of(seconds[explainers[m].name])});
  }
  report.set("model", network.model);
  report.set("layer", settings.layer.empty() ? network.layer : settings.layer);
  report.set("images", photos.size());
  report.set("methods", names);
  report.set("classes", classes);
  report.set("probabilities", probabilities);
  report.set("seconds_per_map", seconds);
  report.picture("Maps", "sheet.png",
                 is_single ? cam::picture_sheet(on_sheet[0], explainers, network)
                           : cam::folder_sheet(on_sheet, explainers, network),
                 "Bright is what speaks for the class; each map is scaled by its own largest value.");
  report.table("Time a map", {"method", "time"}, rows);
  if (measures) evaluate(evaluation, close, report);
  if (settings.compare) compare(network, close, settings, flags, report);
  program.add_common_figures(report);
  report.save(program.out());
  std::printf("%zu pictures, %zu methods\nresults are in %s (open %s/report.html)\n", photos.size(), methods,
              flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("cam", "Where a network looks: class activation maps by every method, side by side.");
  examples::NetworkFlags network;
  cam::Settings settings;
  network.add_to(program.app());
  program.app().add_option("picture", settings.pictures, "photographs (or a folder: --data)");
  program.app().add_option("--truth", settings.truth, "CSV file with the columns file and class_index");
  program.app().add_option("--target", settings.target,
                           "the class to explain, by name or number (default: what the network sees)");
  program.app().add_option(
      "--layer", settings.layer,
      "the layer whose map is explained, by its dotted name (default: the last one that gives a map)");
  program.app()
      .add_option("--methods", settings.methods,
                  "some of: cam, grad-cam, grad-cam++, hires-cam, xgrad-cam, layer-cam, score-cam, ablation-cam, "
                  "eigen-cam, shap-cam, integrated-gradients, smooth-grad (default: all)")
      ->delimiter(',');
  program.app()
      .add_option("--limit", settings.limit, "at most so many pictures of a folder")
      ->check(CLI::PositiveNumber);
  program.app()
      .add_option("--closely", settings.closely,
                  "pictures of a folder on which the costly metrics are measured (default: 8)")
      ->check(CLI::NonNegativeNumber);
  program.app()
      .add_option("--steps", settings.steps, "points of the insertion and deletion curves but for the first")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  program.app().add_flag("--no-metrics", settings.no_metrics, "only maps, no measurements");
  program.app().add_flag(
      "--compare", settings.compare,
      "Grad-CAM against Shap-CAM: by permutations, without gradients, on networks of different sensitivity");
  program.app()
      .add_option("--permutations", settings.permutations, "orders that Shap-CAM draws; an even number")
      ->capture_default_str()
      ->check(CLI::Range(2, 100000));
  return program.run(argc, argv, [&] { return run(program, program.flags(), network, settings); });
}
