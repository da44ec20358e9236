#include "res2clip/compute/compute.hpp"
#include "res2clip/demo/generator.hpp"

#include "command.hpp"
#include "progress_bar.hpp"

namespace res2clip::app {
namespace {

struct Request {
  DemoOptions demo;
  std::string output;
  ComputeOptions compute{.device = "cpu"};
  bool list = false, quiet = false;
};

void generate(const Request& request) {
  if (request.list) {
    std::string listing = demo_listing();
    listing.pop_back();  // print() ends the line
    return print(listing);
  }
  if (request.output.empty())
    throw settings_error("demo-data needs --output DIR, or --list to show what it can draw");
  apply_compute(request.compute);
  ProgressBar bar("demo data", request.quiet);
  const DemoCounts counts = write_demo_data(
      request.output, request.demo, [&bar](std::int64_t done, std::int64_t total, const std::string& name) {
        bar.update(done, total, name);
      });
  bar.finish();
  if (!request.quiet)
    note(request.output + ": " + std::to_string(counts.classes) + " classes, " +
         std::to_string(counts.images) + " images, " + std::to_string(counts.masks) + " masks");
}

}  // namespace

void add_demo_data(CLI::App& program, Run& run) {
  auto request = std::make_shared<Request>();
  DemoOptions& demo = request->demo;
  CLI::App* command = program.add_subcommand(
      "demo-data", "Draws a data set of surfaces and objects with defects, in MVTec AD's layout");
  command->add_option("--output,-o", request->output, "Folder to write to, new or empty")->type_name("DIR");
  command->add_option("--size", demo.size, "Side of the images in pixels")->capture_default_str();
  command->add_option("--seed", demo.seed, "Another seed, other things")->capture_default_str();
  command
      ->add_option("--classes", demo.classes,
                   "Families, with _1, _2, ... for more classes of one (default: each family once)")
      ->delimiter(',');
  command->add_option("--defects", demo.defects, "Kinds of defects to choose from (default: all)")
      ->delimiter(',');
  command->add_option("--kinds", demo.kinds, "Kinds of defects per class")->capture_default_str();
  command->add_option("--train", demo.train, "Images in train/good of each class")->capture_default_str();
  command->add_option("--good", demo.good, "Images in test/good of each class")->capture_default_str();
  command->add_option("--defective", demo.defective, "Images of each kind of defect")->capture_default_str();
  command->add_option("--threads", request->compute.threads, "Processor threads; 0: all")
      ->capture_default_str();
  command->add_flag("--list", request->list,
                    "Print the families and kinds of defects as JSON, and draw nothing");
  command->add_flag("-q,--quiet", request->quiet, "No remarks, no progress bar");
  command->footer("Example: res2clip demo-data --output demo --classes weave gear screw");
  command->callback([request, &run] { run = [request] { generate(*request); }; });
}

}  // namespace res2clip::app
