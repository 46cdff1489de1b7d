# What the checks of this directory have in common.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# Ends the check if a tool of these is not there.
macro(skip_without)
  foreach(tool ${ARGN})
    find_program(found_${tool} ${tool})
    if(NOT found_${tool})
      message("skipped: no ${tool} was found")
      return()
    endif()
  endforeach()
endmacro()

# Who shares memory only gets no network, nor what it needs.
function(check_that_it_needs_no_network program)
  execute_process(COMMAND ldd ${program} OUTPUT_VARIABLE needed COMMAND_ERROR_IS_FATAL ANY)
  if(needed MATCHES "libcrypto|liblagoon_remote")
    message(FATAL_ERROR "a program that uses lagoon::lagoon only needs more than that:\n${needed}")
  endif()
endfunction()

# A program of one source and what pkg-config says of `module`, which is somewhere in `root`; linked
# with archives only, if STATIC comes behind.
function(build_by_pkg_config program source module root)
  set(kind "")
  set(asked --cflags --libs)
  if(STATIC IN_LIST ARGN)
    set(kind -static)
    list(APPEND asked --static)
  endif()
  file(GLOB_RECURSE modules ${root}/lagoon*.pc)
  list(TRANSFORM modules REPLACE "/[^/]*$" "")
  list(REMOVE_DUPLICATES modules)
  set(ENV{PKG_CONFIG_PATH} "${modules}")
  execute_process(COMMAND pkg-config ${asked} ${module}
    OUTPUT_VARIABLE options OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(options UNIX_COMMAND "${options}")
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run(${compiler} -std=c++20 -O0 ${kind} ${flags} ${source} -o ${program} ${options})
endfunction()
