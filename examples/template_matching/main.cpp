/// Finds templates in pictures by a network's features, and measures that against matching of pixels.
///
///     template_matching --weights squeezenet1_1.safetensors --pairs FOLDER/pairs.csv
///
/// pairs.csv: template_image,tx,ty,tw,th,search_image,gx,gy,gw,gh; the pictures lie beside it. Without --weights,
/// sheets of drawn digits are searched with the features of a small network that learns digits first.
#include <fstream>
#include <functional>
#include <map>
#include <numeric>

#include <kashi/plot/boxes.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>

#include "template_matching/baselines.hpp"

using namespace kashi;
using matching::Answer;
using matching::Pair;

namespace {

/// What the methods look at: a pair, and its maps at the size that fits the template and at the pictures' own.
struct Input {
  const Pair& pair;
  const matching::Maps& fitted;
  const matching::Maps& unscaled;
};

enum class Sees { pixels, fitted, unscaled };

struct Method {
  std::string name;
  std::string published;  ///< success AUC on the whole sets of BBS and KTM (Gao & Spratling 2021), "" if there is none
  Sees sees;
  std::function<Answer(const Input&)> run;
  std::vector<Answer> answers{};
  double seconds = 0;

  std::vector<double> overlaps() const {
    std::vector<double> out;
    for (const Answer& answer : answers) out.push_back(answer.overlap);
    return out;
  }
  double mean_overlap() const {
    const std::vector<double> all = overlaps();
    return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
  }
};

/// The best first; each has one setting for all pairs.
std::vector<Method> all_methods() {
  using namespace matching;
  const auto ours = [](vision::FeatureMatchOptions options) {
    return [options](const Input& in) { return by_features(in.pair, in.fitted, options); };
  };
  const auto pixels = [](vision::Similarity similarity) {
    return [similarity](const Input& in) { return by_pixels(in.pair, similarity); };
  };
  return {{"features, foreground and rivals", "", Sees::fitted, ours({})},
          {"features, foreground", "", Sees::fitted, ours({.candidates = 1})},
          {"features, rivals", "", Sees::fitted, ours({.surroundings = 0})},
          {"features, NCC", "0.67 / 0.67", Sees::fitted, ours({.surroundings = 0, .candidates = 1})},
          {"features, NCC, two layers", "0.63 / -", Sees::fitted,
           [](const Input& in) { return by_ncc(in.pair, cells_of(in.pair, in.fitted, 2, 8)); }},
          {"features, plain NCC", "", Sees::unscaled,
           [](const Input& in) { return by_ncc(in.pair, cells_of(in.pair, in.unscaled, 2, 8)); }},
          {"features, QATM", "0.66 / 0.64", Sees::fitted,
           [](const Input& in) { return by_qatm(in.pair, cells_of(in.pair, in.fitted, 2, 8), 25); }},
          {"features, DDIS", "0.66 / 0.68", Sees::fitted,
           [](const Input& in) { return by_ddis(in.pair, cells_of(in.pair, in.fitted, 2, 8)); }},
          {"features, DIM", "0.73 / 0.71", Sees::fitted,
           [](const Input& in) { return by_dim(in.pair, cells_of(in.pair, in.fitted, 2, 5), false); }},
          {"pixels, DIM", "0.69 / 0.60", Sees::pixels,
           [](const Input& in) { return by_dim(in.pair, pixel_cells(in.pair, 10), true); }},
          {"pixels, DDIS", "0.64 / 0.63", Sees::pixels, [](const Input& in) { return by_pixel_ddis(in.pair); }},
          {"pixels, ZNCC", "0.54 / 0.48", Sees::pixels, pixels(vision::Similarity::zncc)},
          {"pixels, NCC", "0.48 / 0.42", Sees::pixels, pixels(vision::Similarity::ncc)},
          {"pixels, SSD", "0.46 / 0.42", Sees::pixels, pixels(vision::Similarity::ssd)}};
}

/// Runs the methods on all pairs; a method's time holds that of the maps it looks at.
void run_all(std::vector<Method>& methods, const std::vector<Pair>& pairs, examples::PhotoNetwork& network,
             const examples::Program& program) {
  const auto timed = [&](double& seconds, const auto& work) {
    const double start = program.seconds();
    auto out = work();
    seconds = program.seconds() - start;
    return out;
  };
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Pair& pair = pairs[i];
    double fitted_seconds = 0, unscaled_seconds = 0, seconds = 0;
    const auto fitted =
        timed(fitted_seconds, [&] { return matching::maps_of(pair, network, matching::fitting_scale(pair)); });
    const auto unscaled = timed(unscaled_seconds, [&] { return matching::maps_of(pair, network, 1); });
    for (Method& method : methods) {
      method.answers.push_back(timed(seconds, [&] { return method.run({pair, fitted, unscaled}); }));
      method.answers.back().overlap = vision::iou(method.answers.back().box, pair.truth);
      method.seconds += seconds + (method.sees == Sees::fitted     ? fitted_seconds
                                   : method.sees == Sees::unscaled ? unscaled_seconds
                                                                   : 0.0);
    }
    if ((i + 1) % 10 == 0) std::fprintf(stderr, "%zu of %zu pairs\n", i + 1, pairs.size());
  }
  for (Method& method : methods) method.seconds /= static_cast<double>(pairs.size());
}

