/// Finds templates in pictures by a network's features, and measures that against matching of pixels.
///
///     template_matching --weights squeezenet1_1.safetensors --pairs FOLDER/pairs.csv
///
/// pairs.csv: template_image,tx,ty,tw,th,search_image,gx,gy,gw,gh; the pictures lie beside it. Without --weights, sheets of drawn
/// digits are searched with the features of a small network that learns digits first.
#include <functional>
#include <map>
#include <numeric>

#include <kashi/plot/boxes.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>

#include "template_matching/matchers.hpp"

using namespace kashi;
using matching::Answer;
using matching::Pair;

namespace {

struct Method {
  std::string name;
  std::function<Answer(const Pair&)> run;
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

/// The best first; its settings are the same for all pairs.
std::vector<Method> methods_for(examples::PhotoNetwork& network) {
  const auto features = [&network](Index rivals) { return [&network, rivals](const Pair& pair) { return matching::by_features(pair, network, rivals); }; };
  const auto pixels = [](vision::Similarity similarity) { return [similarity](const Pair& pair) { return matching::by_pixels(pair, similarity); }; };
  return {{"features, NCC with rivals", features(5)},
          {"features, NCC", features(0)},
          {"pixels, ZNCC", pixels(vision::Similarity::zncc)},
          {"pixels, NCC", pixels(vision::Similarity::ncc)},
          {"pixels, SSD", pixels(vision::Similarity::ssd)}};
}

std::string number(double value, const char* format = "%.3f") {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

/// The first pairs in an order and the last ones: template, and what was found.
plot::Image sheet(const std::vector<Pair>& pairs, const std::vector<Answer>& answers) {
  constexpr std::size_t shown = 4;
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return answers[a].overlap > answers[b].overlap; });
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

int evaluate(const examples::Program& program, const examples::Flags& flags, const std::vector<Pair>& pairs, examples::PhotoNetwork& network) {
  std::vector<Method> methods = methods_for(network);
  std::vector<std::vector<std::string>> rows;
  std::vector<plot::Series> curves;
  std::map<std::string, std::map<std::string, double>> figures;
  for (Method& method : methods) {
    const double start = program.seconds();
    for (const Pair& pair : pairs) {
      method.answers.push_back(method.run(pair));
      method.answers.back().overlap = vision::iou(method.answers.back().box, pair.truth);
    }
    method.seconds = (program.seconds() - start) / static_cast<double>(pairs.size());
    const double auc = vision::success_auc(method.overlaps());
    std::fprintf(stderr, "%s: AUC %.3f over %zu pairs\n", method.name.c_str(), auc, pairs.size());
    figures[method.name] = {{"auc", auc}, {"mean_iou", method.mean_overlap()}, {"seconds_per_pair", method.seconds}};
    rows.push_back({method.name, number(auc), number(method.mean_overlap()), number(method.seconds)});
    plot::Series curve{.name = method.name, .y = vision::success_curve(method.overlaps())};
    for (int i = 0; i <= 20; ++i) curve.x.push_back(i / 20.0);
    curves.push_back(curve);
  }
  const Method& best = methods.front();
  train::Report report("Template matching", "Where is the template? " + std::to_string(pairs.size()) + " pairs of pictures, features of " + network.model + ".");
  report.set("pairs", pairs.size());
  report.set("method", best.name);
  report.set("mean_iou", best.mean_overlap());
  report.set("auc", figures[best.name]["auc"]);
  report.set("auc_pixel_ncc", figures["pixels, NCC"]["auc"]);
  report.set("seconds_per_pair", best.seconds);
  report.set("methods", figures);
  report.set("model", network.model);
  program.add_common_figures(report);
  report.headline("auc", {.label = "success AUC"});
  report.headline("auc_pixel_ncc", {.label = "success AUC of pixels, NCC"});
  report.table("Methods", {"method", "success AUC", "mean IoU", "seconds a pair"}, rows);
  report.picture("Success", "success.png", plot::line_chart(curves, {.title = "Success", .x_label = "IoU with the truth", .y_label = "share of pairs", .y_low = 0, .y_high = 1}),
                 "Share of pairs whose overlap reaches a threshold.");
  report.picture("Pairs", "pairs.png", sheet(pairs, best.answers), "Thin: found, with its score. Thick: the truth.");
  report.save(program.out());
  std::printf("%zu pairs: success AUC %.3f, mean IoU %.3f, %.2f s a pair; NCC of pixels %.3f\nresults are in %s (open %s/report.html)\n", pairs.size(), figures[best.name]["auc"],
              best.mean_overlap(), best.seconds, figures["pixels, NCC"]["auc"], flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("template_matching", "Finds templates in pictures by a network's features, and measures that against matching of pixels.");
  examples::NetworkFlags network_flags;
  std::string pairs;
  network_flags.add_to(program.app());
  program.app().add_option("--pairs", pairs, "CSV file of pairs: template_image,tx,ty,tw,th,search_image,gx,gy,gw,gh");
  return program.run(argc, argv, [&] {
    io::make_output_folder(program.out());
    const std::vector<Pair> loaded = pairs.empty() ? matching::drawn_pairs(program.flags().seed) : matching::load_pairs(pairs, program.flags().quick ? 8 : 0);
    examples::PhotoNetwork network = examples::load_network(program.flags(), network_flags);
    return evaluate(program, program.flags(), loaded, network);
  });
}
