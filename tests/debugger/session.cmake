# cmake -D GDB=gdb -D PROGRAM=... -D PRINTERS=.../printers.py -D SOURCE_DIR=... -D TRANSCRIPT=... -P
# session.cmake Runs session.gdb on the program; what gdb prints must be session.txt, apart from
# addresses and the lines of core/.
unset(ENV{DEBUGINFOD_URLS})
set(ENV{LC_ALL} C)
execute_process(COMMAND sh -c "exec \"$0\" \"$@\" 2>&1" ${GDB} -nx -batch -x ${PRINTERS}
    -ex "directory ${SOURCE_DIR}:${SOURCE_DIR}/core:${SOURCE_DIR}/core/ops:${SOURCE_DIR}/tests/debugger"
    -x ${CMAKE_CURRENT_LIST_DIR}/session.gdb ${PROGRAM} OUTPUT_VARIABLE GOT)
string(REPLACE "${SOURCE_DIR}/" "" GOT "\n${GOT}")
# As a compiler writes them that was given relative paths, or told to (-ffile-prefix-map).
string(REGEX REPLACE "([^a-zA-Z0-9_./])([.][.]?/)+(core|tests)/" "\\1\\3/" GOT "${GOT}")
string(REGEX REPLACE "\n(.Thread debugging using|Using host libthread_db|warning: Source file is more recent)[^\n]*" "" GOT "${GOT}")
string(REGEX REPLACE "\n[+]+" "\n(gdb) " GOT "${GOT}")
string(REGEX REPLACE "\n[0-9]+\t" "\n" GOT "${GOT}")
string(REGEX REPLACE "(core/[a-z_/]+[.]cpp:)[0-9]+" "\\1#" GOT "${GOT}")
string(REGEX REPLACE "0x[0-9a-f]+" "0x#" GOT "${GOT}")
string(REGEX REPLACE "process [0-9]+" "process #" GOT "${GOT}")
string(REGEX REPLACE "^\n" "" GOT "${GOT}")
file(WRITE ${TRANSCRIPT} "${GOT}")
execute_process(COMMAND diff -u ${CMAKE_CURRENT_LIST_DIR}/session.txt ${TRANSCRIPT} RESULT_VARIABLE DIFFERENT)
if(NOT DIFFERENT STREQUAL "0")
    message(FATAL_ERROR "gdb must print session.txt. If what it printed is right: cp ${TRANSCRIPT} ${CMAKE_CURRENT_LIST_DIR}/session.txt")
endif()
