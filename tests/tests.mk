# SPDX-License-Identifier: Apache-2.0
# Tests.  A file's name says how it is built and run:
#
#   tests/unit/<part>_<thing>_test.c   cmocka
#   tests/unit/<thing>_test.py         the scripts' own tests
#   tests/sim/<part>_<thing>_sim.c     a deterministic simulation, prints TAP
#   tests/fuzz/<part>_<thing>_fuzz.c   libFuzzer, seeds in corpus/<part>_<thing>
#   tests/kernel/<thing>.sh            a case that runs in the VM, see lib.sh
#   tests/e2e/<thing>.test.mjs         node:test, real clients
#
# <part> is a folder of daemon/: the test is linked with it and all below it;
# or kmod: the module's pure core.  kmod/kmod.mk says where things are:
#
#   KMOD_CORE_ARCHIVE   the pure core as a library below $(B), any VARIANT
#   KMOD_CORE_CFLAGS    how to find its headers
#   KMOD_KO             $(call KMOD_KO,6.1) is the module built for 6.1
#   modules             builds it for every one of KERNEL_SERIES

# A fuzzer's archives are instrumented throughout: a variant of their own.
CC_fuzz = clang
CFLAGS_fuzz = -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer

# Seconds of fresh inputs for each fuzzer.  SEEDS in the environment says how
# many of them a simulation tries; sanitizers make it slow, so fewer there.
FUZZ_SECONDS ?= 5
ASAN_SEEDS ?= 5
JOBS ?= $(shell nproc)
LOG = $(O)/log

TEST_PART = $(firstword $(subst _, ,$(1)))
TEST_ARCHIVES = $(if $(filter kmod,$(1)),$(KMOD_CORE_ARCHIVE),$(call archives,$(1)))
TEST_LIBS = $(if $(filter kmod,$(1)),,$(call libs,$(1)))
TEST_CFLAGS = $(if $(filter kmod,$(1)),$(KMOD_CORE_CFLAGS),$(CFLAGS_$(1)))

# $(call TEST_RULES,KIND,NAME,EXTRA): tests/KIND/NAME.c -> $(B)/tests/KIND/NAME
define TEST_RULES
$(B)/tests/$(1)/$(2): tests/$(1)/$(2).c $(call TEST_ARCHIVES,$(call TEST_PART,$(2))) | $(GENERATED)
	@mkdir -p $$(@D)
	@echo "  TEST    $(VARIANT) $(1)/$(2)"
	@$$(DCC) $$(DCFLAGS) $(call TEST_CFLAGS,$(call TEST_PART,$(2))) \
		-MMD -MP -MF $$@.d $$(filter %.c %.a,$$^) \
		$(call TEST_LIBS,$(call TEST_PART,$(2))) $(3) $$(TEST_MORE_LIBS) -o $$@
endef

