#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "res2clip/clip/features.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/image/tiles.hpp"
#include "res2clip/model/calibration.hpp"
#include "res2clip/model/region_of_interest.hpp"

namespace res2clip {

/// Where reference features come from: what a saved bank is checked against.
struct BankOrigin {
  std::string backbone;  ///< Backbone::checksum()
  /// Settings that decide the features, as "image.size" -> "518".
  std::map<std::string, std::string> settings;
  std::vector<std::string> references;  ///< names of the normal images, in order of the shots
};

/// What is remembered of K normal images (B_l of Eq. 8): unit features, float32, on one device. Copies share
/// memory, also with the Features that a bank was made of. Nothing of the library changes one that it is
/// given: any number of threads may use it at once.
struct ReferenceBank {
  at::Tensor global;                  ///< [K, D]
  std::map<int, at::Tensor> patches;  ///< layer -> [K*N, D], shot after shot, patches row-major
  Grid grid;                          ///< of one image
  BankOrigin origin;
  std::optional<RegionOfInterest> region;  ///< nothing: whole images are looked at
  std::optional<Calibration> calibration;  ///< nothing: the references were not compared with each other
  std::string checksum;                    ///< SHA-256 that the bank's file states; empty: of no file
  std::optional<Tiling> tiling;            ///< nothing: images are compared as a whole alone
  /// With a tiling: what is remembered of the tiles, place after place, row-major, each a bank of K shots; if
  /// they are common, one bank of all tiles, image after image. (What stands above is of whole images.)
  std::vector<ReferenceBank> tiles;

  std::int64_t shots() const { return global.size(0); }
  ReferenceBank to(c10::Device device) const;
};

/// The bank of the K images of a batch, of the given layers. Throws a data error where a layer is missing or
/// features are not as Features says.
ReferenceBank make_bank(const Features& normals, const std::vector<int>& layers);

/// The bank of K images that are cut into tiles. `inputs` are the features of their inputs, image after image
/// (see prepare_inputs_into()): [K * tiling.inputs(), ...]. A tiling of one tile makes a bank without tiles.
/// Throws as make_bank(), and a data error for another number of inputs.
ReferenceBank make_bank(const Features& inputs, const std::vector<int>& layers, const Tiling& tiling);

/// The features of input `which` of each image, of those of B images with `each` inputs, image after image:
/// [B, ...].
Features input_of_each(const Features& inputs, std::int64_t each, std::int64_t which);

/// The bank for images of which only a part is looked at: `inside` is a mask as region_of_interest() takes
/// it, of the maps' size. The references' patches outside are replaced by the nearest inside, and a
/// calibration is dropped: calibrate afterwards. With all pixels inside the bank stays as it is. Throws as
/// region_of_interest(), and a settings error for a bank that has a region or tiles.
ReferenceBank within(ReferenceBank bank, const at::Tensor& inside);

/// References added: those of all banks in their order. Throws a data error for banks of different origin,
/// grid, layers, region, tiling or device.
ReferenceBank concatenate(const std::vector<ReferenceBank>& banks);

/// References left out or put in another order: those at these places, counted from 0. Throws a data error
/// for a place that is not there, and for none.
ReferenceBank selected(const ReferenceBank& bank, std::span<const std::int64_t> shots);
/// Shot `shot` of a bank as a batch of one image, of the bank's layers; with tiles, of the whole image.
Features shot_of(const ReferenceBank& bank, std::int64_t shot);
/// The features of all inputs of shot `shot`: those of shot_of(), and of its tiles, if there are such.
Features inputs_of_shot(const ReferenceBank& bank, std::int64_t shot);
/// The bank of the other shots, without origin and calibration, in all places of tiles.
ReferenceBank without_shot(const ReferenceBank& bank, std::int64_t shot);

/// Writes a bank to one file, whole or not at all. The file is a safetensors file, which Python's safetensors
/// opens: tensors `global`, `patches.<layer>`, with a region of interest `inside`, and the same two of
/// tiles as `tile.<place>.global` and `tile.<place>.patches.<layer>`; everything else as text in its
/// metadata, and a SHA-256 over all bytes.
void save_bank(const ReferenceBank& bank, const Path& path);

/// Reads what save_bank of this version and of 0.1.0 wrote, to the CPU. Throws a data error that names the
/// path for a file that is no bank, cut off, or changed by one bit.
ReferenceBank load_bank(const Path& path);

/// The same in memory: what such a file holds. `source` names the bytes in messages.
std::string bytes_of_bank(const ReferenceBank& bank);
ReferenceBank bank_of_bytes(std::string bytes, const std::string& source);

/// Throws a data error that says what differs where a bank was not made with this backbone and these
/// settings. `source` names the bank in the message. (The names of the references are not compared.)
void require_origin(const ReferenceBank& bank, const BankOrigin& expected, const std::string& source);

}  // namespace res2clip