std::string number(double value, const char* format = "%.3f") {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

/// What the features of all windows of a picture cost, each window by itself (some of them measured) and all in one
/// pass.
struct WindowCost {
  Index windows = 0;
  double one_by_one = 0;  ///< seconds
  double one_pass = 0;    ///< seconds
};

WindowCost cost_of_windows(const Pair& pair, examples::PhotoNetwork& network, const examples::Program& program) {
  constexpr Index measured = 20;
  const double scale = matching::fitting_scale(pair);
  const auto maps = matching::maps_of(pair, network, scale);
  const auto grids = matching::cells_of(pair, maps, 1, 8).grids;
  const Tensor<float> picture = models::normalize_for(matching::resized(pair.search_picture, scale), network.preset);
  const auto layers = matching::layers_of(network.model, network.preset);
  const auto side = [&](double length, Index whole) {
    return std::clamp<Index>(std::lround(length * scale), 32, whole);
  };
  const Index rows = side(pair.box.height, picture.size(0)), columns = side(pair.box.width, picture.size(1));
  WindowCost out{.windows = (grids.search.rows - grids.rows + 1) * (grids.search.columns - grids.columns + 1)};
  double start = program.seconds();
  for (Index i = 0; i < measured; ++i) {
    const Index y = (picture.size(0) - rows) * i / measured, x = (picture.size(1) - columns) * i / measured;
    vision::feature_maps(network.net, layers, narrow(narrow(picture, 0, y, y + rows), 1, x, x + columns).clone());
  }
  out.one_by_one = (program.seconds() - start) / static_cast<double>(measured) * static_cast<double>(out.windows);
  start = program.seconds();
  vision::feature_maps(network.net, layers, picture);
  out.one_pass = program.seconds() - start;
  return out;
}

/// A row for every pair: its IoU with every method.
void save_overlaps(const std::filesystem::path& file, const std::vector<Pair>& pairs,
                   const std::vector<Method>& methods) {
  std::ofstream out(file);
  out << "search_image";
  for (const Method& method : methods) out << ",\"" << method.name << '"';
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    out << '\n' << pairs[i].name;
    for (const Method& method : methods) out << ',' << number(method.answers[i].overlap);
  }
  out << '\n';
  require<IoError>(out.good(), "'", file.string(), "' can't be written");
}

/// The first pairs in an order and the last ones: template, and what was found.
plot::Image sheet(const std::vector<Pair>& pairs, const std::vector<Answer>& answers) {
  constexpr std::size_t shown = 4;
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return answers[a].overlap > answers[b].overlap; });
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  const auto frame = [](const vision::Box& box) { return plot::Rectangle{box.x, box.y, box.width, box.height}; };
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i >= shown && i + shown < order.size()) continue;
    const Pair& pair = pairs[order[i]];
    const Answer& answer = answers[order[i]];
    plot::Canvas from(io::to_bytes(pair.template_picture)), to(io::to_bytes(pair.search_picture));
    plot::draw_box(from, frame(pair.box), "template");
    plot::draw_box(to, frame(pair.truth), "", {.color = plot::series_color(2), .thickness = 4});
    plot::draw_box(to, frame(answer.box), number(answer.score, "%.2f"));
    pictures.insert(pictures.end(), {from.image(), to.image()});
    captions.insert(captions.end(), {pair.name, "IoU " + number(answer.overlap, "%.2f")});
  }
  return plot::contact_sheet(pictures, captions, {.title = "The best and the worst pairs", .columns = 4, .cell = 260});
}

