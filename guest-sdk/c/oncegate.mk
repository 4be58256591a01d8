# How a handler is built. A project's Makefile says what there is to build, and includes this:
#
#     NAME = payment                    # build/payment.core.wasm is made
#     SOURCES = handler.c payment.c     # the handler
#     TESTS = tests.c                   # its native tests: a program that fails if one of them does
#     TEST_FILES =                      # what the tests are given as arguments
#     SDK = sdk                         # this folder
#     include $(SDK)/oncegate.mk
#
# `make` makes the core module, of which `oncegate build` makes the component; `make test` runs the tests.
# The compiler is any clang with a wasi-libc: `make CC=clang`, `make CC="python3 -m ziglang cc"`.

ifeq ($(origin CC),default)
CC = clang-19
endif
# The tests' compiler, and what watches them.
HOST_CC ?= cc
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all

WARNINGS = -Wall -Wextra -Wpedantic
CFLAGS = -Os
# A reactor: functions to be called, and no `main`.
WASM = -target wasm32-wasi -mexec-model=reactor
ifeq ($(findstring zig,$(CC)),)
# The stack lies first, so that one that overflows traps. The C library's usual `printf` would tell standard error that
# it knows no `long double`; this one knows it. Zig has both by itself.
WASM_LINK = -lc-printscan-long-double -Wl,--stack-first -Wl,--strip-debug -Wl,-z,stack-size=65536
else
WASM_LINK = -s -Wl,-z,stack-size=65536
endif

CORE = build/$(NAME).core.wasm
SDK_SOURCES = $(sort $(wildcard $(SDK)/src/*.c))
SDK_TESTING = $(sort $(wildcard $(SDK)/testing/*.c))
SDK_HEADERS = $(wildcard $(SDK)/*.h $(SDK)/src/*.h $(SDK)/testing/*.h)
HEADERS = $(wildcard *.h) $(SDK_HEADERS)

.PHONY: all test clean

all: $(CORE)

# A handler has the contract, and neither files nor a clock nor standard output.
$(CORE): $(SOURCES) $(SDK_SOURCES) $(HEADERS) $(MAKEFILE_LIST)
	@mkdir -p $(@D)
	$(CC) $(WASM) -std=c11 $(CFLAGS) $(WARNINGS) -I$(SDK) -o $@.new $(SOURCES) $(SDK_SOURCES) $(WASM_LINK)
	@if grep -q wasi_snapshot_preview1 $@.new; then rm -f $@ $@.new; \
		echo "$(NAME) calls for files, a clock or standard output (such as printf): a handler has none" >&2; \
		exit 1; fi
	@mv $@.new $@

test: build/tests
	@build/tests $(TEST_FILES)

build/tests: $(TESTS) $(SOURCES) $(SDK_SOURCES) $(SDK_TESTING) $(HEADERS) $(MAKEFILE_LIST)
	@mkdir -p $(@D)
	$(HOST_CC) -std=c11 -g -O1 $(WARNINGS) $(SANITIZE) -I$(SDK) -o $@ $(TESTS) $(SOURCES) $(SDK_SOURCES) $(SDK_TESTING)

clean:
	rm -rf build
