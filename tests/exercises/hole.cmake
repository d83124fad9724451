# An exercise as it came is not done: its program ends with status 1 and says what was expected and
# what is there. Of a file that the learner has changed, by what git says, nothing is claimed: the
# test is skipped. A learner who commits an answer has a failure here that says so, and no more.
set(FILE examples/exercises/${NAME}.cpp)
execute_process(COMMAND git -c safe.directory=* diff --quiet HEAD -- ${FILE}
    WORKING_DIRECTORY ${SOURCE_DIR} RESULT_VARIABLE CHANGED ERROR_QUIET OUTPUT_QUIET)
if(CHANGED STREQUAL "1")
    message("skipped: ${FILE} was changed, so it is an answer and no longer a hole")
    return()
endif()
file(READ ${SOURCE_DIR}/${FILE} SOURCE)
if(NOT SOURCE MATCHES "// YOUR CODE")
    message(FATAL_ERROR "${FILE}: the hole must be marked: // YOUR CODE")
endif()
execute_process(COMMAND ${PROGRAM}
    RESULT_VARIABLE STATUS OUTPUT_VARIABLE OUTPUT ERROR_VARIABLE ERRORS)
message("${OUTPUT}${ERRORS}")
if(STATUS STREQUAL "0")
    message(FATAL_ERROR "${FILE}: done, where a hole must fail. "
        "If it is your own answer, committed, all is well: nothing else is wrong")
endif()
if(NOT STATUS STREQUAL "1" OR NOT OUTPUT MATCHES "expected [^\n]*yours" OR
    NOT OUTPUT MATCHES "Not yet: [^\n]*\n$" OR OUTPUT MATCHES "Your code (crashed|threw|did)")
    message(FATAL_ERROR "${FILE}: status ${STATUS}; a hole must fail with status 1 and a line that "
        "says what was expected and what is yours")
endif()
