// Uses enough of the library that a missing part of the package would be noticed at the link.
#include <cstdio>
#include <res2clip/core/version.hpp>
#include <res2clip/pipeline/pipeline.hpp>

int main(int argc, char** argv) {
  std::printf("res2clip %s\n", res2clip::version().c_str());
  try {
    res2clip::Pipeline::load(argc > 1 ? argv[1] : "nowhere.pt", res2clip::Settings{});
  } catch (const res2clip::Error& error) {
    std::printf("%s\n", error.what());
  }
}
