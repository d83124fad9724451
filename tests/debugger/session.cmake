# cmake -D GDB=gdb -D PROGRAM=... -D PRINTERS=.../printers.py -D SOURCE_DIR=... -D TRANSCRIPT=...
#     -P session.cmake
# Runs session.gdb on the program. What gdb prints must be session.txt, apart from addresses and the
# lines of core/.
unset(ENV{DEBUGINFOD_URLS})
set(ENV{LC_ALL} C)
set(SOURCE_PATH "${SOURCE_DIR}:${SOURCE_DIR}/core:${SOURCE_DIR}/core/ops")
string(APPEND SOURCE_PATH ":${SOURCE_DIR}/tests/debugger")
execute_process(COMMAND sh -c "exec \"$0\" \"$@\" 2>&1" ${GDB} -nx -batch -x ${PRINTERS}
    -ex "directory ${SOURCE_PATH}"
    -x ${CMAKE_CURRENT_LIST_DIR}/session.gdb ${PROGRAM} OUTPUT_VARIABLE GOT)
string(REPLACE "${SOURCE_DIR}/" "" GOT "\n${GOT}")
# Relative paths, as of a compiler that was given them, or was told to write them
# (-ffile-prefix-map).
string(REGEX REPLACE "([^a-zA-Z0-9_./])([.][.]?/)+(core|tests)/" "\\1\\3/" GOT "${GOT}")
set(NOTICE "(.Thread debugging using|Using host libthread_db|warning: Source file is more recent)")
string(REGEX REPLACE "\n${NOTICE}[^\n]*" "" GOT "${GOT}")
string(REGEX REPLACE "\n[+]+" "\n(gdb) " GOT "${GOT}")
string(REGEX REPLACE "\n[0-9]+\t" "\n" GOT "${GOT}")
string(REGEX REPLACE "(core/[a-z_/]+[.]cpp:)[0-9]+" "\\1#" GOT "${GOT}")
string(REGEX REPLACE "0x[0-9a-f]+" "0x#" GOT "${GOT}")
string(REGEX REPLACE "process [0-9]+" "process #" GOT "${GOT}")
string(REGEX REPLACE "^\n" "" GOT "${GOT}")
file(WRITE ${TRANSCRIPT} "${GOT}")
set(EXPECTED ${CMAKE_CURRENT_LIST_DIR}/session.txt)
execute_process(COMMAND diff -u ${EXPECTED} ${TRANSCRIPT} RESULT_VARIABLE DIFFERENT)
if(NOT DIFFERENT STREQUAL "0")
    message(FATAL_ERROR "gdb must print session.txt. If what it printed is right: "
        "cp ${TRANSCRIPT} ${EXPECTED}")
endif()
