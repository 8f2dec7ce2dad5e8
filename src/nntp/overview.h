// What an overview says of an article, and the fields that HDR gives.
//
// Threads  any.
// Source   RFC 3977 §8.1 (metadata), §8.3.2 (OVER: order, white space), §8.4 (OVERVIEW.FMT), §8.5
//          (HDR).
#pragma once

#include <string>
#include <string_view>

#include "nntp/shelf.h"

namespace gemel::nntp {

/// The fields in the order of OVER, as LIST OVERVIEW.FMT tells them. Bytes and Lines are written as
/// RFC 2980 did, which RFC 3977 §8.4.2 allows: slrn asks no overview of who writes ":bytes".
inline constexpr std::string_view kOverviewFormat =
    "Subject:\r\nFrom:\r\nDate:\r\nMessage-ID:\r\nReferences:\r\nBytes:\r\nLines:\r\nXref:full\r\n";

/// "NUMBER\tSubject\t...\tXref: ...", without the line end. Cost: O(bytes of the article).
Result<std::string> overview_line(const Shelf& shelf, const Found& found, std::string_view number);

/// Errors: kInvalid, no name of a field and no metadata that there is (RFC 3977 §8.5.2).
Result<void> check_hdr_field(std::string_view name);
/// What HDR gives of a field, or of ":bytes" and ":lines"; empty if the article has none.
Result<std::string> hdr_value(const Shelf& shelf, const Found& found, std::string_view name);

}  // namespace gemel::nntp
