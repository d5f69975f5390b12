# SPDX-License-Identifier: Apache-2.0
# Language, warnings, hardening and instrumentation of everything we compile.
include_guard()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

option(MUSTER_WERROR "Treat warnings as errors" ON)
option(MUSTER_COVERAGE "Instrument for gcov" OFF)
option(MUSTER_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
option(MUSTER_STATIC "Fully static, small programs for gateways (scripts/static.sh)" OFF)
set(MUSTER_SANITIZE "" CACHE STRING "Sanitizers, comma separated: address,undefined or thread")

add_compile_definitions(_GNU_SOURCE MUSTER_VERSION="${PROJECT_VERSION}")

set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wcast-qual -Wwrite-strings -Wformat=2)
if(MUSTER_WERROR)
	list(APPEND warnings -Werror)
endif()
add_compile_options("$<$<COMPILE_LANGUAGE:C>:${warnings}>")

# Assertions stay on in every build type: a broken invariant must stop the
# program before it reaches the database or the disk.
set(CMAKE_C_FLAGS_DEBUG "-Og -g3 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
add_compile_options("$<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2;-fstack-protector-strong>")
add_link_options("$<$<CONFIG:Release>:LINKER:-z,relro,-z,now>" "LINKER:-z,noexecstack")

# Debian's musl wrapper makes a dynamic program of -static-pie without a word, so these have a fixed address.
if(MUSTER_STATIC)
	set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
	set(CMAKE_C_FLAGS_RELEASE "-Os -g")
	# musl's own macros for control messages of sockets mix signs.
	add_compile_options(-ffunction-sections -fdata-sections -Wno-sign-conversion)
	add_link_options(-static -no-pie LINKER:--gc-sections LINKER:-z,noseparate-code)
endif()

if(MUSTER_SANITIZE)
	add_compile_options(-fsanitize=${MUSTER_SANITIZE} -fno-sanitize-recover=all)
	add_link_options(-fsanitize=${MUSTER_SANITIZE})
endif()
if(MUSTER_COVERAGE)
	add_compile_options(--coverage)
	add_link_options(--coverage)
endif()
if(MUSTER_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
	set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
