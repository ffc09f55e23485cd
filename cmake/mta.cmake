# Helpers for the three kinds of target: a floor of lib/, a program, a test.
#
#   mta_library(FLOOR)                      lib/FLOOR/*.c as the static library valija_FLOOR
#   mta_service(NAME USES floor... [LIBS library...] [ALIAS other-name...])
#                                           a daemon: *.c of this folder, installed in libexec
#   mta_map_plugin(TYPE LIBS library...)    lib/map/TYPE/*.c as the plugin postfix-TYPE.so (map/map_plugin.h)
#   mta_tool(NAME [SBIN|BIN] USES floor... [LIBS ...] [ALIAS ...])
#                                           a command, installed in sbin (default) or bin
#
# A program's folder is also the static library NAME_parts, everything but NAME.c, so that unit
# tests can link what main() uses.

set(MTA_SANITIZE "" CACHE STRING "value for -fsanitize=")
option(MTA_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror)
add_compile_definitions(_GNU_SOURCE)
include_directories(${CMAKE_SOURCE_DIR}/lib ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tools)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")
add_compile_options(-fstack-protector-strong -fstack-clash-protection)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
if(MTA_SANITIZE)
  add_compile_options(-fsanitize=${MTA_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MTA_SANITIZE})
endif()
if(MTA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent_core)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-uc)
pkg_check_modules(JSONC REQUIRED IMPORTED_TARGET json-c)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl)
pkg_check_modules(SASL2 REQUIRED IMPORTED_TARGET libsasl2)
pkg_get_variable(SASL2_LIBDIR libsasl2 libdir)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

# What a floor needs from outside.
set(MTA_LIBS_base "")
set(MTA_LIBS_io PkgConfig::EVENT Threads::Threads)
set(MTA_LIBS_map db-5.3 PkgConfig::PCRE2 PkgConfig::ICU ${CMAKE_DL_LIBS})
set(MTA_LIBS_mail PkgConfig::ZLIB) # check sums
set(MTA_LIBS_dns PkgConfig::CARES PkgConfig::ICU)
set(MTA_LIBS_tls PkgConfig::OPENSSL)
set(MTA_LIBS_sasl PkgConfig::SASL2)
set(MTA_LIBS_service PkgConfig::SECCOMP)

# Libraries below FLOOR, nearest first: what a static link needs after it.
function(mta_floors_below floor out)
  set(below "")
  foreach(name IN LISTS MTA_FLOORS)
    if(name STREQUAL floor)
      break()
    endif()
    list(PREPEND below valija_${name})
  endforeach()
  set(${out} ${below} PARENT_SCOPE)
endfunction()

function(mta_library floor)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lib/${floor}/*.c)
  mta_floors_below(${floor} below)
  if(sources)
    add_library(valija_${floor} STATIC ${sources})
    target_link_libraries(valija_${floor} PUBLIC ${MTA_LIBS_${floor}} ${below})
  else()
    add_library(valija_${floor} INTERFACE)
    target_link_libraries(valija_${floor} INTERFACE ${below})
  endif()
endfunction()

# A program (or test) that opens lookup tables offers plugins what cmake/map_plugin.list names, also
# what it does not use itself.
function(mta_map_host target)
  set(archives "")
  foreach(floor base log io config map)
    list(APPEND archives $<TARGET_FILE:valija_${floor}>)
    add_dependencies(${target} valija_${floor})
  endforeach()
  target_link_options(${target} PRIVATE
    LINKER:--dynamic-list=${CMAKE_SOURCE_DIR}/cmake/map_plugin.list
    LINKER:--whole-archive ${archives} LINKER:--no-whole-archive)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS
               ${CMAKE_SOURCE_DIR}/cmake/map_plugin.list)
endfunction()

function(mta_map_plugin type)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(map_${type}_parts STATIC ${sources})
  target_compile_options(map_${type}_parts PRIVATE -fvisibility=hidden)
  target_link_libraries(map_${type}_parts PUBLIC ${ARG_LIBS} INTERFACE valija_map)
  add_library(postfix-${type} MODULE $<TARGET_OBJECTS:map_${type}_parts>)
  # its functions come from the program; only what is left must be in the libraries
  target_link_libraries(postfix-${type} PRIVATE ${ARG_LIBS})
  set_target_properties(postfix-${type} PROPERTIES PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/postfix)
  set_property(GLOBAL APPEND PROPERTY MTA_MAP_PLUGINS postfix-${type})
  install(TARGETS postfix-${type} DESTINATION ${MTA_SHLIB_DIR})
endfunction()

function(mta_program name destination)
  cmake_parse_arguments(ARG "" "" "USES;LIBS;ALIAS" ${ARGN})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.c)
    message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}: a program's main() is in its ${name}.c")
  endif()
  file(GLOB parts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  list(REMOVE_ITEM parts ${CMAKE_CURRENT_SOURCE_DIR}/${name}.c)
  set(floors ${ARG_USES})
  list(TRANSFORM floors PREPEND valija_)
  add_executable(${name} ${name}.c)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  if(parts)
    add_library(${name}_parts STATIC ${parts})
    target_link_libraries(${name}_parts PUBLIC ${floors} ${ARG_LIBS})
    target_link_libraries(${name} PRIVATE ${name}_parts)
  endif()
  target_link_libraries(${name} PRIVATE ${floors} ${ARG_LIBS})
  if("map" IN_LIST ARG_USES)
    mta_map_host(${name})
  endif()
  install(TARGETS ${name} DESTINATION ${destination})
  foreach(alias IN LISTS ARG_ALIAS)
    install(CODE "
      file(MAKE_DIRECTORY \"\$ENV{DESTDIR}${destination}\")
      file(CREATE_LINK ${name} \"\$ENV{DESTDIR}${destination}/${alias}\" SYMBOLIC)")
  endforeach()
endfunction()

# Where Debian's Postfix has its parts; DESTDIR moves all of it.
set(MTA_DAEMON_DIR /usr/lib/postfix/sbin)
set(MTA_SHLIB_DIR /usr/lib/postfix)
set(MTA_SBIN_DIR /usr/sbin)
set(MTA_BIN_DIR /usr/bin)
set(MTA_CONF_DIR /etc/postfix)

macro(mta_service name)
  mta_program(${name} ${MTA_DAEMON_DIR} ${ARGN})
endmacro()

macro(mta_tool name)
  set(args ${ARGN})
  set(where ${MTA_SBIN_DIR})
  if("BIN" IN_LIST args)
    set(where ${MTA_BIN_DIR})
  endif()
  list(REMOVE_ITEM args BIN SBIN)
  mta_program(${name} ${where} ${args})
endmacro()
