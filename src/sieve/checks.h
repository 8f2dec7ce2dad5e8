// What single commands want beyond the table of keywords; called while a script is compiled.
//
// Source   the extensions' RFCs, named at each check.
#pragma once

namespace gemel::sieve {

class Checker;
struct Node;

void check_addheader(Checker& checker, Node& node);
void check_address(Checker& checker, Node& node);
void check_break(Checker& checker, Node& node);
void check_currentdate(Checker& checker, Node& node);
void check_date(Checker& checker, Node& node);
void check_deleteheader(Checker& checker, Node& node);
void check_enclose(Checker& checker, Node& node);
void check_envelope(Checker& checker, Node& node);
void check_exists(Checker& checker, Node& node);
void check_extracttext(Checker& checker, Node& node);
void check_fileinto(Checker& checker, Node& node);
void check_flag_action(Checker& checker, Node& node);
void check_foreverypart(Checker& checker, Node& node);
void check_global(Checker& checker, Node& node);
void check_hasflag(Checker& checker, Node& node);
void check_header(Checker& checker, Node& node);
void check_ihave(Checker& checker, Node& node);
void check_include(Checker& checker, Node& node);
void check_notify(Checker& checker, Node& node);
void check_redirect(Checker& checker, Node& node);
void check_replace(Checker& checker, Node& node);
void check_require(Checker& checker, Node& node);
void check_set(Checker& checker, Node& node);
void check_size(Checker& checker, Node& node);
void check_specialuse_exists(Checker& checker, Node& node);
void check_vacation(Checker& checker, Node& node);

}  // namespace gemel::sieve