int evaluate(const examples::Program& program, const examples::Flags& flags, const std::vector<Pair>& pairs,
             examples::PhotoNetwork& network) {
  std::vector<Method> methods = all_methods();
  run_all(methods, pairs, network, program);
  std::vector<std::vector<std::string>> rows;
  std::vector<plot::Series> curves;
  std::map<std::string, std::map<std::string, double>> figures;
  for (const Method& method : methods) {
    const double auc = vision::success_auc(method.overlaps());
    std::fprintf(stderr, "%s: AUC %.3f over %zu pairs\n", method.name.c_str(), auc, pairs.size());
    figures[method.name] = {{"auc", auc}, {"mean_iou", method.mean_overlap()}, {"seconds_per_pair", method.seconds}};
    rows.push_back({method.name, number(auc), number(method.mean_overlap()), number(method.seconds), method.published});
    plot::Series curve{.name = method.name, .y = vision::success_curve(method.overlaps())};
    curve.dashed = curves.size() >= 7;  // there are seven colours
    for (int i = 0; i <= 20; ++i) curve.x.push_back(i / 20.0);
    curves.push_back(curve);
  }
  const Method& best = methods.front();
  train::Report report("Template matching", "Where is the template? " + std::to_string(pairs.size()) +
                                                " pairs of pictures, features of " + network.model + ".");
  report.set("pairs", pairs.size());
  report.set("method", best.name);
  report.set("mean_iou", best.mean_overlap());
  report.set("auc", figures[best.name]["auc"]);
  report.set("auc_pixel_ncc", figures["pixels, NCC"]["auc"]);
  report.set("seconds_per_pair", best.seconds);
  report.set("methods", figures);
  report.set("model", network.model);
  const WindowCost cost = cost_of_windows(pairs.front(), network, program);
  report.set("windows", cost.windows);
  report.set("seconds_windows_one_by_one", cost.one_by_one);
  report.set("seconds_windows_one_pass", cost.one_pass);
  program.add_common_figures(report);
  report.headline("auc", {.label = "success AUC"});
  report.headline("auc_pixel_ncc", {.label = "success AUC of pixels, NCC"});
  report.table("Methods", {"method", "success AUC", "mean IoU", "seconds a pair", "published, BBS / KTM"}, rows);
  report.picture(
      "Success", "success.png",
      plot::line_chart(
          curves,
          {.title = "Success", .x_label = "IoU with the truth", .y_label = "share of pairs", .y_low = 0, .y_high = 1}),
      "Share of pairs whose overlap reaches a threshold.");
  report.picture("Pairs", "pairs.png", sheet(pairs, best.answers), "Thin: found, with its score. Thick: the truth.");
  save_overlaps(program.out() / "pairs.csv", pairs, methods);
  report.save(program.out());
  std::printf(
      "%zu pairs: success AUC %.3f, mean IoU %.3f, %.2f s a pair; NCC of pixels %.3f\nresults are in %s (open "
      "%s/report.html)\n",
      pairs.size(), figures[best.name]["auc"], best.mean_overlap(), best.seconds, figures["pixels, NCC"]["auc"],
      flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program(
      "template_matching",
      "Finds templates in pictures by a network's features, and measures that against matching of pixels.");
  examples::NetworkFlags network_flags;
  std::string pairs;
  network_flags.add_to(program.app());
  program.app().add_option("--pairs", pairs, "CSV file of pairs: template_image,tx,ty,tw,th,search_image,gx,gy,gw,gh");
  return program.run(argc, argv, [&] {
    io::make_output_folder(program.out());
    const std::vector<Pair> loaded = pairs.empty() ? matching::drawn_pairs(program.flags().seed)
                                                   : matching::load_pairs(pairs, program.flags().quick ? 8 : 0);
    examples::PhotoNetwork network = examples::load_network(program.flags(), network_flags);
    return evaluate(program, program.flags(), loaded, network);
  });
}
