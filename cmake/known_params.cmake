# What lib/config/known_params.c is made of: the tables of all programs, and which programs read which
# row. Every change of code may change the latter; the files are written only when their text changes.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(MTA_FACTS_DIR ${CMAKE_BINARY_DIR}/known_params)
file(GLOB MTA_FACTS CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/*/*.[ch] ${CMAKE_SOURCE_DIR}/lib/*/*.[ch] ${CMAKE_SOURCE_DIR}/tools/*/*.[ch]
     ${CMAKE_SOURCE_DIR}/*/*.def ${CMAKE_SOURCE_DIR}/lib/*/*.def ${CMAKE_SOURCE_DIR}/tools/*/*.def
     ${CMAKE_SOURCE_DIR}/lib/config/unbuilt/*.def
     ${CMAKE_SOURCE_DIR}/*/CMakeLists.txt ${CMAKE_SOURCE_DIR}/tools/*/CMakeLists.txt)
list(APPEND MTA_FACTS ${CMAKE_SOURCE_DIR}/lib/config/param_tables.py)

set(known_params ${MTA_FACTS_DIR}/config/known_tables.inc ${MTA_FACTS_DIR}/config/known_patterns.inc
    ${MTA_FACTS_DIR}/config/known_facts.inc)
add_custom_command(
  OUTPUT ${MTA_FACTS_DIR}/stamp
  BYPRODUCTS ${known_params}
  COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/lib/config/param_tables.py ${CMAKE_SOURCE_DIR}
          ${MTA_FACTS_DIR}/config
  COMMAND ${CMAKE_COMMAND} -E touch ${MTA_FACTS_DIR}/stamp
  DEPENDS ${MTA_FACTS}
  COMMENT "tables of parameters")
add_custom_target(known_params DEPENDS ${MTA_FACTS_DIR}/stamp)
add_dependencies(valija_config known_params)
target_include_directories(valija_config PRIVATE ${MTA_FACTS_DIR})
