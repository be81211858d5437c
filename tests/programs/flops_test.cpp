#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "programs/process.hpp"

using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

json report_of(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  std::vector<std::string> all = arguments;
  all.insert(all.end(), {"--out", (folder / "out").string()});
  const Ending ending = run_program("flops", all);
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  for (const char* file : {"report.html", "network.png", "network.dot", "layers.csv", "layers.md"})
    CHECK(std::filesystem::exists(folder / "out" / file));
  return json::parse(read_whole(folder / "out" / "report.json"));
}

std::filesystem::path write_network(const TemporaryFolder& folder, const std::string& content) {
  const auto path = folder / "net.txt";
  std::ofstream(path) << content;
  return path;
}

json count_file(const std::string& content) {
  const TemporaryFolder folder;
  return report_of({"--net", write_network(folder, content).string()});
}

std::string error_of(const std::string& content) {
  const TemporaryFolder folder;
  const Ending ending =
      run_program("flops", {"--net", write_network(folder, content).string(), "--out", (folder / "out").string()});
  CHECK(ending.exit_code == 1);
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
  CHECK(lines_of(ending.errors).size() == 1);
  return ending.errors;
}

}  // namespace

TEST_CASE("flops: the homework's network, to the last digit") {
  const json report = report_of({});
  const json& layers = report.at("layers");
  REQUIRE(layers.size() == 18);
  struct Row {
    const char* name;
    json output;
    std::int64_t parameters, multiplications, additions;
    json field, jump;
  };
  // Outputs times taps, by hand: Layer1 has 256 * 256 * 32 outputs of 147 taps, and so on.
  const std::vector<Row> rows{{"Layer1", {256, 256, 32}, 4'736, 308'281'344, 308'281'344, 7, 1},
                              {"bn1", {256, 256, 32}, 64, 2'097'152, 2'097'152, 7, 1},
                              {"Layer2", {126, 126, 64}, 51'264, 812'851'200, 812'851'200, 11, 2},
                              {"bn2", {126, 126, 64}, 128, 1'016'064, 1'016'064, 11, 2},
                              {"Layer3", {63, 63, 64}, 0, 0, 762'048, 13, 4},
                              {"Layer4", {59, 59, 128}, 73'856, 256'647'168, 256'647'168, 29, 4},
                              {"bn3", {59, 59, 128}, 256, 445'568, 445'568, 29, 4},
                              {"Layer5", {57, 57, 128}, 147'584, 479'084'544, 479'084'544, 37, 4},
                              {"bn4", {57, 57, 128}, 256, 415'872, 415'872, 37, 4},
                              {"Layer6", {28, 28, 128}, 0, 0, 301'056, 41, 8},
                              {"Layer7", {26, 26, 256}, 295'168, 199'360'512, 199'360'512, 57, 8},
                              {"bn5", {26, 26, 256}, 512, 173'056, 173'056, 57, 8},
                              {"Layer8", {13, 13, 256}, 0, 0, 129'792, 65, 16},
                              {"flatten", {43'264}, 0, 0, 0, nullptr, nullptr},
                              {"fc1", {1'024}, 44'303'360, 44'302'336, 44'302'336, nullptr, nullptr},
                              {"fc2", {1'024}, 1'049'600, 1'048'576, 1'048'576, nullptr, nullptr},
                              {"dropout", {1'024}, 0, 0, 0, nullptr, nullptr},
                              {"fc3", {10}, 10'250, 10'240, 10'240, nullptr, nullptr}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    INFO(row.name);
    CHECK(layers[i].at("name") == row.name);
    CHECK(layers[i].at("output") == row.output);
    CHECK(layers[i].at("parameters") == row.parameters);
    CHECK(layers[i].at("multiplications") == row.multiplications);
    CHECK(layers[i].at("additions") == row.additions);
    CHECK(layers[i].at("receptive_field") == row.field);
    CHECK(layers[i].at("jump") == row.jump);
  }
  CHECK(layers[0].at("macs_without_padding") == 304'166'400);
  CHECK(layers[0].at("buffers") == 0);
  CHECK(layers[1].at("buffers") == 65);
  CHECK(layers[4].at("divisions") == 63 * 63 * 64);
  CHECK(layers[12].at("covered").at("rows") == json({0, 253}));
  const json& total = report.at("total");
  CHECK(total.at("parameters") == 45'937'034);
  CHECK(total.at("macs") == 2'101'585'920);
  CHECK(report.at("variants").at("without_bias_without_bn").at("parameters") == 45'937'034 - 1'216 - 608 - 2'058);
}

TEST_CASE("flops: a network file") {
  const json report = count_file(
      "input 9 12 4   # rows, columns, channels\n\n"
      "conv 4 6 kernel=3x2 stride=2x1 padding=1,0,0,1 groups=2 bias=false\r\n"
      "maxpool 3 stride=2 padding=1\n"
      "up: deconv 6 2 kernel=2 stride=2\n"
      "relu\n"
      "globalavgpool\n"
      "linear 2 5\n");
  const json& layers = report.at("layers");
  REQUIRE(layers.size() == 6);
  CHECK(layers[0].at("name") == "conv1");
  CHECK(layers[0].at("output") == json({4, 12, 6}));
  CHECK(layers[0].at("parameters") == 6 * 2 * 6);
  CHECK(layers[0].at("macs") == 4 * 12 * 6 * 12);
  CHECK(layers[0].at("additions") == 4 * 12 * 6 * 11);
  CHECK(layers[0].at("receptive_field") == json({3, 2}));
  CHECK(layers[0].at("jump") == json({2, 1}));
  CHECK(layers[1].at("output") == json({2, 6, 6}));
  CHECK(layers[2].at("name") == "up");
  CHECK(layers[2].at("output") == json({4, 12, 2}));
  CHECK(layers[2].at("macs") == 2 * 6 * 6 * 2 * 4);
  CHECK(layers[2].at("additions") == 2 * 6 * 6 * 2 * 4 + 4 * 12 * 2);
  CHECK(layers[2].at("jump") == json({2, 1}));
  CHECK(layers[4].at("divisions") == 2);
  CHECK(layers[5].at("receptive_field") == nullptr);
}

TEST_CASE("flops: files as editors write them") {
  const json report = count_file(
      "\xEF\xBB\xBF# a mark, tabs, blanks at the end, no end of the last line\r\n\r\n"
      "input\t20   20\t3  # image\r\n\tconv 3\t4 kernel=3   padding=1\t\r\n \t \r\nmaxpool kernel=2  \nlast: relu");
  const json& layers = report.at("layers");
  REQUIRE(layers.size() == 3);
  CHECK(layers[1].at("output") == json({10, 10, 4}));
  CHECK(layers[2].at("name") == "last");
}

TEST_CASE("flops: a wrong network file is told with its line and the reason") {
  const auto [content, line, reason] = GENERATE(table<std::string, std::string, std::string>({
      {"input 8 8 3\nrelu\nconvv 3 4 kernel=1\n", "line 3", "there is no layer \"convv\"; there are: conv, deconv"},
      {"input 8 8 3\nconv 4 8 kernel=3\n", "line 2", "conv expects 4 channels, but 3 arrive"},
      {"input 8 8 3\nflatten\nlinear 100 8\n", "line 3", "linear expects 100 features, but 192 arrive"},
      {"input 8 8 3\nlinear 192 8\n", "line 2", "flatten it first"},
      {"input 8 8 3\nbn 4\n", "line 2", "bn expects 4 channels, but 3 arrive"},
      {"input 8 8 3\nconv 3 8 kernel=-3\n", "line 2", "kernel must be 1..4096; got \"-3\""},
      {"input -8 8 3\n", "line 1", "a height must be 1..32768; got \"-8\""},
      {"input 8 8 3\nconv 3 8 kernel=9\n", "line 2", "exceeds the padded input 8x8"},
      {"input 8 8 3\navgpool 9\n", "line 2", "exceeds the padded input 8x8"},
      {"input 8 8 3\nconv 3 1000000000000 kernel=3\n", "line 2",
       "output channels must be 1..1073741824; got \"1000000000000\""},
      {"input 8 8 3\nconv 3 99999999999999999999999 kernel=3\n", "line 2", "output channels must be 1..1073741824"},
      {"input 8 8 3\nconv 3 8\n", "line 2", "conv needs kernel="},
      {"input 8 8 3\nconv 3 8 kernel=3 strid=2\n", "line 2", "conv has no option \"strid\""},
      {"input 8 8 3\nconv 3 8 kernel =3\n", "line 2", "an option is written without spaces"},
      {"input 8 8 3\nconv 3 8 kernel=3x\n", "line 2", "kernel must be a number or two, as 3 or 3x5; got \"3x\""},
      {"input 8 8 3\n\n# c\nconv 3 8 kernel=3 dilation=4\n", "line 4", "exceeds the padded input 8x8"},
      {"input 8 8 3\ndeconv 3 8 kernel=2 padding=9\n", "line 2", "the output would be -9x-9"},
      {"input 8 8 3\nmaxpool 2 padding=2\n", "line 2", "padding must be at most half of the kernel"},
      {"input 8 8 3\nconv 3 8 kernel=3.5\n", "line 2", "kernel must be a whole number; got \"3.5\""},
      {"input 8 8 3\nconv 3 8 kernel=3 groups=2\n", "line 2", "not divisible by groups 2"},
      {"input 8 8 3\nconv 3 8 kernel=3 bias=maybe\n", "line 2", "bias must be true or false"},
      {"input 8 8 3\nconv 3 8 4 kernel=3\n", "line 2", "conv has a number too many: \"4\""},
      {"input 8 8 3\nflatten\nconv 3 8 kernel=1\n", "line 3", "conv needs an image"},
      {"input 8 8 3\ninput 8 8 3\n", "line 2", "input stands in the first line only"},
      {"conv 3 8 kernel=3\n", "line 1", "the first layer must be `input HEIGHT WIDTH CHANNELS`"},
      {"# nothing\n", "line 1", "there is no layer"},
      {"input 8 8 3\ndropout 1.5\n", "line 2", "dropout's probability must lie in [0, 1]"},
      {"input 32768 32768 1073741824\nconv 1073741824 1073741824 kernel=3\n", "line 1", "too many elements"},
  }));
  INFO(content);
  const std::string error = error_of(content);
  CHECK_THAT(error, Contains("net.txt, " + line + ": "));
  CHECK_THAT(error, Contains(reason));
}

TEST_CASE("flops: a network of the library") {
  const json report = report_of({"--model", "resnet18", "--size", "64"});
  CHECK(report.at("total").at("parameters") == 11'689'512);
  CHECK(report.at("layers").at(0).at("name") == "conv1");
  const Ending wrong = run_program("flops", {"--model", "resnet19"});
  CHECK(wrong.exit_code == 1);
  CHECK_THAT(wrong.errors, Contains("there is no network \"resnet19\"; there are: resnet18"));
}
