# Looks at what the compiler made of subject.cpp.
#
#   objdump   the disassembler
#   objects   subject.cpp, as part of a program and as part of a shared library
#   library   a shared library of it, and lagoon if that is shared
#   pairs     how many functions are compared
#   skip      why nothing can be said in this build, if that is so

if(skip)
  message("skipped: ${skip}")
  return()
endif()
set(ENV{LC_ALL} C)

function(run_objdump out)
  execute_process(COMMAND ${objdump} ${ARGN}
    OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "," text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# The instructions of a function, without addresses, names of registers and offsets: those of the
# one may differ from the other's where nothing else does. Padding behind the end goes too.
function(instructions_of function disassembly out)
  string(FIND "${disassembly}" "<${function}>:\n" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "${function} is not in the disassembly")
  endif()
  string(SUBSTRING "${disassembly}" ${begin} -1 text)
  string(FIND "${text}" "\n" begin)
  string(FIND "${text}" "\n\n" end)
  math(EXPR length "${end} - ${begin}")
  string(SUBSTRING "${text}" ${begin} ${length} text)
  string(APPEND text "\n")
  string(REGEX REPLACE "[ \t]*[0-9a-f]+:[ \t]*" "" text "${text}")
  string(REGEX REPLACE "%[a-z0-9]+" "%" text "${text}")
  string(REGEX REPLACE "-?(0x[0-9a-f]+)?\\(" "(" text "${text}")
  string(REGEX REPLACE "[ \t]+" " " text "${text}")
  string(REGEX REPLACE " *\n" "\n" text "${text}")
  string(REGEX REPLACE "((xchg %,%|(data16 |cs )*nop[wl]?( [^\n]*)?)\n)+$" "" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

foreach(object IN LISTS objects)
  run_objdump(disassembly -d --no-show-raw-insn ${object})
  string(REGEX MATCHALL "<value_[a-z0-9_]+>:\n" functions "${disassembly}")
  list(LENGTH functions found)
  if(NOT found EQUAL pairs)
    message(FATAL_ERROR "${object}: ${found} functions to compare instead of ${pairs}")
  endif()
  foreach(function IN LISTS functions)
    string(REGEX REPLACE "<value_(.*)>:\n" "\\1" function "${function}")
    instructions_of(value_${function} "${disassembly}" ours)
    instructions_of(bare_${function} "${disassembly}" bare)
    if(NOT ours MATCHES "ret")
      message(FATAL_ERROR "${object}: no instructions read of ${function}: \"${ours}\"")
    endif()
    if(NOT ours STREQUAL bare)
      message(SEND_ERROR "${object}\n${function} through a Value:\n${ours}\n"
        "and by a boost::ipc_atomic:\n${bare}")
    endif()
  endforeach()
  message("${object}: ${found} functions compared")

  # -r: in an object, what is called stands in the relocations.
  run_objdump(disassembly -dr ${object})
  if(NOT disassembly MATCHES "<hot_element>:.*R_X86_64_GOTTPOFF")
    message(SEND_ERROR "${object}: the hot paths use no thread-local; look for what else is called")
  endif()
  if(disassembly MATCHES "[^\n]*(__tls_get_addr|_TLSGD|_TLSLD|_TLSDESC)[^\n]*")
    message(SEND_ERROR "${object} does not use the initial-exec model: ${CMAKE_MATCH_0}")
  endif()
endforeach()

foreach(file IN LISTS library)
  run_objdump(symbols -T ${file})
  run_objdump(relocations -R ${file})
  if(NOT "${symbols}${relocations}" MATCHES "R_X86_64_TPOFF64")
    message(SEND_ERROR "${file} has no initial-exec thread-local: is it the right file?")
  endif()
  if("${symbols}${relocations}" MATCHES "[^\n]*(__tls_get_addr|R_X86_64_DTP|TLSDESC)[^\n]*")
    message(SEND_ERROR "${file} does not use the initial-exec model: ${CMAKE_MATCH_0}")
  else()
    message("${file}: thread-locals are initial-exec")
  endif()
endforeach()
