# Tests that are no unit tests: the style, the fuzzers' corpora, and whole servers. Exit status 77
# means that the machine lacks something, and counts as skipped.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME layers.style COMMAND ${Python3_EXECUTABLE}
         ${CMAKE_SOURCE_DIR}/tests/layers/style.py ${CMAKE_SOURCE_DIR} --format)
add_test(NAME layers.style_test COMMAND ${Python3_EXECUTABLE}
         ${CMAKE_SOURCE_DIR}/tests/layers/style_test.py)
set_tests_properties(layers.style layers.style_test PROPERTIES LABELS layers)

# Each fuzzer also as a plain program that runs its corpus, by any compiler and sanitizer.
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.cc)
foreach(source ${fuzzers})
  get_filename_component(fuzzer ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" subject ${fuzzer})
  add_executable(${subject}_replay ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cc)
  target_link_libraries(${subject}_replay PRIVATE gemel_imap gemel_lmtp gemel_managesieve gemel_nntp gemel_pop3 gemel_sync gemel_admin)
  add_dependencies(unit_tests ${subject}_replay)
  add_test(NAME fuzz.${subject} COMMAND ${subject}_replay
           ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${subject} ${CMAKE_SOURCE_DIR}/share/sample-mail)
  set_tests_properties(fuzz.${subject} PROPERTIES LABELS fuzz TIMEOUT 300)
endforeach()

# Simulated worlds: fixed seeds that once found a fault, and fresh ones.
file(GLOB simulation CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sim/*.cc)
add_executable(gemel_sim ${simulation})
target_link_libraries(gemel_sim PRIVATE gemel_sync)
add_dependencies(unit_tests gemel_sim)
add_test(NAME sim.fixed COMMAND gemel_sim --fixed ${CMAKE_SOURCE_DIR}/tests/sim/seeds.txt)
add_test(NAME sim.fresh COMMAND gemel_sim --count 200 --one-primary)
add_test(NAME sim.burn COMMAND gemel_sim --count 50 --burn --one-primary)
add_test(NAME sim.burn_any COMMAND gemel_sim --count 50 --burn-any)
set_tests_properties(sim.fixed sim.fresh sim.burn sim.burn_any PROPERTIES LABELS sim TIMEOUT 900)

# Whole servers, driven from outside: tests/interop, tests/conformance, tests/crash and tests/netns.
if(TARGET gemeld AND TARGET gemel)
  set(servers GEMELD=$<TARGET_FILE:gemeld> GEMEL=$<TARGET_FILE:gemel>
              PYTHONPATH=${CMAKE_SOURCE_DIR}/tests/interop PYTHONDONTWRITEBYTECODE=1)
  file(GLOB interop CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/interop/*_test.py
       ${CMAKE_SOURCE_DIR}/tests/interop/*_test.sh ${CMAKE_SOURCE_DIR}/tests/crash/*_test.py
       ${CMAKE_SOURCE_DIR}/tests/conformance/*_test.py ${CMAKE_SOURCE_DIR}/tests/netns/*_test.py)
  foreach(script ${interop})
    get_filename_component(name ${script} NAME_WE)
    get_filename_component(directory ${script} DIRECTORY)
    get_filename_component(group ${directory} NAME)
    string(REGEX REPLACE "_test$" "" name ${name})
    set(by ${Python3_EXECUTABLE})
    if(script MATCHES "\\.sh$")
      set(by bash)
    endif()
    add_test(NAME ${group}.${name} COMMAND ${by} ${script})
    set_tests_properties(${group}.${name} PROPERTIES LABELS ${group} ENVIRONMENT "${servers}"
                         SKIP_RETURN_CODE 77 TIMEOUT 900)
  endforeach()
endif()

add_test(NAME layers.sample_mail COMMAND ${Python3_EXECUTABLE}
         ${CMAKE_SOURCE_DIR}/scripts/make-sample-mail.py --check)
set_tests_properties(layers.sample_mail PROPERTIES LABELS layers ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)

# The cases of Sieve through another implementation, where there is one.
add_test(NAME interop.sieve_pigeonhole COMMAND ${Python3_EXECUTABLE}
         ${CMAKE_SOURCE_DIR}/tests/sieve/compare-with-pigeonhole.py)
set_tests_properties(interop.sieve_pigeonhole PROPERTIES LABELS interop SKIP_RETURN_CODE 77 TIMEOUT 900
                     ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
