// What the tool shows: tables for people, rows for programs.
#pragma once

#include <string>
#include <vector>

#include "admin/rows.h"

namespace gemel::tool {

/// A column of a table: its heading, and the row's field that it shows.
struct Column {
  const char* heading;
  const char* field;
};

/// Prints rows as an aligned table on standard output; numbers to the right. Nothing for no rows.
void print_table(const std::vector<admin::Json>& rows, const std::vector<Column>& columns);

/// "record alice/INBOX uid=1 …": a dump's row for people and diff.
std::string dump_line(const admin::Json& row);

/// `gemel status` for people.
void print_status(const std::vector<admin::Json>& rows);

/// "1.4 MB".
std::string human_bytes(uint64_t bytes);

}  // namespace gemel::tool