sources = $(patsubst tests/$(1)/%.c,%,$(wildcard tests/$(1)/*$(2).c))
UNIT_NAMES = $(call sources,unit,_test)
SIM_NAMES = $(call sources,sim,_sim)
FUZZ_NAMES = $(call sources,fuzz,_fuzz)

$(foreach t,$(UNIT_NAMES),$(eval $(call TEST_RULES,unit,$(t),-lcmocka)))
$(foreach t,$(SIM_NAMES),$(eval $(call TEST_RULES,sim,$(t))))
$(foreach t,$(FUZZ_NAMES),$(eval $(call TEST_RULES,fuzz,$(t),-fsanitize=fuzzer)))

# What a test has in a second file.
$(B)/tests/sim/kmod_crash_sim: tests/sim/kmod_life.c tests/sim/kmod_power.c
$(B)/tests/sim/kmod_policy_sim: tests/sim/kmod_peers.c tests/sim/kmod_traces.c
$(B)/tests/sim/kmod_policy_sim: TEST_MORE_LIBS = -lm
$(B)/tests/sim/guild_fanout_sim: tests/sim/guild_fanout_model.c
$(B)/tests/sim/guild_read_sim: $(call archives,data)
$(B)/tests/sim/guild_read_sim: TEST_MORE_LIBS = $(call archives,data) $(call libs,data)
$(B)/tests/unit/gateway_memory_test: $(call archives,guild)
$(B)/tests/unit/gateway_memory_test: TEST_MORE_LIBS = $(call archives,guild) $(call libs,guild)

# Which tests exist under which variant.  Those with threads run under tsan: of a
# folder, or of one file in it.
THREADED = os actor store_shard store_backup store_start
UNIT_TESTS = $(UNIT_NAMES:%=$(B)/tests/unit/%)
THREADED_TESTS = $(foreach d,$(THREADED),$(filter $(B)/tests/unit/$(d)_%,$(UNIT_TESTS)))
SCRIPT_TESTS = $(wildcard tests/unit/*_test.py)
SIM_TESTS = $(SIM_NAMES:%=$(B)/tests/sim/%)
FUZZERS = $(FUZZ_NAMES:%=$(B)/tests/fuzz/%)

# What tests/run is given.  B is that of the variant named here, not of this
# make, so that one run at the end can hold all of them.
in = $(patsubst $(B)/%,$(O)/$(1)/%,$(2))
RUN_UNIT = $(call in,release,$(UNIT_TESTS)) $(SCRIPT_TESTS)
RUN_ASAN = $(call in,asan,$(UNIT_TESTS)) $(foreach t,$(SIM_NAMES),"timeout=300 \
	name=asan-$(t) env SEEDS=$(ASAN_SEEDS) $(O)/asan/tests/sim/$(t)")
RUN_TSAN = $(call in,tsan,$(THREADED_TESTS))
RUN_SIM = $(foreach t,$(SIM_NAMES),"timeout=300 name=$(t) $(O)/release/tests/sim/$(t)")
RUN_FUZZ = $(foreach f,$(FUZZ_NAMES),"name=$(f) tests/fuzz/run $(O)/fuzz/tests/fuzz/$(f) \
	tests/fuzz/corpus/$(f:%_fuzz=%) $(O)/fuzz/found/$(f) $(FUZZ_SECONDS)")

.PHONY: test-unit test-sim test-threaded test-fuzzers
test-unit: $(UNIT_TESTS)
test-sim: $(SIM_TESTS)
test-threaded: $(THREADED_TESTS)
test-fuzzers: $(FUZZERS)

RUN_ONE = tests/run --log $(LOG)
RUN = $(RUN_ONE) --jobs $(JOBS)

.PHONY: check-unit check-asan check-tsan check-sim check-fuzz
## check-unit: unit tests, release build
check-unit:
	+@$(MAKE) --no-print-directory VARIANT=release test-unit
	@$(RUN) $(RUN_UNIT)

## check-asan: unit tests and simulations under address and UB sanitizers
check-asan:
	+@$(MAKE) --no-print-directory VARIANT=asan test-unit test-sim
	@$(RUN) $(RUN_ASAN)

## check-tsan: unit tests of threaded parts under the thread sanitizer (THREADED="os actor store")
check-tsan:
	+@$(MAKE) --no-print-directory VARIANT=tsan test-threaded
	@$(RUN) $(RUN_TSAN)

## check-sim: deterministic simulations
check-sim:
	+@$(MAKE) --no-print-directory VARIANT=release test-sim
	@$(RUN) $(RUN_SIM)

## check-fuzz: every fuzzer for FUZZ_SECONDS
check-fuzz:
	+@$(MAKE) --no-print-directory VARIANT=fuzz test-fuzzers
	@$(RUN) $(RUN_FUZZ)

# --- in the VM -------------------------------------------------------------

# The programs that cases run, the ports that clients outside reach, and the
# disks that outlive their machine.
GUEST_PROGRAMS = $(B)/tests/kernel/blocks $(B)/tests/kernel/kmod_replay \
	$(B)/tests/kernel/talk $(B)/tests/kernel/lines \
	$(B)/tests/kernel/garble.so $(B)/tests/kernel/netlink \
	$(MAINS:%=$(B)/bin/%) $(B)/tests/unit/monitor_sockets_test \
	$(B)/tests/unit/monitor_processes_test
GUEST_PORTS = 8080
GUEST_DISKS = disk=64 ssd0=32 ssd1=32 ssd2=32 ssd3=32
CASES ?= $(filter-out %/lib.sh,$(wildcard tests/kernel/*.sh))
KERNEL_DEADLINE_S = 3000

$(B)/tests/kernel/kmod_replay: tests/kernel/kmod_log.c tests/kernel/kmod_cuts.c
$(B)/tests/kernel/kmod_replay: $(KMOD_CORE_ARCHIVE)

$(B)/tests/kernel/%: tests/kernel/%.c
	@mkdir -p $(@D)
	@echo "  TEST    $(VARIANT) kernel/$*"
	@$(DCC) $(DCFLAGS) $(KMOD_CORE_CFLAGS) -MMD -MP -MF $@.d \
		$(filter %.c %.a,$^) -o $@

$(B)/tests/kernel/%.so: tests/kernel/%.c
	@mkdir -p $(@D)
	@echo "  TEST    $(VARIANT) kernel/$*.so"
	@$(DCC) $(DCFLAGS) -shared -fPIC -MMD -MP -MF $@.d $< -ldl -o $@

# $(call RUN_KERNEL,SERIES,CASES[,OPTION...][,NAME]): cases on one kernel.
# KMOD_KO, of kmod.mk, names the module built for a series.
RUN_KERNEL = "timeout=$(KERNEL_DEADLINE_S) name=kernel-$(1)$(addprefix -,$(4)) \
	scripts/vm test --kernel $(1) --deadline $(KERNEL_DEADLINE_S) \
	$(addprefix --forward ,$(GUEST_PORTS)) \
	$(addprefix --disk ,$(GUEST_DISKS)) \
	$(addprefix --program ,$(call in,release,$(GUEST_PROGRAMS))) \
	$(addprefix --module ,$(call KMOD_KO,$(1))) $(3) $(2)"

# The harness itself: bad cases must be seen to fail, each alone.
RUN_VM = "timeout=300 tests/kernel/harness_test.py" \
	$(foreach s,$(KERNEL_SERIES),$(call RUN_KERNEL,$(s),$(CASES)))

.PHONY: test-guest
test-guest: $(GUEST_PROGRAMS)

.PHONY: check-kernel
## check-kernel: the module and the daemons in QEMU (CASES=, KERNEL_SERIES=)
check-kernel:
	@scripts/setup --npm
	+@$(MAKE) --no-print-directory VARIANT=release $(if $(KMOD_KO),modules) test-guest
	@$(RUN_ONE) $(RUN_VM)

# A kernel full of checkers, which scripts/debug-kernel builds once.  First it
# must be seen to notice what it is there for.  A case runs many minutes on it:
# half of them in each of two machines.
DEBUG_CASES ?= $(wildcard tests/kernel/superdisk_*.sh)
DEBUG_SLOW = 6
check-debug: KERNEL_DEADLINE_S = 14400
# $(call every_second,FIRST,WORDS)
every_second = $(shell printf '%s\n' $(2) | sed -n '$(1)~2p')
RUN_DEBUG = "timeout=900 tests/kernel/planted_test.py" \
	$(foreach half,1 2,$(if $(call every_second,$(half),$(DEBUG_CASES)),$(call \
	RUN_KERNEL,debug,$(call every_second,$(half),$(DEBUG_CASES)),--slow \
	$(DEBUG_SLOW),$(half))))

.PHONY: check-debug
## check-debug: the module in QEMU under KASAN, lockdep, kmemleak (DEBUG_CASES=)
check-debug:
	@scripts/setup --packages --debug
	@scripts/debug-kernel
	+@$(MAKE) --no-print-directory VARIANT=release test-guest
	@kmod/build $(call KERNEL_BUILD,debug) $(O) debug 0
	@$(RUN_ONE) --jobs 2 $(RUN_DEBUG)

# Mechanisms of the module switched off in turn.
.PHONY: check-canaries
## check-canaries: the module without one mechanism: a case fails for each
check-canaries:
	+@$(MAKE) --no-print-directory VARIANT=release test-guest
	@$(RUN_ONE) "timeout=7200 name=canaries tests/kernel/without.py 6.1 \
		$(addprefix --disk ,$(GUEST_DISKS)) \
		$(addprefix --program ,$(call in,release,$(GUEST_PROGRAMS)))"

# --- real clients ----------------------------------------------------------

# A test finds chatd and the folder of built things in its environment.
E2E_TESTS = $(wildcard tests/e2e/*.test.mjs)
RUN_E2E = $(foreach t,$(E2E_TESTS),"timeout=240 \
	name=e2e-$(basename $(basename $(notdir $(t)))) \
	env CHATD=$(O)/release/bin/chatd O=$(O) \
	node --test --test-reporter=tap $(t)")

.PHONY: check-e2e
## check-e2e: chatd and real clients, discord.js among them
check-e2e:
	@scripts/setup --npm
	+@$(MAKE) --no-print-directory VARIANT=release daemons
	@$(RUN_ONE) $(RUN_E2E)

# --- benchmarks: each brings its own rules ---------------------------------

include $(wildcard tests/bench/*.mk)

# --- everything ------------------------------------------------------------

LINT_CFLAGS = $(filter -std=% -D% -I%,$(DCFLAGS)) $(foreach d,$(DIRS),$(CFLAGS_$(d)))
RUN_LINT = "timeout=1200 name=lint env LINT_CFLAGS='$(LINT_CFLAGS)' scripts/lint"

.PHONY: lint
## lint: style, licences, includes, static analysis
lint: $(GENERATED)
	@$(RUN_ONE) $(RUN_LINT)

.PHONY: lint-deep
## lint-deep: clang's static analyzer, checkpatch on all (many minutes)
lint-deep: $(GENERATED)
	@LINT_CFLAGS='$(LINT_CFLAGS)' scripts/lint --deep \
		clang_tidy_is_content checkpatch_is_content

# Long ones first, so that the end is not a wait for one of them; one more at a
# time than there are cores, for a VM waits for its disks a third of its time.
RUN_ALL = $(RUN_LINT) $(RUN_VM) $(RUN_E2E) $(RUN_TSAN) $(RUN_ASAN) $(RUN_FUZZ) \
	$(RUN_SIM) $(RUN_UNIT)

.PHONY: check check-build
## check: set up, build every variant, test everything; ends with the counts
check:
	@scripts/setup
	+@$(MAKE) --no-print-directory -j $(JOBS) check-build
	@$(RUN_ONE) --jobs $$(($(JOBS) + 1)) $(RUN_ALL)

# One make for each variant, for B differs.
check-build:
	+@$(MAKE) --no-print-directory VARIANT=release all test-unit \
		$(if $(KMOD_KO),modules) test-sim test-guest
	+@$(MAKE) --no-print-directory VARIANT=asan daemons test-unit test-sim
	+@$(MAKE) --no-print-directory VARIANT=tsan test-threaded
	+@$(MAKE) --no-print-directory VARIANT=fuzz test-fuzzers
